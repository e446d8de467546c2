"""Constants, and the conversion of Python values to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, not_differentiable, tensor_attr, type_attr
from holdfast.ops.array_values import as_array

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


def _const_shape(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.TensorShape._of(op.attrs["value"].shape)]


_NOT_ARRAYS = (bool, int, float, complex, str, bytes, list, tuple)

_CONST = define_op(
    "Const", "-> output: dtype", attrs={"value": tensor_attr(), "dtype": type_attr()}, shape=_const_shape
)
not_differentiable("Const")


def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str = "Const", verify_shape: bool = False
) -> Tensor:
    """Return a constant tensor.

    Parameters
    ----------
    value
        A number, string, array or nested list of these; copied.
    dtype
        Dtype of the result; by default float32 for Python floats, int32 for ints (int64 if they need it), an array's
        own.
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
    wanted = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    array = _owned(as_array(value, wanted, shape, verify_shape=verify_shape), value)
    graph = default.get_default_graph()
    found = dtypes.as_dtype(array.dtype) if wanted is None else wanted
    attrs = {"value": array, "dtype": found}
    return graph.create_op(_CONST, (), (found,), attrs, graph._names.claim_node(name)).outputs[0]


def _owned(array: NDArray[Any], value: Any) -> NDArray[Any]:
    """Return a read-only array that shares no memory with the caller's value; one element repeated stays one."""
    if isinstance(value, _NOT_ARRAYS) and array.base is None:
        # Made of Python's values just now.
        array.setflags(write=False)
        return array
    if array.size > 1 and not any(array.strides):
        return np.broadcast_to(array[(slice(1),) * array.ndim].copy().reshape(()), array.shape)
    if isinstance(value, (np.ndarray, np.generic)) or array.base is not None or not array.flags.c_contiguous:
        array = np.array(array, order="C")
    array.flags.writeable = False
    return array


def _convert_constant(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert anything that makes a constant."""
    return constant(value, dtype, name=name or "Const")


def _convert_shape(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert a static shape to a vector of integers."""
    if not value.is_fully_defined():
        raise ValueError(f"Cannot convert a partially known TensorShape to a Tensor: {value}")
    return _sizes(value.as_list(), dtype, name)


def _convert_dimension(value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Convert a static dimension to an integer."""
    if value.value is None:
        raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
    return _sizes(value.value, dtype, name)


def _sizes(value: Any, dtype: Any, name: str | None) -> Tensor:
    """Return sizes as a constant: int32, or int64 where they need it or it is asked for."""
    wanted = dtypes.as_dtype(dtype) if dtype is not None else None
    if wanted not in {None, dtypes.int32, dtypes.int64}:
        raise TypeError(f"Cannot convert a TensorShape to dtype: {wanted}")
    if wanted is None:
        wanted = dtypes.int64 if np.max(value, initial=0) >= 2**31 else dtypes.int32
    return constant(value, wanted, name=name or "shape_as_tensor")


conversion.register_tensor_conversion_function((list, tuple), _convert_constant, 100)
conversion.register_tensor_conversion_function(np.ndarray, _convert_constant, 100)
conversion.register_tensor_conversion_function(np.generic, _convert_constant, 100)
conversion.register_tensor_conversion_function(object, _convert_constant, 200)
conversion.register_tensor_conversion_function(shapes.TensorShape, _convert_shape, 100)
conversion.register_tensor_conversion_function(shapes.Dimension, _convert_dimension, 100)
