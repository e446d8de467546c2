"""Constants, and the conversion of Python values to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, not_differentiable, tensor_attr, type_attr
from holdfast.ops.array_values import as_array

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


def _const_shape(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.TensorShape(op.attrs["value"].shape)]


_CONST = define_op(
    "Const", "-> output: dtype", attrs={"value": tensor_attr(), "dtype": type_attr()}, shape=_const_shape
)
not_differentiable("Const")


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const", verify_shape: bool = False) -> Tensor:  # noqa: FBT001, FBT002  (TF's signature)
    """Return a constant tensor.

    Parameters
    ----------
    value
        A number, string, array or nested list of these; copied.
    dtype
        Dtype of the result; by default float32 for Python floats, int32 for ints (int64 where they need it), an array's own.
    shape
        Shape of the result; fewer values are filled up with the last one.
    verify_shape
        Refuse values that do not have exactly that shape.

    Raises
    ------
    TypeError
        If the values cannot have the dtype, or have another shape with ``verify_shape``.
    ValueError
        If they are ragged, None, or too many for the shape.
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    array = as_array(value, wanted, shape, verify_shape=verify_shape)
    if array is value or array.base is not None:
        array = array.copy()
    array = np.ascontiguousarray(array).reshape(array.shape)
    array.flags.writeable = False
    graph = default.get_default_graph()
    found = dtypes.as_dtype(array.dtype)
    attrs = {"value": array, "dtype": found}
    full = name if name.endswith("/") else graph.unique_name(name)
    return graph.create_op(_CONST, (), (found,), attrs, full).outputs[0]


def _convert_constant(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert anything that makes a constant."""
    return constant(value, dtype, name=name or "Const")


def _convert_shape(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert a static shape to a vector of integers."""
    if not value.is_fully_defined():
        msg = f"Cannot convert a partially known TensorShape to a Tensor: {value}"
        raise ValueError(msg)
    dims = value.as_list()
    wanted = dtypes.as_dtype(dtype) if dtype is not None else dtypes.int32
    if wanted not in (dtypes.int32, dtypes.int64):
        msg = f"Cannot convert a TensorShape to dtype: {wanted}"
        raise TypeError(msg)
    if dtype is None and any(d >= 2**31 for d in dims):
        wanted = dtypes.int64
    return constant(dims, dtype=wanted, name=name or "shape_as_tensor")


def _convert_dimension(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert a static dimension to an integer."""
    if value.value is None:
        msg = f"Cannot convert an unknown Dimension to a Tensor: {value}"
        raise ValueError(msg)
    return constant(value.value, dtype=dtype or dtypes.int32, name=name or "dim_as_tensor")


conversion.register_tensor_conversion_function((list, tuple), _convert_constant, 100)
conversion.register_tensor_conversion_function(np.ndarray, _convert_constant, 100)
conversion.register_tensor_conversion_function(np.generic, _convert_constant, 100)
conversion.register_tensor_conversion_function(object, _convert_constant, 200)
conversion.register_tensor_conversion_function(shapes.TensorShape, _convert_shape, 100)
conversion.register_tensor_conversion_function(shapes.Dimension, _convert_dimension, 100)
