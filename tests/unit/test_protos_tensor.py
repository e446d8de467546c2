from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast import dtypes as tf
from holdfast.dtypes import DType
from holdfast.errors import InvalidArgumentError
from holdfast.protos import TensorProto, TensorShapeProto
from holdfast.protos.tensor import make_ndarray, make_tensor_proto


def _shape(*sizes: int) -> TensorShapeProto:
    """Return the message of a shape."""
    return TensorShapeProto(dim=[{"size": size} for size in sizes])


def test_an_array_is_stored_as_its_bytes() -> None:
    """Several numbers are stored as little-endian bytes in C order."""
    proto = make_tensor_proto(np.asfortranarray([[1, 2], [3, 4]], dtype=">i2"))

    assert proto.dtype == 5
    assert [dim.size for dim in proto.tensor_shape.dim] == [2, 2]
    assert proto.tensor_content == bytes([1, 0, 2, 0, 3, 0, 4, 0])
    assert make_ndarray(proto).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "value,dtype,field,stored",
    [
        (1.5, None, "float_val", [1.5]),
        (7, None, "int_val", [7]),
        (2**40, None, "int64_val", [2**40]),
        (True, None, "bool_val", [True]),
        (1 + 2j, None, "dcomplex_val", [1.0, 2.0]),
        ("é", None, "string_val", ["é".encode()]),
        (b"\x00", None, "string_val", [b"\x00"]),
        (1.0, tf.float16, "half_val", [0x3C00]),
        (1.0, tf.bfloat16, "half_val", [0x3F80]),
        (1.0, tf.float64, "double_val", [1.0]),
        (1 + 2j, tf.complex64, "scomplex_val", [1.0, 2.0]),
        (-3, tf.int8, "int_val", [-3]),
        (-3, tf.qint8, "int_val", [-3]),
        (2**32 - 1, tf.uint32, "uint32_val", [2**32 - 1]),
        (2**64 - 1, tf.uint64, "uint64_val", [2**64 - 1]),
        (1.0, tf.float32_ref, "float_val", [1.0]),
    ],
)
def test_a_scalar_is_stored_in_the_field_of_its_type(value: Any, dtype: DType | None, field: str, stored: Any) -> None:
    """One value goes into the typed field, and its shape is present and empty."""
    proto = make_tensor_proto(value, dtype)

    assert list(getattr(proto, field)) == stored
    assert proto.HasField("tensor_shape")
    assert proto.tensor_content == b""
    assert make_ndarray(proto).shape == ()


@pytest.mark.parametrize(
    "value,name",
    [
        (1.0, "float32"),
        ([1, 2], "int32"),
        ([1, 2**31], "int64"),
        (-(2**31), "int32"),
        ([True], "bool"),
        ([], "float32"),
        (np.float64(1), "float64"),
        (np.array([1]), "int64"),
        (1j, "complex128"),
    ],
)
def test_type_of_values(value: Any, name: str) -> None:
    """Python's numbers get TensorFlow's default widths, arrays keep theirs."""
    assert tf.as_dtype(make_tensor_proto(value).dtype).name == name


def test_a_larger_shape_repeats_the_last_value() -> None:
    """A filled tensor takes no more room than its value."""
    proto = make_tensor_proto(0.5, shape=[2, 3])

    assert list(proto.float_val) == [0.5]
    assert make_ndarray(proto).tolist() == [[0.5] * 3] * 2
    assert make_ndarray(make_tensor_proto([1, 2], shape=[4])).tolist() == [1, 2, 2, 2]
    assert make_ndarray(make_tensor_proto(["a", "b"], shape=[3])).tolist() == [b"a", b"b", b"b"]


def test_an_empty_shape_drops_the_values() -> None:
    """A fill value of no elements leaves its type."""
    array = make_ndarray(make_tensor_proto(5, shape=[2, 0]))

    assert (array.dtype.name, array.shape) == ("int32", (2, 0))


