from __future__ import annotations

from holdfast.testing.format_conformance import FormatConformance
from holdfast_msgpack import SPEC


class TestContainer(FormatConformance):
    """The built-in format msgpack-zstd does what every format must do."""

    spec = SPEC
    options = ({}, {"level": 0}, {"level": 6, "threads": 1}, {"mmap": True})
