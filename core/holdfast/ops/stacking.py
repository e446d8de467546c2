"""stack and unstack; and lists that hold tensors, which become stacks where a tensor is wanted."""

from __future__ import annotations

from typing import Any

from holdfast import shapes
from holdfast.dtypes import DType
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, integer, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant

__all__ = ["stack", "unstack"]

_PLAIN = frozenset({bool, int, float, complex, str, bytes})
"""Types of what is no tensor, and holds none."""


def _pack_shape(op: Operation) -> list[shapes.TensorShape]:
    [shape] = shape_rules.all_inputs_merged(op)
    dims = shape.as_tuple()
    if dims is None:
        return [shape]
    axis = op.attrs["axis"]
    if not -len(dims) - 1 <= axis <= len(dims):
        raise ValueError(f"axis = {axis} not in [{-len(dims) - 1}, {len(dims) + 1})")
    at = axis % (len(dims) + 1)
    return [shapes.TensorShape([*dims[:at], op.attrs["N"], *dims[at:]])]


def _unpack_shape(op: Operation) -> list[shapes.TensorShape]:
    dims, num, axis = op.inputs[0].shape.as_tuple(), op.attrs["num"], op.attrs["axis"]
    if dims is None:
        return [shapes.unknown_shape()] * num
    if not -len(dims) <= axis < len(dims):
        raise ValueError(f"axis = {axis} not in [{-len(dims)}, {len(dims)})")
    at = axis % len(dims)
    if dims[at] not in {num, None}:
        raise ValueError(f"Dimension must be {num} but is {dims[at]}")
    return [shapes.TensorShape([*dims[:at], *dims[at + 1 :]])] * num


define_op(
    "Pack",
    "values: N * T -> output: T",
    attrs={"N": integer(minimum=1), "T": type_attr(), "axis": integer(0)},
    shape=_pack_shape,
)
define_op(
    "Unpack",
    "value: T -> output: num * T",
    attrs={"num": integer(minimum=0), "T": type_attr(), "axis": integer(0)},
    shape=_unpack_shape,
)


@register_gradient("Pack")
def _pack_gradient(op: Operation, grad: Tensor) -> Any:
    return unstack(grad, num=op.attrs["N"], axis=op.attrs["axis"])


@register_gradient("Unpack")
def _unpack_gradient(op: Operation, *grads: Tensor) -> Any:
    return stack(list(grads), axis=op.attrs["axis"])


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Return tensors of one shape joined along a new axis.

    Raises
    ------
    TypeError
        If the dtypes differ.
    ValueError
        If the shapes differ or ``axis`` is out of range.
    """
    if axis == 0:
        try:
            # What makes one constant, or a stack already, needs no node of its own.
            return conversion.convert_to_tensor(values, name=name)
        except (TypeError, ValueError):
            pass
    first = values[0] if isinstance(values[0], Tensor) else conversion.convert_to_tensor(values[0], name=name)
    ndims = first.shape.ndims
    if ndims is not None and not -ndims - 1 <= axis <= ndims:
        raise ValueError(f"axis = {axis} not in [{-ndims - 1}, {ndims + 1})")
    return apply_op("Pack", values, axis=axis, name=name).outputs[0]


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """Return the parts of a tensor along an axis, without that axis.

    Parameters
    ----------
    num
        How many there are; by default the static size of the axis.

    Raises
    ------
    ValueError
        If their number is not known, or is not ``num``.
    """
    if num is None:
        value = conversion.convert_to_tensor(value)
        dims = value.shape.as_tuple()
        if dims is not None:
            if not -len(dims) <= axis < len(dims):
                raise ValueError(f"axis = {axis} not in [{-len(dims)}, {len(dims)})")
            num = dims[axis]
        if num is None:
            raise ValueError(f"Cannot infer num from shape {value.shape}")
    return apply_op("Unpack", value, num=num, axis=axis, name=name).outputs


def _is_tensor_like(value: Any) -> bool:
    """Whether a value is a tensor or stands for one, as variables do."""
    return isinstance(value, Tensor) or (
        hasattr(type(value), "_as_graph_element") and isinstance(getattr(value, "dtype", None), DType)
    )


def _dtype_among(values: Any) -> DType | None:
    """Return the dtype of the first tensor in nested lists, or None if there is none."""
    for value in values:
        if isinstance(value, (list, tuple)):
            found = _dtype_among(value)
            if found is not None:
                return found
        elif _is_tensor_like(value):
            dtype: DType = value.dtype.base_dtype
            return dtype
    return None


def _packed(values: Any, dtype: DType, name: str) -> Any:
    """Return nested lists as a stack of their parts where a tensor is among these, else unchanged."""
    parts: list[Any] = []
    with default.name_scope(name) as scope:
        for i, value in enumerate(values):
            if _is_tensor_like(value) and value.dtype.base_dtype is not dtype:
                raise TypeError(
                    f"Cannot convert a list containing a tensor of dtype {value.dtype} to {dtype} "
                    f"(Tensor is: {value!r})"
                )
            parts.append(_packed(value, dtype, str(i)) if isinstance(value, (list, tuple)) else value)
        if not any(_is_tensor_like(part) for part in parts):
            return parts
        tensors = [
            part if _is_tensor_like(part) else constant(part, dtype, name=str(i)) for i, part in enumerate(parts)
        ]
        return apply_op("Pack", tensors, name=scope).outputs[0]


def _convert_list(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert nested lists that hold tensors; others are constants."""
    if _PLAIN.issuperset(map(type, value)):
        return NotImplemented
    found = _dtype_among(value)
    if found is None or (dtype is not None and dtype != found):
        return NotImplemented
    return _packed(value, found, name or "packed")


conversion.register_tensor_conversion_function((list, tuple), _convert_list, 99)
