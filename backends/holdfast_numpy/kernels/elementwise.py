"""Ops that are one ufunc of NumPy."""

from __future__ import annotations

import operator

import numpy as np

from holdfast.contracts import Kernel, KernelRequest
from holdfast.kernels.elementwise import is_smooth
from holdfast_numpy.kernels.abilities import Elementwise
from holdfast_numpy.kernels.division import integer_division
from holdfast_numpy.kernels.registry import is_plain, override

_UFUNCS: dict[str, np.ufunc] = {
    "Abs": np.absolute,
    "Add": np.add,
    "Atan2": np.arctan2,
    "ComplexAbs": np.absolute,
    "Conj": np.conjugate,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "IsFinite": np.isfinite,
    "IsInf": np.isinf,
    "IsNan": np.isnan,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "LogicalAnd": np.logical_and,
    "LogicalNot": np.logical_not,
    "LogicalOr": np.logical_or,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "NotEqual": np.not_equal,
    "Sign": np.sign,
    "Square": np.square,
    "Sub": np.subtract,
}
"""For all dtypes that the ops' definitions admit."""
_SMOOTH: dict[str, np.ufunc] = {
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Div": np.divide,
    "Exp": np.exp,
    "Expm1": np.expm1,
    "Floor": np.floor,
    "FloorMod": np.remainder,
    "Log": np.log,
    "Log1p": np.log1p,
    "Pow": np.power,
    "RealDiv": np.divide,
    "Rint": np.rint,
    "Round": np.rint,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Tan": np.tan,
    "Tanh": np.tanh,
}
"""For floating point and complex numbers; what integers need more for, or have no kernel for, is left to others."""
_OPERATORS = {
    "Add": "({0} + {1})",
    "Div": "({0} / {1})",
    "Equal": "({0} == {1})",
    "Greater": "({0} > {1})",
    "GreaterEqual": "({0} >= {1})",
    "Less": "({0} < {1})",
    "LessEqual": "({0} <= {1})",
    "LogicalAnd": "({0} & {1})",
    "LogicalOr": "({0} | {1})",
    "Mul": "({0} * {1})",
    "Neg": "(-{0})",
    "NotEqual": "({0} != {1})",
    "RealDiv": "({0} / {1})",
    "Square": "({0} * {0})",
    "Sub": "({0} - {1})",
}
"""What NumPy's scalars compute to the same bits; a ufunc takes them ten times as long."""


def _kernel(request: KernelRequest) -> Kernel | None:
    """Return the kernel of one ufunc."""
    if not is_plain(request):
        return None
    smooth = is_smooth(request)
    ufunc = _UFUNCS.get(request.op_type) or (_SMOOTH[request.op_type] if smooth else None)
    if ufunc is None:
        return integer_division(request) if request.op_type == "FloorMod" else None
    # Arithmetic of complex scalars may round otherwise than that of arrays.
    if any(dtype.is_complex for dtype in request.input_dtypes):
        return Elementwise(ufunc)
    if request.op_type == "Abs":
        return Elementwise(ufunc, "_k_abs({0})", {"_k_abs": operator.abs})
    return Elementwise(ufunc, _OPERATORS.get(request.op_type, ""))


override(*_UFUNCS, *_SMOOTH)(_kernel)