def test_values_that_do_not_fit() -> None:
    """Too many values, none to repeat, and values of another type are errors."""
    with pytest.raises(ValueError, match=r"^Too many elements provided\. Needed at most 1, but received 2$"):
        make_tensor_proto([1, 2], shape=[1])
    with pytest.raises(ValueError, match=r"^No elements provided for shape \[2\]"):
        make_tensor_proto(np.zeros(0), shape=[2])
    with pytest.raises(TypeError, match="Expected values of type float32"):
        make_tensor_proto(["a"], tf.float32)
    with pytest.raises(TypeError, match="Expected values of type int32, found float64"):
        make_tensor_proto(1.5, tf.int32)
    with pytest.raises(TypeError, match="Expected values of type bool, found int64"):
        make_tensor_proto(1, tf.bool)
    with pytest.raises(TypeError, match="Expected values of type float32, found complex128"):
        make_tensor_proto(1j, tf.float32)
    with pytest.raises(TypeError, match="Expected values of type uint8, found 256"):
        make_tensor_proto([0, 256], tf.uint8)
    with pytest.raises(TypeError, match="Expected values of type uint64, found -1"):
        make_tensor_proto(-1, tf.uint64)
    with pytest.raises(TypeError, match="Expected str or bytes in a string tensor, found int: 3"):
        make_tensor_proto([3], tf.string)
    with pytest.raises(TypeError, match="resource has no NumPy equivalent"):
        make_tensor_proto([3], tf.resource)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.5, -2.0]], np.float16),
        np.array([1.5, -2.0], ml_dtypes.bfloat16),
        np.array([1.5, -2.0], ml_dtypes.float8_e5m2),
        np.array(1.5, ml_dtypes.float8_e4m3fn),
        np.array([1 + 2j, 3j], np.complex64),
        np.array([True, False]),
        np.array([1, -2], np.int8).view([("qint8", "i1")]),
        np.array(-2, np.int16).view([("qint16", "i2")]),
        np.zeros((2, 0, 3), np.int64),
        np.array(["é", ""]).astype(object),
    ],
    ids=lambda array: f"{array.dtype}{list(array.shape)}",
)
def test_round_trip(array: np.ndarray[Any, Any]) -> None:
    """What is stored is read back, as a fresh and writable array."""
    again = make_ndarray(TensorProto.FromString(make_tensor_proto(array).SerializeToString()))
    expected = np.array([b"\xc3\xa9", b""], object) if array.dtype == object else array

    assert (again.dtype, again.shape) == (expected.dtype, expected.shape)
    assert again.tolist() == expected.tolist()
    assert again.flags.writeable
    assert again.flags.c_contiguous


def test_no_values_are_zeros() -> None:
    """A typed field without values means zeros, or empty strings, as in TensorFlow's runtime."""
    assert make_ndarray(TensorProto(dtype=1, tensor_shape=_shape(2))).tolist() == [0.0, 0.0]
    assert make_ndarray(TensorProto(dtype=7, tensor_shape=_shape(2))).tolist() == [b"", b""]


_HUGE = 2**62


@pytest.mark.parametrize(
    "proto,found",
    [
        (TensorProto(dtype=0), "dtype 0 is not a known element type"),
        (TensorProto(dtype=77), "dtype 77 is not a known element type"),
        (TensorProto(dtype=1, tensor_shape=TensorShapeProto(unknown_rank=True)), "the rank is unknown"),
        (TensorProto(dtype=1, tensor_shape=_shape(2, -1)), "shape [2, -1] has a negative size"),
        (TensorProto(dtype=1, tensor_shape=_shape(*[1] * 65)), "rank 65, expected at most 64"),
        (TensorProto(dtype=1, tensor_shape=_shape(_HUGE, _HUGE)), f"shape [{_HUGE}, {_HUGE}] takes"),
        (TensorProto(dtype=1, tensor_shape=_shape(0, _HUGE)), f"shape [0, {_HUGE}] takes"),
        (TensorProto(dtype=7, tensor_shape=_shape(2**40), string_val=[b"x"]), "shape [1099511627776] takes"),
        (
            TensorProto(dtype=1, tensor_shape=_shape(2), tensor_content=b"1234567"),
            "tensor_content has 7 bytes, expected 8",
        ),
        (TensorProto(dtype=1, tensor_shape=_shape(0), tensor_content=b"1"), "tensor_content has 1 bytes, expected 0"),
        (TensorProto(dtype=7, tensor_shape=_shape(1), tensor_content=b"\x00"), "strings in tensor_content"),
        (TensorProto(dtype=1, tensor_shape=_shape(1), float_val=[1, 2]), "2 values, expected at most 1"),
        (TensorProto(dtype=7, string_val=[b"a", b"b"]), "2 values, expected at most 1"),
        (TensorProto(dtype=8, scomplex_val=[1]), "scomplex_val has 1 values, expected pairs"),
        (TensorProto(dtype=4, int_val=[256]), "int_val has values outside of 0..255"),
        (TensorProto(dtype=12, int_val=[-1]), "int_val has values outside of 0..255"),
        (TensorProto(dtype=19, half_val=[-1]), "half_val has values outside of 0..65535"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_malformed_messages(proto: TensorProto, found: str) -> None:
    """A message that describes no tensor is refused before anything is allocated, saying what is wrong."""
    with pytest.raises(InvalidArgumentError) as caught:
        make_ndarray(proto)

    assert caught.value.message.startswith(f"Cannot parse tensor from proto: {found}")


def test_the_limit_is_the_callers() -> None:
    """A caller who expects little can say so."""
    proto = make_tensor_proto(0.0, shape=[1000])

    assert make_ndarray(proto, max_bytes=4000).shape == (1000,)
    with pytest.raises(InvalidArgumentError, match=r"shape \[1000\] takes 4,000 bytes, expected at most 3,999"):
        make_ndarray(proto, max_bytes=3999)


def test_types_without_arrays() -> None:
    """A resource cannot become an array."""
    with pytest.raises(TypeError, match="Unsupported tensor type: resource has no NumPy equivalent"):
        make_ndarray(TensorProto(dtype=20))
