"""Reductions along axes: straight to the ufunc's ``reduce``, with the axes read once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_tuple
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.arguments import Steering
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, is_real, override

_UFUNCS: dict[str, np.ufunc] = {
    "All": np.logical_and,
    "Any": np.logical_or,
    "Max": np.maximum,
    "Mean": np.add,
    "Min": np.minimum,
    "Prod": np.multiply,
    "Sum": np.add,
}
_OF_NOTHING = frozenset({"Max", "Min", "Mean"})
"""Ops whose ufunc does not give the right value for no elements."""


@dataclass(frozen=True, slots=True)
class _Axes:
    """What to reduce an array of one shape along."""

    axes: tuple[int, ...]
    """The axes, counted from the front; empty where there is nothing to reduce."""
    count: int
    """How many elements become one."""


def _read_axes(indices: Array, shape: tuple[int, ...]) -> _Axes | None:
    """Return the axes, or None where they are out of range."""
    rank, listed = len(shape), int_tuple(indices)
    if any(not -rank <= axis < rank for axis in listed):
        return None
    axes = tuple(sorted({axis % rank for axis in listed}))
    return _Axes(axes, math.prod(shape[axis] for axis in axes))


def _divisor(request: KernelRequest) -> Callable[[int], Any]:
    """Return the count of elements as a number of the output's dtype."""
    dtype = request.output_dtypes[0].as_numpy_dtype
    return lambda count: np.array(count, dtype)


@override(*_UFUNCS)
def _(request: KernelRequest) -> Kernel | None:
    op_type = request.op_type
    complex_extreme = op_type in {"Max", "Min"} and request.input_dtypes[0].is_complex
    if not is_plain(request) or is_half(request) or complex_extreme or (op_type == "Mean" and not is_real(request)):
        return None
    reduce, keep = _UFUNCS[op_type].reduce, request.attrs["keep_dims"]
    dtype = None if op_type in {"All", "Any", "Max", "Min"} else request.output_dtypes[0].as_numpy_dtype
    rest = fallback(request).function
    axes_of = Steering(_read_axes)
    divisor = _divisor(request)

    def plan(x: Array, indices: Array) -> _Axes | None:
        found = axes_of(indices, x.shape)
        usual = found is not None and found.axes and (found.count or op_type not in _OF_NOTHING)
        return found if usual else None

    def compute(x: Array, indices: Array) -> Array:
        found = plan(x, indices)
        if found is None:
            return rest(x, indices)
        total = reduce(x, axis=found.axes, dtype=dtype, keepdims=keep)
        return np.divide(total, divisor(found.count)) if op_type == "Mean" else total

    def write(out: Array, x: Array, indices: Array) -> None:
        found = plan(x, indices)
        if found is None:
            np.copyto(out, rest(x, indices))
            return
        reduce(x, axis=found.axes, dtype=dtype, out=out, keepdims=keep)
        if op_type == "Mean":
            np.divide(out, divisor(found.count), out)

    return Computed(compute, write)
