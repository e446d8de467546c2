"""What does not fit between a graph and a checkpoint: TensorFlow's first line, then everything, with suggestions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from holdfast.checkpoint.names import printable
from holdfast.checkpoint.opened import escaped_key
from holdfast.checkpoint.requests import Mismatch, RestoreReport, TensorRequest
from holdfast.contracts import Entry
from holdfast.dtypes import DType
from holdfast.errors import InvalidArgumentError, NotFoundError

# Comparing every missing name with every stored one takes long for thousands of each, and nobody reads so many
# suggestions.
_MOST_SUGGESTIONS = 20
_MOST_CANDIDATES = 5000
_MOST_LINES = 1000
_TYPE_NAMES = {"float32": "float", "float64": "double", "float16": "half"}


class RestoreNotFoundError(NotFoundError):
    """A restore that asks for tensors which the checkpoint does not have."""

    report: RestoreReport
    """Everything that is missing or does not fit."""


class RestoreMismatchError(InvalidArgumentError):
    """A restore that asks for other dtypes or shapes than the checkpoint has."""

    report: RestoreReport
    """Everything that does not fit."""


def check_request(request: TensorRequest, name: str, entry: Entry) -> Mismatch | None:
    """Compare a request with the tensor that it names."""
    if request.dtype is not None and request.dtype.base_dtype is not entry.dtype:
        first = (
            f"tensor_name = {escaped_key(name)}; expected dtype {_type_name(request.dtype.base_dtype)} does not "
            f"equal original dtype "
            f"{_type_name(entry.dtype)}"
        )
        return Mismatch(name, "dtype", _described(entry), _wanted(request), first)
    shape = entry.shape
    if request.part is not None:
        if request.part.full_shape != shape:
            full, stored = list(request.part.full_shape), list(shape)
            first = f"Shape in shape_and_slice spec {full} does not match the shape stored in checkpoint: {stored}"
            return Mismatch(name, "shape", _described(entry), f"a part of {full}", first)
        shape = request.part.slice.shape
    if request.shape is None or request.shape == shape:
        return None
    if request.reshape and math.prod(request.shape) == math.prod(shape):
        return None
    first = f"Assign requires shapes of both tensors to match. lhs shape= {_tf(request.shape)} rhs shape= {_tf(shape)}"
    return Mismatch(name, "shape", _described(entry), _wanted(request), first)


def restore_error(
    report: RestoreReport,
    missing: Mapping[str, TensorRequest],
    entries: Mapping[str, Entry],
    plain: Mapping[str, str] | None = None,
) -> RestoreNotFoundError | RestoreMismatchError:
    """Return the one error about all that is missing or does not fit.

    `entries` are the tensors of the checkpoint; `plain` are the plain values of a tree, each with its type.
    """
    stored: dict[str, Entry | str] = {**entries, **(plain or {})}
    lines = [*_missing_lines(report, missing, stored), *_mismatch_lines(report)]
    failed = len(report.missing) + len(report.mismatched)
    if failed:
        what = "tensors" if plain is None else "parts of the tree"
        tensors = f"{failed:,} of {failed + len(report.restored):,} {what}"
        head = f"{tensors} cannot be restored from {printable(report.path, 500)}:"
    else:
        what = "tensors" if plain is None else "leaves"
        head = f"{printable(report.path, 500)} holds {len(report.unexpected):,} {what} that nobody asked for:"
        lines = [f"  unexpected: {_named(name, stored[name])}" for name in report.unexpected]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"  and {len(lines) - _MOST_LINES:,} more; the error's report lists all"]
    first = [f"Key {escaped_key(name)} not found in checkpoint" for name in report.missing[:1]]
    first += [mismatch.first_line for mismatch in report.mismatched[:1]]
    message = "\n".join([*first[:1], head, *lines])
    error = (RestoreNotFoundError if report.missing else RestoreMismatchError)(None, None, message)
    error.report = report
    return error


def _missing_lines(
    report: RestoreReport, missing: Mapping[str, TensorRequest], stored: Mapping[str, Entry | str]
) -> Iterable[str]:
    """Yield a line for each missing tensor, the first of them with suggestions."""
    free = {name: stored[name] for name in report.unexpected[:_MOST_CANDIDATES]}
    for number, name in enumerate(report.missing):
        request = missing[name]
        label = f" (for {printable(request.label)})" if request.label and request.label != name else ""
        hint = _suggestion(name, request, free, stored) if number < _MOST_SUGGESTIONS else ""
        yield f"  missing: {escaped_key(name)}{_wanted(request, ' ')}{label}{hint}"


def _suggestion(
    name: str, request: TensorRequest, free: Mapping[str, Entry | str], stored: Mapping[str, Entry | str]
) -> str:
    """Return ``; did you mean 'w'?`` for a name like it, else those of its dtype and shape; empty if there is none."""
    close = get_close_matches(name, free, n=1, cutoff=0.6) or get_close_matches(
        name, list(stored)[:_MOST_CANDIDATES], n=1, cutoff=0.8
    )
    if close:
        return f"; did you mean {_named(close[0], stored[close[0]])}?"
    shape = request.part.full_shape if request.part is not None else request.shape
    fitting = [
        other
        for other, entry in free.items()
        if isinstance(entry, Entry)
        and shape is not None
        and entry.shape == shape
        and request.dtype in (None, entry.dtype)
    ]
    if not fitting or len(fitting) > 3:
        return ""
    return "; of its shape there is " + ", ".join(_named(other, free[other]) for other in fitting)


def _mismatch_lines(report: RestoreReport) -> Iterable[str]:
    """Yield a line for each tensor that does not fit."""
    for mismatch in report.mismatched:
        name = escaped_key(mismatch.name)
        yield f"  {mismatch.kind} differs: {name} is {mismatch.found} in the checkpoint, wanted was {mismatch.expected}"


def _named(name: str, entry: Entry | str) -> str:
    """Return the name of what is stored, with dtype and shape, or the type of a plain value."""
    return f"{printable(name)} ({_described(entry)})"


def _described(entry: Entry | str) -> str:
    """Return ``float32 [2, 3]``."""
    return entry if isinstance(entry, str) else f"{entry.dtype.name} {list(entry.shape)}"


def _wanted(request: TensorRequest, before: str = "") -> str:
    """Return what is known of what was asked for."""
    dtype = None if request.dtype is None else request.dtype.base_dtype.name
    shape = None if request.shape is None else str(list(request.shape))
    known = " ".join(text for text in (dtype, shape) if text is not None)
    return before + known if known else ""


def _type_name(dtype: DType) -> str:
    """Return TensorFlow's C++ name of a type."""
    return _TYPE_NAMES.get(dtype.name, dtype.name)


def _tf(shape: tuple[int, ...]) -> str:
    """Return a shape as TensorFlow prints it: ``[2,3]``."""
    return f"[{','.join(map(str, shape))}]"
