"""The checkpoint format ``npz``: NumPy's zip of arrays, with true dtypes, metadata and digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.contracts import FormatSpec
from holdfast.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from holdfast.contracts import CheckpointFormat
    from holdfast.plugins.registry import FormatRegistry

__all__ = ["SPEC", "register_formats"]


def _make(options: Mapping[str, Any]) -> CheckpointFormat:
    """Make the format; zlib and xxhash are imported here, not when the plug-in is loaded."""
    from holdfast_npz.npz_format import NpzFormat

    return NpzFormat.from_options(options)


SPEC = FormatSpec(
    name="npz",
    suffixes=(".npz",),
    magic=((0, b"PK\x03\x04"), (30, b"__holdfast__/format")),
    factory=_make,
    integrity="digest",
    summary="NumPy's zip of arrays, readable by numpy.load, with digests",
)
"""What this plug-in registers."""


@hookimpl
def register_formats(registry: FormatRegistry) -> None:
    """Add the format."""
    registry.add(SPEC)
