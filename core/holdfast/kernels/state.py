"""Updates of variables: whole ones by the array API, rows of them on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, KernelRequest, RunContext, UpdateKernel
from holdfast.errors import InvalidArgumentError, OutOfRangeError
from holdfast.kernels.registry import Update, generic, host
from holdfast.kernels.shape_text import shape_text


def begin(out: Array, current: Array) -> None:
    """Give a fresh buffer the current values, so that the update may go on from them in place."""
    if out is not current:
        out[...] = current


def _check_same_shape(current: Array, value: Array) -> None:
    """Raise unless a value has the variable's shape: nothing is broadcast."""
    if current.shape != value.shape:
        text = (
            "Parameters and update must be the same size\nThe variable has shape "
            f"{shape_text(current.shape)}, the update {shape_text(value.shape)}."
        )
        raise InvalidArgumentError(None, None, text)


def _add(out: Array, current: Array, value: Array) -> None:
    """Add in place."""
    _check_same_shape(current, value)
    begin(out, current)
    out += value


def _subtract(out: Array, current: Array, value: Array) -> None:
    """Subtract in place."""
    _check_same_shape(current, value)
    begin(out, current)
    out -= value


@generic("AssignAdd", "AssignSub")
def _(xp: Any, request: KernelRequest) -> UpdateKernel | None:
    if request.input_dtypes[0].is_quantized:
        return None
    return Update(_add if request.op_type == "AssignAdd" else _subtract)


@dataclass(frozen=True, slots=True)
class _CountUpTo:
    """Increments a counter and returns what it was."""

    limit: int

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the incremented counter; refuse at the limit."""
        if int(current[0]) >= self.limit:
            raise OutOfRangeError(None, None, f"Reached limit of {self.limit}")
        # Adding zero gives a value of the array's own library that the write below leaves alone.
        before = current[0] + 0
        begin(out[0], current[0])
        out[0][...] = before + 1
        return (before,)


@generic("CountUpTo")
def _(xp: Any, request: KernelRequest) -> UpdateKernel:
    return _CountUpTo(request.attrs["limit"])


def check_indices(indices: NDArray[Any], size: int) -> None:
    """Raise for the first index that is not a row, in TensorFlow's words."""
    bad = np.asarray((indices < 0) | (indices >= size))
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        position = f"[{','.join(str(int(i)) for i in first)}]" if first else ""
        text = f"indices{position} = {indices[first]} is not in [0, {size})"
        raise InvalidArgumentError(None, None, text)


def rounds(indices: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the positions of a vector of indices in rounds: the n-th round has the n-th occurrence of each index."""
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else order
    occurrence = np.arange(len(ordered)) - np.repeat(starts, np.diff(starts, append=len(ordered)))
    by_occurrence = np.argsort(occurrence, kind="stable")
    ends = np.cumsum(np.bincount(occurrence))
    yield from np.split(order[by_occurrence], ends[:-1])


def has_duplicates(indices: NDArray[Any]) -> bool:
    """Whether a vector names a row twice."""
    ordered = np.sort(indices)
    return bool((ordered[1:] == ordered[:-1]).any())


def _divide_integers(rows: NDArray[Any], updates: NDArray[Any]) -> NDArray[Any]:
    """Divide towards zero, as C does."""
    quotient: NDArray[Any] = (rows - np.fmod(rows, updates)) // updates
    return quotient


_UFUNCS: dict[str, np.ufunc] = {
    "ScatterAdd": np.add,
    "ScatterSub": np.subtract,
    "ScatterMul": np.multiply,
    "ScatterDiv": np.divide,
}


def _by_ufunc(ufunc: np.ufunc) -> Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], None]:
    """Return how to update rows by an arithmetic operation."""

    def update_rows(out: NDArray[Any], indices: NDArray[Any], updates: NDArray[Any]) -> None:
        if has_duplicates(indices):
            ufunc.at(out, indices, updates)
        else:
            out[indices] = ufunc(out[indices], updates)

    return update_rows


def _replace_rows(out: NDArray[Any], indices: NDArray[Any], updates: NDArray[Any]) -> None:
    """Replace rows; of equal indices the last one counts."""
    out[indices] = updates


def _divide_integer_rows(out: NDArray[Any], indices: NDArray[Any], updates: NDArray[Any]) -> None:
    """Divide rows of integers, by equal indices in turn."""
    if (updates == 0).any():
        raise InvalidArgumentError(None, None, "Integer division by zero: an element of 'updates' is 0.")
    for chosen in rounds(indices):
        rows = indices[chosen]
        out[rows] = _divide_integers(out[rows], updates[chosen])


@host(
    "ScatterUpdate",
    "ScatterAdd",
    "ScatterSub",
    "ScatterMul",
    "ScatterDiv",
    reason="the array API standard has no scatter with repeated indices",
)
def _(request: KernelRequest) -> UpdateKernel | None:
    dtype = request.input_dtypes[0]
    if request.op_type == "ScatterUpdate":
        return Update(_scatter(_replace_rows))
    if dtype.is_quantized:
        return None
    if request.op_type == "ScatterDiv" and dtype.is_integer:
        return Update(_scatter(_divide_integer_rows))
    return Update(_scatter(_by_ufunc(_UFUNCS[request.op_type])))


def _scatter(
    update_rows: Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], None],
) -> Callable[[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], None]:
    """Return a whole update from one of rows that may be relied on to fit."""

    def scatter(out: NDArray[Any], current: NDArray[Any], indices: NDArray[Any], updates: NDArray[Any]) -> None:
        indices, updates = np.asarray(indices), np.asarray(updates)
        if updates.shape != indices.shape + current.shape[1:] or not current.ndim:
            text = (
                "Must have updates.shape = indices.shape + params.shape[1:], got updates.shape "
                f"{shape_text(updates.shape)}, indices.shape {shape_text(indices.shape)}, params.shape "
                f"{shape_text(current.shape)}"
            )
            raise InvalidArgumentError(None, None, text)
        check_indices(indices, current.shape[0])
        begin(out, current)
        update_rows(out, indices.reshape(-1), updates.reshape(-1, *current.shape[1:]))

    return scatter
