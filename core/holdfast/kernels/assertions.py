"""Kernels that fail, or tell, by what they are given: Assert, CheckNumerics, Print."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import PureMany, View, Views, generic, host
from holdfast.kernels.value_text import value_text


@host("Assert", reason="an error message is made of values in main memory")
def _(request: KernelRequest) -> Kernel:
    count = request.attrs["summarize"]

    def compute(condition: Any, *data: Any) -> tuple[()]:
        if np.ndim(condition) != 0:
            raise InvalidArgumentError(None, None, "In[0] should be a scalar")
        if not condition:
            shown = " ".join(f"[{value_text(value, count)}]" for value in data)
            raise InvalidArgumentError(None, None, f"assertion failed: {shown}")
        return ()

    return PureMany(compute)


@generic("CheckNumerics")
def _(xp: Any, request: KernelRequest) -> View:
    message = request.attrs["message"].decode(errors="backslashreplace")

    def compute(tensor: Array) -> Array:
        array = xp.asarray(tensor)
        if not bool(xp.all(xp.isfinite(array))):
            has_nan, has_inf = bool(xp.any(xp.isnan(array))), bool(xp.any(xp.isinf(array)))
            found = "Inf and NaN" if has_nan and has_inf else "NaN" if has_nan else "Inf"
            raise InvalidArgumentError(None, None, f"{message} : Tensor had {found} values")
        return tensor

    return View(compute)


@host("Print", reason="text is made of values in main memory")
def _(request: KernelRequest) -> Kernel:
    message = request.attrs["message"].decode(errors="backslashreplace")
    first_n, count = request.attrs["first_n"], request.attrs["summarize"]
    calls = itertools.count()
    lock = threading.Lock()

    def compute(value: Any, *data: Any) -> tuple[Any]:
        with lock:
            number = next(calls)
        if first_n < 0 or number < first_n:
            shown = "".join(f"[{value_text(part, count)}]" for part in data)
            sys.stderr.write(f"{message}{shown}\n")
        return (value,)

    return Views(compute, {0: (0,)})
