"""Rows by their keys, on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import Pure, PureMany, host
from holdfast.kernels.shape_text import shape_text
from holdfast.kernels.state import has_duplicates


@host("Unique", reason="the array API standard has no unique values in the order of their first occurrence")
def _(request: KernelRequest) -> Kernel:
    positions = request.output_dtypes[1].as_numpy_dtype

    def unique(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        values, first, inverse = np.unique(x, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), positions)
        rank[order] = np.arange(len(order))
        return values[order], rank[inverse.reshape(-1)]

    return PureMany(unique)


@host("UnsortedSegmentSum", reason="the array API standard has no scatter with repeated indices")
def _(request: KernelRequest) -> Kernel | None:
    if request.input_dtypes[0].is_quantized:
        return None
    return Pure(_unsorted_segment_sum)


def _unsorted_segment_sum(data: Any, segments: Any, count: Any) -> NDArray[Any]:
    """Add up rows by their keys."""
    data, segments = np.asarray(data), np.asarray(segments)
    if data.shape[: segments.ndim] != segments.shape:
        text = (
            f"data.shape = {shape_text(data.shape)} does not start with segment_ids.shape = "
            f"{shape_text(segments.shape)}"
        )
        raise InvalidArgumentError(None, None, text)
    size = int(count)
    bad = np.asarray((segments < 0) | (segments >= size))
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        position = ",".join(str(int(i)) for i in first)
        text = f"segment_ids[{position}] = {segments[first]} is out of range [0, {size})"
        raise InvalidArgumentError(None, None, text)
    row = data.shape[segments.ndim :]
    keys = segments.reshape(-1)
    rows = data.reshape(-1, *row) if keys.size else np.zeros((0, *row), data.dtype)
    out = np.zeros((size, *row), data.dtype)
    if has_duplicates(keys):
        np.add.at(out, keys, rows)
    else:
        out[keys] = rows
    return out
