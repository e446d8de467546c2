"""Casts between dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.elementwise import node

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["cast", "saturate_cast", "to_bfloat16", "to_double", "to_float", "to_int32", "to_int64"]

define_op("Cast", "x: SrcT -> y: DstT", attrs={"SrcT": type_attr(), "DstT": type_attr()}, shape=shape_rules.first_input)


@register_gradient("Cast")
def _cast_gradient(op: Operation, grad: Tensor) -> Tensor | None:
    source, target = op.attrs["SrcT"], op.attrs["DstT"]
    smooth = all(dtype.is_floating or dtype.is_complex for dtype in (source, target))
    return cast(grad, source) if smooth else None


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """Return ``x`` with another dtype; ``x`` itself, as a tensor, if it has that already.

    Floating point becomes integer by truncation; a complex number loses its imaginary part; what is not zero is True.

    Raises
    ------
    TypeError
        If ``dtype`` is none.
    UnimplementedError
        When it runs, if one of the two is string.
    """
    target = dtypes.as_dtype(dtype).base_dtype
    with name_scope(name, "Cast", [x]) as scope:
        x = conversion.convert_to_tensor(x, name="x")
        return x if x.dtype.base_dtype == target else node("Cast", x, DstT=target, name=scope)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """Cast ``value`` after clipping it to the range of ``dtype``, so that nothing wraps around or overflows."""
    with name_scope(name, "saturate_cast", [value]) as scope:
        value = conversion.convert_to_tensor(value, name="value")
        target = dtypes.as_dtype(dtype).base_dtype
        source = value.dtype.base_dtype
        if source.min < target.min:
            low = conversion.convert_to_tensor(target.min, dtype=source, name="min")
            value = node("Maximum", value, low)
        if source.max > target.max:
            high = conversion.convert_to_tensor(target.max, dtype=source, name="max")
            value = node("Minimum", value, high)
        return cast(value, target, name=scope)


def to_float(x: Any, name: str = "ToFloat") -> Tensor:
    """Cast to float32."""
    return cast(x, dtypes.float32, name=name)


def to_double(x: Any, name: str = "ToDouble") -> Tensor:
    """Cast to float64."""
    return cast(x, dtypes.float64, name=name)


def to_int32(x: Any, name: str = "ToInt32") -> Tensor:
    """Cast to int32."""
    return cast(x, dtypes.int32, name=name)


def to_int64(x: Any, name: str = "ToInt64") -> Tensor:
    """Cast to int64."""
    return cast(x, dtypes.int64, name=name)


def to_bfloat16(x: Any, name: str = "ToBFloat16") -> Tensor:
    """Cast to bfloat16, which needs the package ml_dtypes when it runs."""
    return cast(x, dtypes.bfloat16, name=name)
