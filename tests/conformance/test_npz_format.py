from __future__ import annotations

from holdfast.testing.format_conformance import FormatConformance
from holdfast_npz import SPEC


class TestNpz(FormatConformance):
    """The built-in format npz does what every format must do."""

    spec = SPEC
    options = ({}, {"compression": "deflate"}, {"compression": "deflate", "level": 1})
