"""The format with its options: writing and opening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.contracts import Inputs, Outputs, Reader, TensorSource
from holdfast_msgpack.container_reader import ContainerReader
from holdfast_msgpack.container_writer import ContainerWriter
from holdfast_msgpack.index import read_metadata
from holdfast_msgpack.workers import usable_processors

SUFFIX = ".holdfast"
_MOST_LEVEL, _MOST_THREADS = 19, 64


@dataclass(frozen=True, slots=True)
class ContainerFormat:
    """Implementation of :class:`holdfast.contracts.CheckpointFormat` and :class:`holdfast.contracts.MetadataFormat`."""

    level: int = 1
    """Level of zstd; 0 stores everything as it is."""
    threads: int = field(default_factory=usable_processors)
    """Threads that encode, decode and check."""
    mmap: bool = False
    """Whether tensors that are stored as they are become mapped memory when they are read."""
    uint_views: bool = False
    """Whether bfloat16 and float8 are read as unsigned integers, their bits."""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> ContainerFormat:
        """Check the options; ValueError for one that is not known or has a bad value."""
        known = ("level", "threads", "mmap", "uint_views")
        for key in options:
            if key not in known:
                raise ValueError(f"Format msgpack-zstd has no option {key!r}; it has: {', '.join(known)}.")
        for key, least, most in (("level", 0, _MOST_LEVEL), ("threads", 1, _MOST_THREADS)):
            value = options.get(key, least)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(
                    f"Option {key} of format msgpack-zstd is {value!r}, expected an int from {least} to {most}."
                )
        for key in ("mmap", "uint_views"):
            value = options.get(key, False)
            if not isinstance(value, bool):
                raise ValueError(f"Option {key} of format msgpack-zstd is {value!r}, expected a bool.")
        return cls(**options)

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        """Write all tensors and the metadata."""
        ContainerWriter(self.level, self.threads).write(outputs, SUFFIX, tensors, metadata)

    def open(self, inputs: Inputs) -> Reader:
        """Check the structure and return a reader."""
        return ContainerReader(inputs.open(SUFFIX), threads=self.threads, mapped=self.mmap, uint_views=self.uint_views)

    def read_metadata(self, inputs: Inputs) -> Mapping[str, Any]:
        """Return the metadata; the index is verified as a whole, but its tensors and chunks are not looked at."""
        return read_metadata(inputs.open(SUFFIX))
