"""Kernels that send rows to, and take them from, lists of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import Pure, PureMany, host
from holdfast.kernels.shape_text import shape_text

_REASON = "the array API standard has no assignment by arrays of indices"


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


def _first(bad: NDArray[Any]) -> str:
    """Return the position of the first true element as ``[i,j]``; empty for a scalar."""
    position = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return f"[{','.join(str(int(i)) for i in position)}]" if bad.ndim else ""


@host("DynamicPartition", reason=_REASON)
def _(request: KernelRequest) -> Kernel:
    count = request.attrs["num_partitions"]

    def compute(data: NDArray[Any], partitions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        data, partitions = np.asarray(data), np.asarray(partitions)
        if data.shape[: partitions.ndim] != partitions.shape:
            raise _refuse(
                f"data.shape must start with partitions.shape, got data.shape = {shape_text(data.shape)}, "
                f"partitions.shape = {shape_text(partitions.shape)}"
            )
        bad = np.asarray((partitions < 0) | (partitions >= count))
        if bad.any():
            value = partitions.reshape(-1)[int(np.argmax(bad))]
            raise _refuse(f"partitions{_first(bad)} = {value} is not in [0, {count})")
        return tuple(data[partitions == i] for i in range(count))

    return PureMany(compute)


@host("DynamicStitch", reason=_REASON)
def _(request: KernelRequest) -> Kernel:
    count = request.attrs["N"]

    def compute(*inputs: NDArray[Any]) -> NDArray[Any]:
        indices = [np.asarray(array) for array in inputs[:count]]
        data = [np.asarray(array) for array in inputs[count:]]
        row = data[0].shape[indices[0].ndim :]
        for i, (where, rows) in enumerate(zip(indices, data, strict=True)):
            _check_stitch(i, where, rows, data[0], indices[0])
        size = max((int(where.max()) + 1 for where in indices if where.size), default=0)
        out = np.zeros((size, *row), data[0].dtype)
        for where, rows in zip(indices, data, strict=True):
            # Flattened, the last of equal indices wins, as it does one by one.
            out[where.reshape(-1)] = rows.reshape(-1, *row) if where.size else rows.reshape(0, *row)
        return out

    return Pure(compute)


def _check_stitch(
    number: int, where: NDArray[Any], rows: NDArray[Any], first: NDArray[Any], first_where: NDArray[Any]
) -> None:
    """Raise unless one pair of indices and data fits itself and the first one."""
    if rows.shape[: where.ndim] != where.shape:
        raise _refuse(
            f"data[{number}].shape = {shape_text(rows.shape)} does not start with indices[{number}].shape = "
            f"{shape_text(where.shape)}"
        )
    if rows.shape[where.ndim :] != first.shape[first_where.ndim :]:
        raise _refuse(
            f"Need data[0].shape[{first_where.ndim}:] = data[{number}].shape[{where.ndim}:], got data[0].shape = "
            f"{shape_text(first.shape)}, data[{number}].shape = {shape_text(rows.shape)}"
        )
    if where.size and int(where.min()) < 0:
        raise _refuse(f"indices{_first(np.asarray(where < 0))} is out of range")


@host("SegmentSum", reason="the array API standard has no sums of runs of rows")
def _(request: KernelRequest) -> Kernel:
    def compute(data: NDArray[Any], segments: NDArray[Any]) -> NDArray[Any]:
        if segments.ndim != 1:
            raise _refuse("segment_ids should be a vector.")
        if data.ndim < 1 or data.shape[0] != segments.shape[0]:
            raise _refuse("segment_ids should be the same size as dimension 0 of input.")
        if not segments.size:
            return np.zeros((0, *data.shape[1:]), data.dtype)
        count = int(segments[-1]) + 1
        if (np.diff(segments) < 0).any():
            raise _refuse("segment ids are not increasing")
        if int(segments[0]) < 0:
            raise _refuse(
                f"Segment id {segments[0]} out of range [0, {count}), possibly because 'segment_ids' input is not "
                "sorted."
            )
        starts = np.flatnonzero(np.diff(segments, prepend=-1))
        out = np.zeros((count, *data.shape[1:]), data.dtype)
        out[segments[starts]] = np.add.reduceat(data, starts, axis=0)
        return out

    return Pure(compute)
