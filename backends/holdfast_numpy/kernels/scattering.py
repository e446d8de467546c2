"""Updates of some rows of a variable, and sums of rows by their keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, RunContext, Scratch, Source, UpdateKernel
from holdfast_numpy.kernels.abilities import Computed, call_with
from holdfast_numpy.kernels.gathering import in_range
from holdfast_numpy.kernels.registry import fallback, is_plain, is_real, override
from holdfast_numpy.kernels.rows import change_rows, find_turns, put_rows, split_by_turns, take_rows

_UFUNCS: dict[str, np.ufunc] = {
    "ScatterAdd": np.add,
    "ScatterDiv": np.divide,
    "ScatterMul": np.multiply,
    "ScatterSub": np.subtract,
}


@dataclass(frozen=True, slots=True)
class _Scatter:
    """An update kernel of rows."""

    ufunc: np.ufunc | None
    """What changes the rows; None: they are replaced."""
    rest: UpdateKernel
    """The generic kernel, for its errors."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new values; in place, as much as the rows take."""
        (table,), (target,), (indices, updates) = current, out, inputs
        if not _fits(table.shape, indices.shape, updates.shape):
            return self.rest.update(context, current, out, *inputs)
        self._change(context, table, target, indices, updates)
        return ()

    def _change(self, context: RunContext | None, table: Array, target: Array, indices: Array, updates: Array) -> None:
        """Write the new values of rows that fit."""
        if not in_range(indices, table.shape[0]):
            self.rest.update(context, (table,), (target,), indices, updates)  # type: ignore[arg-type]
            return
        if target is not table:
            np.copyto(target, table)
        if not indices.size:
            return
        if indices.ndim != 1:
            indices, updates = indices.reshape(-1), updates.reshape(-1, *table.shape[1:])
        if self.ufunc is None:
            put_rows(target, indices, updates)
        else:
            change_rows(target, indices, updates, self.ufunc)

    def shaped_update(
        self,
        current: tuple[str, ...],
        out: tuple[str, ...],
        inputs: tuple[str, ...],
        operands: tuple[Operand, ...],
        scratch: Scratch,
    ) -> Source | None:
        """Return the call that does not look at the shapes."""
        if not _fits(*(operand.shape for operand in operands)):
            return None
        return call_with(partial(self._change, None), (*current, *out, *inputs))


def _fits(table: tuple[int, ...], indices: tuple[int, ...], updates: tuple[int, ...]) -> bool:
    """Whether there is one row of updates an index."""
    return bool(table) and updates == indices + table[1:]


@override("ScatterUpdate", *_UFUNCS)
def _(request: KernelRequest) -> UpdateKernel | None:
    dtype = request.input_dtypes[0]
    if not is_plain(request) or (request.op_type == "ScatterDiv" and dtype.is_integer):
        return None
    return _Scatter(_UFUNCS.get(request.op_type), fallback(request))


@dataclass(frozen=True, slots=True)
class _SparseMomentum:
    """Momentum for the rows that a gradient names."""

    nesterov: bool
    rest: UpdateKernel
    """The generic kernel, for its errors."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new values; in place, as much as the rows take."""
        (var, accum), (lr, grad, indices, momentum) = current, inputs
        fits = (
            var.ndim
            and var.shape == accum.shape
            and indices.ndim == 1
            and grad.shape == indices.shape + var.shape[1:]
            and not (lr.shape or momentum.shape)
            and in_range(indices, var.shape[0])
        )
        if not fits or not grad.size:
            return self.rest.update(context, current, out, *inputs)
        for target, values in zip(out, current, strict=True):
            if target is not values:
                np.copyto(target, values)
        distinct, parts = split_by_turns(indices, grad, find_turns(indices))
        values, speeds = take_rows(out[0], distinct), take_rows(out[1], distinct, 1)
        for slope in parts:
            self._step(values[: len(slope)], speeds[: len(slope)], lr, slope, momentum)
        put_rows(out[0], distinct, values)
        put_rows(out[1], distinct, speeds)
        return ()

    def _step(self, value: Array, speed: Array, lr: Array, slope: Array, momentum: Array) -> None:
        """Change rows of the variable and of its slot in place."""
        np.multiply(speed, momentum, speed)
        np.add(speed, slope, speed)
        np.subtract(value, lr * slope + lr * momentum * speed if self.nesterov else lr * speed, value)


@override("SparseApplyMomentum")
def _(request: KernelRequest) -> UpdateKernel | None:
    return _SparseMomentum(request.attrs["use_nesterov"], fallback(request)) if is_real(request) else None


@override("UnsortedSegmentSum")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    dtype = request.output_dtypes[0].as_numpy_dtype
    rest: Callable[..., Array] = fallback(request).function

    def add_up(out: Array, data: Array, segments: Array) -> None:
        out.fill(0)
        change_rows(out, segments.reshape(-1), data.reshape(-1, *out.shape[1:]), np.add)

    def fits(data: Array, segments: Array, count: Array) -> bool:
        return bool(data.size and data.shape[: segments.ndim] == segments.shape and in_range(segments, int(count)))

    def compute(data: Array, segments: Array, count: Array) -> Array:
        if not fits(data, segments, count):
            return rest(data, segments, count)
        out = np.empty((int(count), *data.shape[segments.ndim :]), dtype)
        add_up(out, data, segments)
        return out

    def write(out: Array, data: Array, segments: Array, count: Array) -> None:
        if fits(data, segments, count):
            add_up(out, data, segments)
        else:
            np.copyto(out, rest(data, segments, count))

    return Computed(compute, write)
