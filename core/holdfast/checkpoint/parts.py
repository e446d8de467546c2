"""Partitioned tensors: stored whole where their parts make up the whole, else part by part."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.manifest import MOST_PARTS
from holdfast.checkpoint.names import check_name
from holdfast.checkpoint.slices import SliceSpec, covers, first_overlap, index_of
from holdfast.checkpoint.sources import slice_spec
from holdfast.contracts import RangeSource, TensorSlice, TensorSource
from holdfast.dtypes import DType, string
from holdfast.errors import InvalidArgumentError

PART_NAME = "holdfast/part-{:05d}"
"""Name under which a part is stored whose tensor is not there as a whole."""


class AssembledSource:
    """A whole tensor out of parts that cover it; they are read one after the other when its turn comes."""

    def __init__(self, name: str, shape: tuple[int, ...], parts: Sequence[tuple[TensorSlice, TensorSource]]) -> None:
        self.name = name
        self.dtype: DType = parts[0][1].dtype
        self.shape = shape
        self._parts = parts

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return sum(source.nbytes for _, source in self._parts)

    def read(self) -> NDArray[Any]:
        """Return the whole tensor."""
        whole = np.empty(self.shape, np.object_ if self.dtype == string else self.dtype.as_numpy_dtype)
        for part, source in self._parts:
            whole[index_of(part)] = source.read()
        return whole


class RenamedSource:
    """A source under another name."""

    def __init__(self, name: str, source: TensorSource) -> None:
        self.name = name
        self.dtype = source.dtype
        self.shape = source.shape
        self._source = source

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self._source.nbytes

    def read(self) -> NDArray[Any]:
        """Return the values."""
        return self._source.read()


class RenamedRangeSource(RenamedSource):
    """A source under another name whose values can be read piece by piece."""

    def __init__(self, name: str, source: RangeSource) -> None:
        super().__init__(name, source)
        self._ranges = source

    def read_range(self, start: int, stop: int) -> NDArray[Any]:
        """Return a piece of the values."""
        return self._ranges.read_range(start, stop)


@dataclass(frozen=True, slots=True)
class Arranged:
    """What a format is given to write."""

    sources: list[TensorSource] = field(default_factory=list)
    """Whole tensors, and parts under names of their own."""
    partial: dict[str, Any] = field(default_factory=dict)
    """Of each tensor that is not whole: dtype, shape, and parts as (stored name, start, shape); JSON values."""


def arrange(tensors: Sequence[TensorSource]) -> Arranged:
    """Check names, gather each tensor's parts; InvalidArgumentError for duplicates and parts that do not fit."""
    for source in tensors:
        check_name(source.name)
    if len({source.name for source in tensors}) == len(tensors) and not any(map(slice_spec, tensors)):
        return Arranged(list(tensors))  # as nearly always, and then in a tenth of the time
    grouped: dict[str, list[TensorSource]] = {}
    for source in tensors:
        grouped.setdefault(source.name, []).append(source)
    result = Arranged()
    for name, group in grouped.items():
        specs = [spec for source in group if (spec := slice_spec(source)) is not None]
        if not specs and len(group) == 1:
            result.sources.append(group[0])
        elif len(specs) == len(group):
            _arrange_parts(name, group, specs, result)
        else:
            raise InvalidArgumentError(None, None, f"Two tensors are to be saved under one name: {name!r}.")
    names = {source.name for source in result.sources}
    if len(names) != len(result.sources):
        raise InvalidArgumentError(
            None, None, f"The names {PART_NAME.format(0)!r} and so on are kept for parts of tensors."
        )
    return result


def arrange_shards(tensors: Sequence[TensorSource], shards: Sequence[Hashable] | None) -> list[Arranged]:
    """Return what goes into each part, in the order in which their keys come first; all in one without keys."""
    whole = arrange(tensors)  # what is wrong with them does not depend on where they go
    if shards is None:
        return [whole]
    if len(shards) != len(tensors):
        raise InvalidArgumentError(
            None, None, f"There are {len(shards)} keys of shards for {len(tensors)} tensors: expected one for each."
        )
    grouped: dict[Hashable, list[TensorSource]] = {}
    least = {source.name: source for source in reversed(tensors)}
    least.update((source.name, source) for source in reversed(tensors) if math.prod(source.shape))
    for key, source in zip(shards, tensors, strict=True):
        group = grouped.setdefault(key, [])
        # Slices without elements add nothing, and of a tensor without any each would be the whole.
        if math.prod(source.shape) or least[source.name] is source:
            group.append(source)
    if len(grouped) > MOST_PARTS:
        raise InvalidArgumentError(None, None, f"There are {len(grouped):,} shards, expected at most {MOST_PARTS:,}.")
    return [arrange(group) for group in grouped.values()] or [whole]


def _arrange_parts(name: str, group: list[TensorSource], specs: list[SliceSpec], result: Arranged) -> None:
    """Add one tensor that is given in parts."""
    shape, dtype = specs[0].full_shape, group[0].dtype
    if any(spec.full_shape != shape for spec in specs) or any(source.dtype != dtype for source in group):
        described = ", ".join(f"{s.dtype.name} {spec}" for s, spec in zip(group, specs, strict=True))
        raise InvalidArgumentError(None, None, f"Parts of tensor {name!r} belong to different tensors: {described}.")
    slices = [spec.slice for spec in specs]
    if overlap := first_overlap(slices):
        both = " and ".join(repr(str(SliceSpec(shape, part))) for part in overlap)
        raise InvalidArgumentError(None, None, f"Parts of tensor {name!r} overlap: {both}.")
    if covers(slices, shape):
        result.sources.append(AssembledSource(name, shape, list(zip(slices, group, strict=True))))
        return
    stored = []
    for part, source in zip(slices, group, strict=True):
        stored_name = PART_NAME.format(len(result.sources))
        result.sources.append(
            RenamedRangeSource(stored_name, source)
            if isinstance(source, RangeSource)
            else RenamedSource(stored_name, source)
        )
        stored.append([stored_name, list(part.start), list(part.shape)])
    result.partial[name] = {"dtype": dtype.name, "shape": list(shape), "parts": stored}


def volume(part: TensorSlice) -> int:
    """Return the number of elements of a part."""
    return math.prod(part.shape)
