"""Complex numbers and their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.broadcasting import broadcast_shape, summed_to_inputs
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import COMPLEX
from holdfast.ops.sequences import zeros_like

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation

__all__ = ["angle", "complex", "conj", "imag", "real"]

_COMPLEX = type_attr(*COMPLEX, default=dtypes.complex64)
_REAL = type_attr(dtypes.float32, dtypes.float64, default=dtypes.float32)

define_op("Complex", "real: T, imag: T -> out: Tout", attrs={"T": _REAL, "Tout": _COMPLEX}, shape=broadcast_shape)
for _op_type in ("Real", "Imag", "Angle"):
    define_op(
        _op_type,
        "input: T -> output: Tout",
        attrs={"T": _COMPLEX, "Tout": _REAL},
        shape=shape_rules.first_input,
    )
define_op(
    "Conj",
    "input: T -> output: T",
    attrs={"T": type_attr(*COMPLEX, dtypes.variant, default=dtypes.complex64)},
    shape=shape_rules.first_input,
)


@register_gradient("Complex")
def _complex_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    return summed_to_inputs(op, real(grad), imag(grad))


@register_gradient("Real")
def _real_gradient(op: Operation, grad: Tensor) -> Tensor:
    return complex(grad, zeros_like(grad))


@register_gradient("Imag")
def _imag_gradient(op: Operation, grad: Tensor) -> Tensor:
    return complex(zeros_like(grad), grad)


@register_gradient("Angle")
def _angle_gradient(op: Operation, grad: Tensor) -> Tensor:
    # d angle / d(re, im) = (-im, re) / |x|^2, which as a complex number is i / conj(x).
    return node("RealDiv", complex(zeros_like(grad), grad), conj(op.inputs[0]))


@register_gradient("Conj")
def _conj_gradient(op: Operation, grad: Tensor) -> Tensor:
    return conj(grad)


def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """Return ``real + 1j * imag``, elementwise with broadcasting: complex64 of float32, complex128 of float64.

    Raises
    ------
    TypeError
        If the parts are of other dtypes, or of two.
    """
    real = conversion.convert_to_tensor(real, name="real")
    imag = conversion.convert_to_tensor(imag, name="imag")
    with name_scope(name, "Complex", [real, imag]) as scope:
        found = real.dtype.base_dtype, imag.dtype.base_dtype
        if found == (dtypes.float64, dtypes.float64):
            result = dtypes.complex128
        elif found == (dtypes.float32, dtypes.float32):
            result = dtypes.complex64
        else:
            raise TypeError(f"real and imag have incorrect types: {found[0].name} {found[1].name}")
        return node("Complex", real, imag, Tout=result, name=scope)


def real(input: Any, name: str | None = None) -> Tensor:
    """Return the real part, elementwise; what is real already is returned as it is."""
    with name_scope(name, "Real", [input]) as scope:
        tensor = conversion.convert_to_tensor(input, name="input")
        if not tensor.dtype.is_complex:
            return tensor
        return node("Real", tensor, Tout=tensor.dtype.real_dtype, name=scope)


def imag(input: Any, name: str | None = None) -> Tensor:
    """Return the imaginary part of complex numbers, elementwise."""
    with name_scope(name, "Imag", [input]) as scope:
        input = conversion.convert_to_tensor(input, name="input")
        return node("Imag", input, Tout=_part_dtype(input), name=scope)


def angle(input: Any, name: str | None = None) -> Tensor:
    """Return the argument of complex numbers in radians, elementwise, between -pi and pi."""
    with name_scope(name, "Angle", [input]) as scope:
        input = conversion.convert_to_tensor(input, name="input")
        return node("Angle", input, Tout=_part_dtype(input), name=scope)


def _part_dtype(input: Tensor) -> dtypes.DType | None:
    """Return the dtype of a complex tensor's parts; None lets the op itself refuse what is not complex."""
    return input.dtype.real_dtype if input.dtype.is_complex else None


def conj(x: Any, name: str | None = None) -> Tensor:
    """Return the complex conjugate, elementwise; real numbers are returned as they are.

    Raises
    ------
    TypeError
        If ``x`` is not of numbers.
    """
    if isinstance(x, Tensor) and (x.dtype.is_floating or x.dtype.is_integer):
        return x
    with name_scope(name, "Conj", [x]) as scope:
        tensor = conversion.convert_to_tensor(x, name="x")
        if tensor.dtype.is_complex or tensor.dtype.base_dtype == dtypes.variant:
            return node("Conj", tensor, name=scope)
        if tensor.dtype.is_floating or tensor.dtype.is_integer:
            return tensor
        raise TypeError(f"Expected numeric or variant tensor, got dtype {tensor.dtype!r}")
