"""Casting tensors to other dtypes: which, and what is lost by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.names import printable
from holdfast.checkpoint.selection import matches
from holdfast.dtypes import DType, as_dtype
from holdfast.errors import InvalidArgumentError

CastRules: TypeAlias = "Mapping[str, Any] | Sequence[tuple[str, Any]] | None"
"""Which tensors get which dtype: pairs of the name of a dtype, or a pattern of names as in a shell, and the new
dtype. The first pair counts that means a tensor."""

_AT_ONCE = 1 << 18  # elements: what is calculated with them stays small


@dataclass(frozen=True, slots=True)
class CastReport:
    """What casting one tensor did to its values."""

    name: str
    """Its name in the checkpoint that was converted, as it is: escape it before it is printed."""
    before: str
    """Name of its dtype there."""
    after: str
    """Name of its new dtype."""
    elements: int
    """How many elements it has."""
    inexact: int
    """How many of them have another value now."""
    max_error: float
    """The largest absolute difference between an old and a new value, both finite."""
    overflowed: int
    """How many did not fit into the range of the new dtype."""
    underflowed: int
    """How many became zero and were not."""


class CastTable:
    """Rules of casting, checked.

    Parameters
    ----------
    rules
        The rules.
    """

    def __init__(self, rules: CastRules) -> None:
        pairs = list(rules.items()) if isinstance(rules, Mapping) else list(rules or ())
        self._rules = [(what, _known_dtype(what), _new_dtype(what, target)) for what, target in pairs]
        self._used: set[str] = set()

    def target(self, name: str, dtype: DType) -> DType:
        """Return the dtype that a tensor gets; InvalidArgumentError if its values cannot be cast to that."""
        for what, source, new in self._rules:
            if dtype == source if source is not None else matches(name, what):
                self._used.add(what)
                _check(name, dtype, new)
                return new
        return dtype

    def check_used(self) -> None:
        """Refuse a pattern that meant no tensor: a slip."""
        for what, source, _ in self._rules:
            if source is None and what not in self._used:
                raise InvalidArgumentError(
                    None,
                    None,
                    f"The rule of casting {printable(what)} means no tensor, or only such as an earlier rule means. "
                    "It is the name of a dtype, or a pattern of names of tensors, such as 'encoder/*'.",
                )


def _known_dtype(what: str) -> DType | None:
    """Return the dtype of a name, None for a pattern."""
    try:
        return as_dtype(what).base_dtype
    except TypeError:
        return None


def _new_dtype(what: str, target: Any) -> DType:
    """Return the dtype that a rule gives; InvalidArgumentError if there is none."""
    try:
        new = as_dtype(target).base_dtype
        np.dtype(new.as_numpy_dtype)
    except TypeError as error:
        raise InvalidArgumentError(
            None, None, f"Tensors {printable(what)} cannot be cast to {printable(str(target))}: {error}"
        ) from error
    return new


def _check(name: str, dtype: DType, new: DType) -> None:
    """Refuse casts that have no meaning."""
    both_numbers = all(item.is_floating or item.is_integer or item.is_bool or item.is_complex for item in (dtype, new))
    if not both_numbers or (dtype.is_complex and not new.is_complex):
        raise InvalidArgumentError(
            None,
            None,
            f"Tensor {printable(name)} is {dtype.name} and cannot be cast to {new.name}. Numbers can be cast to "
            "numbers, complex ones to complex ones.",
        )


class Cast:
    """Casts the values of one tensor piece by piece, and notes what is lost.

    Parameters
    ----------
    name
        The tensor, for messages.
    before, after
        Its dtypes.
    allow_overflow
        Whether values that do not fit become infinite or the nearest that fits; if not, they are an error.
    """

    def __init__(self, name: str, before: DType, after: DType, *, allow_overflow: bool) -> None:
        self.name, self.before, self.after = name, before, after
        self._target = np.dtype(after.as_numpy_dtype)
        self._narrow = all(dtype.is_floating and dtype.name != "float64" for dtype in (before, after))
        self._allow_overflow = allow_overflow
        self.seen = 0
        self._inexact = self._overflowed = self._underflowed = 0
        self._max_error = 0.0

    def apply(self, values: NDArray[Any], start: int, out: NDArray[Any]) -> None:
        """Cast the elements from position `start` on, one-dimensional, into `out`; what is read again counts once."""
        for first in range(0, values.size, _AT_ONCE):
            piece, room = values[first : first + _AT_ONCE], out[first : first + _AT_ONCE]
            overflow = self._cast(piece, room)
            if start + first + piece.size <= self.seen:
                continue
            old, new = self._wide(piece), self._wide(room)
            if overflow is None:
                overflow = _lost(old, new)
            if overflow is not None and not self._allow_overflow:
                raise self._overflow(piece[overflow][0])
            if start + first == self.seen:
                self._note(piece, old, new, overflow)
                self.seen += piece.size

    def report(self) -> CastReport:
        """Return what was noted."""
        return CastReport(
            name=self.name,
            before=self.before.name,
            after=self.after.name,
            elements=self.seen,
            inexact=self._inexact,
            max_error=self._max_error,
            overflowed=self._overflowed,
            underflowed=self._underflowed,
        )

    def _cast(self, values: NDArray[Any], out: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Cast some values; of integers return which do not fit, if any: afterwards that cannot be told."""
        with np.errstate(all="ignore"):
            if self._target.kind in "iu":
                out[...], overflow = _to_integers(values, self._target)
                return overflow if overflow.any() else None
            out[...] = values != 0 if self._target.kind == "b" else values.astype(self._target)
            return None

    def _wide(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values in a type that holds both old and new ones: float32 where that is enough."""
        with np.errstate(invalid="ignore"):  # NaNs that signal
            if "c" in {values.dtype.kind, self._target.kind}:
                return values.astype(np.complex128)
            return values.astype(np.float32 if self._narrow else np.float64, copy=False)

    def _note(
        self, values: NDArray[Any], old: NDArray[Any], new: NDArray[Any], overflow: NDArray[np.bool_] | None
    ) -> None:
        """Count what was lost."""
        with np.errstate(all="ignore"):
            other = old != new
            if values.dtype.kind in "iu" and self._target.kind not in "iub":
                other |= ~_same_integers(values, new.real)
            error = np.abs(old - new)
            if overflow is not None or not np.isfinite(error).all():
                other &= ~(np.isnan(old) & np.isnan(new))
                other |= False if overflow is None else overflow
                error = error[np.isfinite(error) & (True if overflow is None else ~overflow)]
        self._inexact += int(np.count_nonzero(other))
        self._overflowed += 0 if overflow is None else int(np.count_nonzero(overflow))
        self._max_error = max(self._max_error, float(error.max(initial=0.0)))
        if self.after.is_floating or self.after.is_complex:
            self._underflowed += int(np.count_nonzero(new == 0)) - int(np.count_nonzero(old == 0))

    def _overflow(self, value: Any) -> InvalidArgumentError:
        """Return the error for a value that does not fit."""
        return InvalidArgumentError(
            None,
            None,
            f"Tensor {printable(self.name)} holds {value}, which does not fit into {self.after.name}. Choose a dtype "
            "with a larger range, such as bfloat16 for float32, or allow it: allow_overflow=True, --allow-overflow.",
        )


def _lost(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which values became infinite, or NaN where the new type has no infinity; None if none did."""
    finite = np.isfinite(new)
    if finite.all():
        return None
    found: NDArray[np.bool_] = ~finite & (np.isfinite(old) | (np.isnan(new) & ~np.isnan(old)))
    return found if found.any() else None


def _to_integers(values: NDArray[Any], target: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return values as integers, towards zero; what does not fit becomes the nearest that does, NaN becomes 0."""
    limits = np.iinfo(target)
    if values.dtype.kind in "iub":
        plain = values.astype(np.uint8) if values.dtype.kind == "b" else values
        # Python's integers are compared exactly, whatever the dtype is.
        overflow = (plain < limits.min) | (plain > limits.max)
        low, high = max(limits.min, np.iinfo(plain.dtype).min), min(limits.max, np.iinfo(plain.dtype).max)
        return plain.clip(low, high).astype(target), overflow
    whole = np.trunc(values.astype(np.float64))
    bound = math.ldexp(1.0, limits.bits - (limits.min < 0))  # one more than the largest, exact in float64
    low_bound = -bound if limits.min < 0 else 0.0
    fits = (whole >= low_bound) & (whole < bound)
    result = np.where(fits, whole, 0.0).astype(target)
    result[whole >= bound] = limits.max
    result[whole < low_bound] = limits.min
    return result, ~fits


def _same_integers(values: NDArray[Any], result: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether integers are exactly what became of them as float64, in which large ones may look the same."""
    limits = np.iinfo(values.dtype)
    bound = math.ldexp(1.0, limits.bits - (limits.min < 0))
    inside = (result >= limits.min) & (result < bound)
    exact: NDArray[np.bool_] = inside & (np.where(inside, result, 0.0).astype(values.dtype) == values)
    return exact
