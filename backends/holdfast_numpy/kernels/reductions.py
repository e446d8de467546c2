"""Reductions along axes: straight to the ufunc's ``reduce``, with the axes read once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, Scratch, Source
from holdfast.kernels.arguments import int_tuple
from holdfast_numpy.kernels.abilities import Computed, call_with
from holdfast_numpy.kernels.arguments import Steering
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, is_real, override
from holdfast_numpy.kernels.sums import sum_of_rows, sum_source

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


@dataclass(frozen=True, slots=True)
class _Reduction:
    """One reduction, as a function, into a buffer, and as source."""

    ufunc: np.ufunc
    mean: bool
    """Whether what was added up is divided by the number of elements."""
    by_product: bool
    """Whether rows are added up as a product with ones."""
    of_nothing: bool
    """Whether the ufunc gives the right value for no elements."""
    keep: bool
    """Whether reduced axes are kept as ones."""
    dtype: Any
    """What to compute in; None for the input's own."""
    number: Callable[[int], Any]
    """From a count to a number of the output's dtype, as an array."""
    rest: Callable[..., Array]
    """The generic kernel."""
    axes_of: Steering[_Axes | None] = field(default_factory=lambda: Steering(_read_axes))

    def _plan(self, x: Array, indices: Array) -> _Axes | None:
        """Return what to reduce, or None where the generic kernel does it."""
        found = self.axes_of(indices, x.shape)
        return found if found is not None and self._is_usual(found) else None

    def _is_usual(self, found: _Axes) -> bool:
        """Whether there is something to reduce."""
        return bool(found.axes) and (found.count > 0 or self.of_nothing)

    def _adds_rows(self, shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
        """Whether all but the last axes are added up."""
        leading = axes == tuple(range(len(axes))) and len(axes) < len(shape)
        return self.by_product and leading and 0 not in shape

    def compute(self, x: Array, indices: Array) -> Array:
        """Return the output."""
        found = self._plan(x, indices)
        if found is None:
            return self.rest(x, indices)
        if self._adds_rows(x.shape, found.axes):
            return sum_of_rows(x, len(found.axes), None)
        total = self.ufunc.reduce(x, axis=found.axes, dtype=self.dtype, keepdims=self.keep)
        return np.divide(total, self.number(found.count)) if self.mean else total

    def write(self, out: Array, x: Array, indices: Array) -> None:
        """Write the output."""
        found = self._plan(x, indices)
        if found is None:
            np.copyto(out, self.rest(x, indices))
        elif self._adds_rows(x.shape, found.axes) and out.flags.c_contiguous:
            sum_of_rows(x, len(found.axes), out)
        else:
            self.ufunc.reduce(x, axis=found.axes, dtype=self.dtype, out=out, keepdims=self.keep)
            if self.mean:
                np.divide(out, self.number(found.count), out)

    def source(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return the call of ``reduce`` with axes that are known."""
        shape, indices = operands[0].shape, operands[1].value
        found = None if indices is None else _read_axes(indices, shape)
        if found is None or not self._is_usual(found):
            return None
        if outputs and self._adds_rows(shape, found.axes):
            return sum_source(inputs[0], shape, len(found.axes), outputs[0])
        objects: dict[str, Any] = {"_k_axes": found.axes, "_k_dtype": self.dtype, "_k_keep": self.keep}
        target = "None"
        if outputs:
            target, objects["_k_out"] = "_k_out", outputs[0]
        elif len(found.axes) < len(shape) or self.keep:
            return None
        total = call_with(self.ufunc.reduce, (inputs[0], "_k_axes", "_k_dtype", target, "_k_keep"), **objects)
        return self._divided(*total, found.count) if self.mean else total

    def _divided(self, total: str, objects: Mapping[str, Any], count: int) -> Source:
        """Return the source of a mean from that of a sum."""
        if "_k_out" not in objects:
            return f"({total} / _k_count)", {**objects, "_k_count": self.number(count)[()]}
        divide = {"_k_divide": np.divide, "_k_count": self.number(count)}
        return f"_k_divide({total}, _k_count, _k_out)", {**objects, **divide}


@override(*_UFUNCS)
def _(request: KernelRequest) -> Kernel | None:
    op_type, output = request.op_type, request.output_dtypes[0]
    complex_extreme = op_type in {"Max", "Min"} and request.input_dtypes[0].is_complex
    if not is_plain(request) or is_half(request) or complex_extreme or (op_type == "Mean" and not is_real(request)):
        return None
    keep = request.attrs["keep_dims"]
    reduction = _Reduction(
        _UFUNCS[op_type],
        mean=op_type == "Mean",
        by_product=op_type == "Sum" and is_real(request) and not keep,
        of_nothing=op_type not in _OF_NOTHING,
        keep=keep,
        dtype=None if op_type in {"All", "Any", "Max", "Min"} else output.as_numpy_dtype,
        number=lambda count: np.array(count, output.as_numpy_dtype),
        rest=fallback(request).function,
    )
    return Computed(reduction.compute, reduction.write, reduction.source)
