"""Kernels of elementwise ops with one input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.kernels.elementwise import is_smooth, one_function, unary
from holdfast.kernels.registry import Pure, View, generic

_NAMED = {
    "Neg": "negative",
    "Abs": "abs",
    "ComplexAbs": "abs",
    "Sign": "sign",
    "Square": "square",
    "IsNan": "isnan",
    "IsInf": "isinf",
    "IsFinite": "isfinite",
    "LogicalNot": "logical_not",
    "Conj": "conj",
}
"""Op types that are one function of the array API, for all dtypes that their definitions admit."""
_NAMED_SMOOTH = {
    "Sqrt": "sqrt",
    "Exp": "exp",
    "Expm1": "expm1",
    "Log": "log",
    "Log1p": "log1p",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Tanh": "tanh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Floor": "floor",
    "Ceil": "ceil",
    "Rint": "round",
    "Round": "round",
}
"""The same for floating point and complex numbers; some definitions also admit integers, which have no kernel."""


def _named(xp: Any, request: KernelRequest) -> Pure:
    return Pure(one_function(xp, request, getattr(xp, _NAMED[request.op_type])))


def _named_smooth(xp: Any, request: KernelRequest) -> Pure | None:
    if not is_smooth(request):
        return None
    return Pure(one_function(xp, request, getattr(xp, _NAMED_SMOOTH[request.op_type])))


generic(*_NAMED)(_named)
generic(*_NAMED_SMOOTH)(_named_smooth)


@generic("Rsqrt")
def _(xp: Any, request: KernelRequest) -> Pure:
    return unary(xp, request, lambda x: 1 / xp.sqrt(x))


@generic("Reciprocal", "Inv")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    return unary(xp, request, lambda x: 1 / x) if is_smooth(request) else None


@generic("Sigmoid")
def _(xp: Any, request: KernelRequest) -> Pure:
    # Where exp overflows, the quotient is the right 0.
    return unary(xp, request, lambda x: 1 / (1 + xp.exp(-x)))


@generic("Real", "Imag")
def _(xp: Any, request: KernelRequest) -> View:
    return View(xp.real if request.op_type == "Real" else xp.imag)


@generic("Angle")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda x: xp.atan2(xp.imag(x), xp.real(x)))


_FROM_OUTPUT: dict[str, Callable[[Array, Array], Array]] = {
    "SqrtGrad": lambda y, dy: dy * 0.5 / y,
    "RsqrtGrad": lambda y, dy: dy * -0.5 * (y * y * y),
    "ReciprocalGrad": lambda y, dy: -dy * (y * y),
    "InvGrad": lambda y, dy: -dy * (y * y),
    "SigmoidGrad": lambda y, dy: dy * (y * (1 - y)),
    "TanhGrad": lambda y, dy: dy * (1 - y * y),
}
"""Gradients of an input by the op's output, conjugated where it is complex."""


def _from_output(xp: Any, request: KernelRequest) -> Pure:
    formula = _FROM_OUTPUT[request.op_type]
    if not request.input_dtypes[0].is_complex:
        return unary(xp, request, formula)

    def compute(y: Array, dy: Array) -> Array:
        return formula(xp.conj(y), dy)

    return Pure(compute)


generic(*_FROM_OUTPUT)(_from_output)
