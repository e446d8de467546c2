"""The format with its options: writing and opening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.contracts import Inputs, Outputs, Reader, TensorSource
from holdfast_npz.index import parse_metadata
from holdfast_npz.npz_reader import NpzReader
from holdfast_npz.npz_writer import NpzWriter, check_source
from holdfast_npz.tail import read_metadata

_COMPRESSIONS = ("stored", "deflate")


@dataclass(frozen=True, slots=True)
class NpzFormat:
    """Implementation of :class:`holdfast.contracts.CheckpointFormat`."""

    level: int | None = None
    """Level of deflate; None stores everything as it is."""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> NpzFormat:
        """Check the options; ValueError for one that is not known or has a bad value."""
        for key in options:
            if key not in {"compression", "level"}:
                raise ValueError(f"Format npz has no option {key!r}; it has: compression, level.")
        compression, level = options.get("compression", "stored"), options.get("level", 6)
        if compression not in _COMPRESSIONS:
            raise ValueError(f"Option compression of format npz is {compression!r}, expected one of {_COMPRESSIONS}.")
        if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= 9:
            raise ValueError(f"Option level of format npz is {level!r}, expected an int from 1 to 9.")
        return cls(level if compression == "deflate" else None)

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        """Write all tensors and the metadata."""
        for source in tensors:
            check_source(source)
        writer = NpzWriter(outputs.create(".npz"), self.level)
        for source in tensors:
            writer.add(source)
        writer.finish(metadata)

    def open(self, inputs: Inputs) -> Reader:
        """Check the structure and return a reader."""
        return NpzReader(inputs.open(".npz"))

    def read_metadata(self, inputs: Inputs) -> Mapping[str, Any]:
        """Return the metadata without going through the tensors."""
        file = inputs.open(".npz")
        return parse_metadata(file.path, read_metadata(file))
