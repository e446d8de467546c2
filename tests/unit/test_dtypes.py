from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast import dtypes as tf
from holdfast.dtypes import DType, as_dtype

_NUMBERS = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "string": 7,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "qint8": 11,
    "quint8": 12,
    "qint32": 13,
    "bfloat16": 14,
    "qint16": 15,
    "quint16": 16,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "resource": 20,
    "variant": 21,
    "uint32": 22,
    "uint64": 23,
    "float8_e5m2": 24,
    "float8_e4m3fn": 25,
}


@pytest.mark.parametrize("name,number", _NUMBERS.items())
def test_names_and_numbers(name: str, number: int) -> None:
    """A type has TensorFlow's name and number, and so has its reference."""
    dtype, ref = getattr(tf, name), getattr(tf, f"{name}_ref")

    assert (dtype.name, dtype.as_datatype_enum, int(dtype)) == (name, number, number)
    assert (ref.name, ref.as_datatype_enum) == (f"{name}_ref", number + 100)
    assert (dtype._as_ref, ref._as_ref, dtype.base_dtype, ref.base_dtype) == (ref, ref, dtype, dtype)
    assert (dtype._is_ref_dtype, ref._is_ref_dtype) == (False, True)


def test_texts() -> None:
    """The two texts of a type."""
    assert repr(tf.float32) == "tf.float32"
    assert str(tf.float32) == "<dtype: 'float32'>"
    assert str(tf.float32_ref) == "<dtype: 'float32_ref'>"


@pytest.mark.parametrize(
    "value,dtype",
    [
        (tf.float32, tf.float32),
        ("float32", tf.float32),
        ("float", tf.float32),
        ("double", tf.float64),
        ("half", tf.float16),
        ("half_ref", tf.float16_ref),
        ("float32_ref", tf.float32_ref),
        (1, tf.float32),
        (101, tf.float32_ref),
        (np.float32, tf.float32),
        (np.dtype(np.float32), tf.float32),
        (np.dtype(">f4"), tf.float32),
        (np.uint64, tf.uint64),
        (np.bool_, tf.bool),
        (bool, tf.bool),
        (object, tf.string),
        (np.object_, tf.string),
        (np.dtype("S3"), tf.string),
        (np.dtype("U3"), tf.string),
        (np.str_, tf.string),
        (np.dtype([("qint8", "i1")]), tf.qint8),
        (ml_dtypes.bfloat16, tf.bfloat16),
        (np.dtype(ml_dtypes.float8_e5m2), tf.float8_e5m2),
    ],
)
def test_as_dtype(value: Any, dtype: DType) -> None:
    """Names, numbers and NumPy's types stand for types, and are equal to them."""
    assert as_dtype(value) is dtype
    assert dtype == value


@pytest.mark.parametrize(
    "value",
    [
        float,
        int,
        str,
        complex,
        None,
        "foo",
        "int",
        ">f4",
        0,
        999,
        True,
        1.0,
        [("a", np.int32)],
        np.array([1]),
        np.longdouble,
        np.datetime64,
        np.dtype([("a", "i4")]),
        np.dtype(ml_dtypes.int4),
    ],
    ids=repr,
)
def test_what_is_no_dtype(value: Any) -> None:
    """Everything else is refused, saying what to write instead, and is different from every type."""
    with pytest.raises(TypeError, match=r"^Cannot convert value .* to a TensorFlow DType: use a DType such as"):
        as_dtype(value)

    assert tf.float32 != value


def test_reference_and_base_type_are_different() -> None:
    """A reference can stand in for its base type, which does not make them equal."""
    assert tf.float32 != tf.float32_ref
    assert tf.float32.is_compatible_with(tf.float32_ref)
    assert not tf.float32_ref.is_compatible_with(tf.float32)
    assert tf.float32.is_compatible_with("float32")
    assert not tf.float32.is_compatible_with(tf.float64)


def test_one_object_per_type() -> None:
    """Making, copying and pickling give the one object there is."""
    assert DType(1) is tf.float32
    assert pickle.loads(pickle.dumps(tf.float32_ref)) is tf.float32_ref  # noqa: S301  # our own bytes
    assert copy.deepcopy(tf.float32) is tf.float32
    assert hash(tf.float32) == 1
    with pytest.raises(TypeError, match=r"^type_enum is not a valid types_pb2\.DataType: 0$"):
        DType(0)


