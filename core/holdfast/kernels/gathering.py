"""Kernels that choose elements by their indices, and put them at indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple, int_value
from holdfast.kernels.registry import Pure, generic, host
from holdfast.kernels.shape_text import shape_text


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@generic("Gather", "GatherV2")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(params: Array, indices: Array, *axis: Array) -> Array:
        if params.ndim < 1:
            raise _refuse("params must be at least 1 dimensional")
        at = int_value(axis[0]) if axis else 0
        if not -params.ndim <= at < params.ndim:
            raise _refuse(f"Expected axis in the range [{-params.ndim}, {params.ndim}), but got {at}")
        return _taken(xp, params, xp.asarray(indices), at % params.ndim)

    return Pure(compute)


def _taken(xp: Any, params: Array, indices: Array, axis: int) -> Array:
    """Return the slices along an axis that the indices name."""
    size = params.shape[axis]
    if bool(xp.any((indices < 0) | (indices >= size))):
        _raise_out_of_range(indices, size)
    if size == 0:
        return xp.zeros(params.shape[:axis] + indices.shape + params.shape[axis + 1 :], dtype=params.dtype)
    taken = xp.take(params, xp.reshape(indices, (-1,)), axis=axis)
    return xp.reshape(taken, params.shape[:axis] + indices.shape + params.shape[axis + 1 :])


def _raise_out_of_range(indices: Array, size: int) -> None:
    """Raise for the first index that is out of range."""
    for i, index in enumerate(int_tuple(indices)):
        if not 0 <= index < size:
            where = ",".join(str(part) for part in np.unravel_index(i, indices.shape)) if indices.ndim else ""
            raise _refuse(f"indices{f'[{where}]' if where else ''} = {index} is not in [0, {size})")


def _positions(indices: Array) -> tuple[int, int]:
    """Return the number of positions in an array of them, and the number of their items."""
    depth = indices.shape[-1]
    return math.prod(indices.shape[:-1]), depth


@generic("GatherNd")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(params: Array, indices: Array) -> Array:
        if params.ndim < 1:
            raise _refuse("params must be at least a vector")
        if indices.ndim < 1:
            raise _refuse("indices must be at least a vector")
        count, depth = _positions(indices)
        if depth > params.ndim:
            raise _refuse(f"index innermost dimension length must be <= params rank; saw: {depth} vs. {params.ndim}")
        outer, row = params.shape[:depth], params.shape[depth:]
        flat = _flat_positions(xp, indices, outer, count)
        bad = _first_bad(xp, indices, outer, count)
        if bad is not None:
            at, position = bad
            raise _refuse(
                f"flat indices[{at}, :] = [{', '.join(map(str, position))}] does not index into param (shape: "
                f"{shape_text(params.shape)})."
            )
        rows = xp.reshape(params, (math.prod(outer), math.prod(row)))
        if not math.prod(outer):
            return xp.zeros(indices.shape[:-1] + row, dtype=params.dtype)
        return xp.reshape(xp.take(rows, flat, axis=0), indices.shape[:-1] + row)

    return Pure(compute)


def _flat_positions(xp: Any, indices: Array, outer: tuple[int, ...], count: int) -> Array:
    """Return positions as indices into the axes ``outer``, flattened."""
    table = xp.astype(xp.reshape(indices, (count, len(outer))), xp.int64)
    flat = xp.zeros((count,), dtype=xp.int64)
    for i, size in enumerate(outer):
        flat = flat * size + table[:, i]
    return flat


def _first_bad(xp: Any, indices: Array, outer: tuple[int, ...], count: int) -> tuple[int, tuple[int, ...]] | None:
    """Return the first position that is out of range, with its number; None if all are in range."""
    table = xp.reshape(indices, (count, len(outer)))
    if not outer or count == 0:
        return None
    limits = xp.asarray(outer, dtype=indices.dtype)
    bad = xp.any((table < 0) | (table >= limits), axis=-1)
    if not bool(xp.any(bad)):
        return None
    at = int_value(xp.argmax(xp.astype(bad, xp.int32)))
    return at, int_tuple(table[at, :])


@host("ScatterNd", reason="the array API standard has no scatter with repeated indices")
def _(request: KernelRequest) -> Pure | None:
    if request.output_dtypes[0].name == "string":
        return None

    def compute(indices: NDArray[Any], updates: NDArray[Any], shape: NDArray[Any]) -> NDArray[Any]:
        whole = int_tuple(shape)
        if any(size < 0 for size in whole):
            raise _refuse(f"Output shape must not have negative dimensions, got {shape_text(whole)}")
        indices, updates = np.asarray(indices), np.asarray(updates)
        count, depth = _positions(indices)
        if depth > len(whole) or updates.shape != indices.shape[:-1] + whole[depth:]:
            raise _refuse(
                f"The shape of updates, {shape_text(updates.shape)}, must be that of indices without its last axis, "
                f"{shape_text(indices.shape)}, followed by the rest of the output's shape {shape_text(whole)}"
            )
        bad = _first_bad(np, indices, whole[:depth], count)
        if bad is not None:
            at, position = bad
            where = ", ".join(map(str, position))
            raise _refuse(f"Invalid indices: [{at},0] = [{where}] does not index into {shape_text(whole)}")
        out = np.zeros(whole, updates.dtype)
        rows = out.reshape(math.prod(whole[:depth]), *whole[depth:])
        flat = _flat_positions(np, indices, whole[:depth], count)
        np.add.at(rows, flat, updates.reshape(count, *whole[depth:]))
        return out

    return Pure(compute)
