"""The checkpoint format ``msgpack-zstd``: holdfast's own container, with digests, compressed planes and an index."""

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
    """Make the format; msgpack, zstandard and xxhash are imported here, not when the plug-in is loaded."""
    from holdfast_msgpack.container_format import ContainerFormat

    return ContainerFormat.from_options(options)


SPEC = FormatSpec(
    name="msgpack-zstd",
    suffixes=(".holdfast",),
    magic=((0, b"\x89HFT\r\n\x1a\n"),),
    factory=_make,
    integrity="digest",
    summary="holdfast's container: digests, compression by byte planes, partial reads",
)
"""What this plug-in registers."""


@hookimpl
def register_formats(registry: FormatRegistry) -> None:
    """Add the format."""
    registry.add(SPEC)
