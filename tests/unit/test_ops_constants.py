from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, shapes
from holdfast.graph import Tensor, convert_to_tensor
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.ops.sequences import ones, zeros, zeros_like


def _value(tensor: Tensor) -> Any:
    value: Any = tensor.op.attrs["value"]
    return value


def test_a_constant_is_a_node() -> None:
    """A constant is a Const node with the value's dtype and shape."""
    tensor = constant([[1, 2], [3, 4]], name="k")
    assert (tensor.name, tensor.op.type, tensor.dtype, tensor.shape.as_list()) == ("k:0", "Const", dtypes.int32, [2, 2])
    assert constant(1).name == "Const:0"


def test_the_value_is_copied() -> None:
    """Changing the array afterwards does not change the constant, which is read-only itself."""
    array = np.array([1.0, 2.0])
    tensor = constant(array)
    array[0] = 9
    assert _value(tensor).tolist() == [1.0, 2.0]
    assert not _value(tensor).flags.writeable


def test_one_repeated_element_takes_no_memory() -> None:
    """Large zeros are one element seen everywhere."""
    for tensor in (zeros([1000, 1000]), ones([1000, 1000]), constant(3, shape=[1000, 1000])):
        assert tensor.op.type == "Const"
        assert _value(tensor).strides == (0, 0)
        assert tensor.shape.as_list() == [1000, 1000]


def test_a_repeated_string() -> None:
    """A string fills a shape as a number does."""
    assert _value(constant("a", shape=[2])).tolist() == [b"a", b"a"]


@pytest.mark.parametrize(
    "value,dtype,expected",
    [
        (shapes.TensorShape([1, 2]), None, dtypes.int32),
        (shapes.TensorShape([1, 2]), dtypes.int64, dtypes.int64),
        (shapes.TensorShape([2**33]), None, dtypes.int64),
        (shapes.Dimension(3), None, dtypes.int32),
    ],
)
def test_static_shapes_convert(value: Any, dtype: Any, expected: Any) -> None:
    """Known shapes and dimensions become constants of integers."""
    tensor = convert_to_tensor(value, dtype)
    assert (tensor.op.name, tensor.dtype) == ("shape_as_tensor", expected)


@pytest.mark.parametrize(
    "value,dtype,error,message",
    [
        (shapes.TensorShape([1, None]), None, ValueError, "Cannot convert a partially known TensorShape to a Tensor"),
        (shapes.Dimension(None), None, ValueError, "Cannot convert an unknown Dimension to a Tensor"),
        (shapes.TensorShape([1]), dtypes.float32, TypeError, "Cannot convert a TensorShape to dtype"),
        (object(), None, TypeError, "Failed to convert object of type"),
    ],
)
def test_what_does_not_convert(value: Any, dtype: Any, error: type[Exception], message: str) -> None:
    """Unknown shapes, and things that are no values, are refused."""
    with pytest.raises(error, match=message):
        convert_to_tensor(value, dtype)


def test_preferred_dtype_is_a_wish() -> None:
    """A preferred dtype is taken where the value can have it and ignored where not."""
    assert convert_to_tensor(1, preferred_dtype=dtypes.float64).dtype == dtypes.float64
    assert convert_to_tensor("a", preferred_dtype=dtypes.float64).dtype == dtypes.string


def test_lists_that_hold_tensors_are_packed() -> None:
    """A list with a tensor among its elements becomes a Pack; numbers beside it get its dtype."""
    x = placeholder(dtypes.int64, [], name="x")
    tensor = convert_to_tensor([[1, x], [x, 2]], name="p")
    assert [op.name for op in tensor.graph.get_operations()] == ["x", "p/0/0", "p/0", "p/1/1", "p/1", "p"]
    assert (tensor.op.type, tensor.dtype, tensor.shape.as_list()) == ("Pack", dtypes.int64, [2, 2])
    assert convert_to_tensor([x]).name == "packed:0"


def test_lists_of_tensors_of_several_dtypes() -> None:
    """The first tensor's dtype counts; another one is an error."""
    with pytest.raises(TypeError, match="Cannot convert a list containing a tensor of dtype"):
        convert_to_tensor([placeholder(dtypes.float32, []), placeholder(dtypes.int32, [])])
    with pytest.raises(TypeError, match="Expected int64, got list containing Tensors of type 'list' instead"):
        convert_to_tensor([placeholder(dtypes.int32, []), 2], dtypes.int64)


def test_zeros_where_the_shape_is_a_tensor() -> None:
    """Zeros of a known shape are a constant, else a Fill below their name."""
    from holdfast.ops.shape_queries import shape

    x = placeholder(dtypes.float32, [2, None])
    tensor = zeros(shape(x), name="z")
    assert (tensor.op.type, tensor.name) == ("Fill", "z:0")
    assert tensor.shape.as_list() == [2, None]
    assert zeros_like(x).op.type == "ZerosLike"
    assert zeros_like(x, dtypes.int32).op.type == "Fill"
    assert zeros_like(placeholder(dtypes.string, [1])).op.type == "Const"


def test_zeros_of_an_impossible_shape() -> None:
    """A negative size is refused while building."""
    with pytest.raises(ValueError, match="Fill dimensions must be >= 0 for 'zeros'"):
        zeros([-1])
    with pytest.raises(ValueError, match="Cannot convert a partially known TensorShape"):
        zeros(shapes.TensorShape([None, 2]))