@pytest.mark.parametrize(
    "dtype,numpy_type,size",
    [
        (tf.float32, np.float32, 4),
        (tf.float32_ref, np.float32, 4),
        (tf.bool, np.bool_, 1),
        (tf.complex128, np.complex128, 16),
        (tf.string, np.object_, 8),
        (tf.bfloat16, ml_dtypes.bfloat16, 2),
        (tf.float8_e4m3fn, ml_dtypes.float8_e4m3fn, 1),
        (tf.qint16, np.dtype([("qint16", "i2")]), 2),
    ],
)
def test_numpy_types_and_sizes(dtype: DType, numpy_type: Any, size: int) -> None:
    """Every type that arrays can hold has a NumPy type and a size in bytes."""
    assert dtype.as_numpy_dtype == numpy_type
    assert dtype.size == size
    assert dtype.is_numpy_compatible


@pytest.mark.parametrize("dtype", [tf.resource, tf.variant_ref])
def test_types_that_arrays_cannot_hold(dtype: DType) -> None:
    """Resources and variants have no NumPy type."""
    assert not dtype.is_numpy_compatible
    assert dtype.size == 1
    with pytest.raises(TypeError, match="has no NumPy equivalent"):
        _ = dtype.as_numpy_dtype


def test_bfloat16_without_ml_dtypes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing, the error names it; what needs no package still works."""
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    monkeypatch.setattr(tf.bfloat16, "_as_numpy_dtype", None)

    assert (tf.bfloat16.size, tf.bfloat16.is_floating) == (2, True)
    with pytest.raises(TypeError, match=r"^dtype bfloat16 needs the package ml_dtypes, which is not installed"):
        _ = tf.bfloat16.as_numpy_dtype


def _having(fact: str) -> set[str]:
    """Return the names of the types of which a property is true."""
    return {name for name in _NUMBERS if getattr(getattr(tf, name), fact)}


def test_kinds() -> None:
    """Which types are floating, integer, unsigned, complex, quantized, bool."""
    signed = {"int8", "int16", "int32", "int64"}
    unsigned = {"uint8", "uint16", "uint32", "uint64"}

    assert _having("is_floating") == {"float16", "float32", "float64", "bfloat16", "float8_e5m2", "float8_e4m3fn"}
    assert _having("is_integer") == signed | unsigned
    assert _having("is_unsigned") == unsigned
    assert _having("is_complex") == {"complex64", "complex128"}
    assert _having("is_quantized") == {"qint8", "quint8", "qint16", "quint16", "qint32"}
    assert _having("is_bool") == {"bool"}
    assert (tf.float32_ref.is_floating, tf.bool_ref.is_bool) == (True, True)
    assert {dtype.name for dtype in tf.QUANTIZED_DTYPES if not dtype._is_ref_dtype} == _having("is_quantized")


def test_real_types() -> None:
    """The parts of a complex type; other types are their own."""
    assert (tf.complex64.real_dtype, tf.complex128.real_dtype) == (tf.float32, tf.float64)
    assert tf.complex64_ref.real_dtype is tf.float32
    assert tf.int32.real_dtype is tf.int32


@pytest.mark.parametrize(
    "dtype,smallest,largest",
    [
        (tf.uint8, 0, 255),
        (tf.int32, -(2**31), 2**31 - 1),
        (tf.uint64, 0, 2**64 - 1),
        (tf.float32, np.finfo(np.float32).min, np.finfo(np.float32).max),
        (tf.float16_ref, -65504, 65504),
        (tf.bfloat16, -(2.0**128 - 2.0**120), 2.0**128 - 2.0**120),
    ],
)
def test_extremes(dtype: DType, smallest: Any, largest: Any) -> None:
    """The smallest and largest finite values."""
    assert (dtype.min, dtype.max) == (smallest, largest)


@pytest.mark.parametrize("dtype", [tf.bool, tf.string, tf.complex64, tf.qint8, tf.resource])
def test_types_without_extremes(dtype: DType) -> None:
    """Types without order have no extremes."""
    with pytest.raises(TypeError, match=f"^Cannot find minimum value of {dtype}.$"):
        _ = dtype.min
    with pytest.raises(TypeError, match=f"^Cannot find maximum value of {dtype}.$"):
        _ = dtype.max


def test_limits() -> None:
    """The range of intensities of an image."""
    limits = [dtype.limits for dtype in (tf.float32, tf.uint8, tf.int32, tf.bool)]

    assert limits == [(0, 1), (0, 255), (0, 2**31 - 1), (False, True)]
    with pytest.raises(TypeError, match="Cannot find maximum value"):
        _ = tf.string.limits
