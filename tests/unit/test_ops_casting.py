from __future__ import annotations

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.ops import casting, clipping
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import run

NUMERIC = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "bfloat16"),
]


@pytest.mark.parametrize("source", NUMERIC)
@pytest.mark.parametrize("target", NUMERIC)
def test_every_pair_of_dtypes(source: str, target: str) -> None:
    """Small whole numbers survive any cast between numeric dtypes."""
    values = np.array([0, 1, 1] if "bool" in {source, target} else [0, 1, 3])
    x = values.astype(dtypes.as_dtype(source).as_numpy_dtype)
    result = run(casting.cast(constant(x), target))
    assert dtypes.as_dtype(result.dtype) == dtypes.as_dtype(target)
    np.testing.assert_array_equal(result.astype(np.complex128), values)


def test_nodes() -> None:
    """A cast is one node, and none where the dtype is the wanted one already."""
    x = placeholder(dtypes.int32, [2])
    node = casting.cast(x, dtypes.float32)
    assert (node.op.name, node.op.type, node.shape.as_list()) == ("Cast", "Cast", [2])
    assert casting.cast(x, "int32") is x
    assert [f(x).op.name for f in (casting.to_float, casting.to_double, casting.to_int64)] == [
        "ToFloat",
        "ToDouble",
        "ToInt64",
    ]
    assert casting.to_int32(x) is x
    assert casting.to_bfloat16(x).dtype == dtypes.bfloat16


def test_truncation_and_wrap_around() -> None:
    """Fractions are cut off; integers that do not fit wrap around; imaginary parts are lost; NaN is true."""
    assert run(casting.cast([1.9, -1.9, 2.5], dtypes.int32)).tolist() == [1, -1, 2]
    assert run(casting.cast([300, -1], dtypes.uint8)).tolist() == [44, 255]
    assert run(casting.cast(constant([1 + 2j, 3j]), dtypes.float32)).tolist() == [1.0, 0.0]
    assert run(casting.cast([0.0, 0.5, np.nan], dtypes.bool)).tolist() == [False, True, True]


def test_strings_are_not_numbers() -> None:
    """Such a cast can be built, not run."""
    with pytest.raises(errors.UnimplementedError, match=r"^Cast string to int32 is not supported"):
        run(casting.cast(constant(["1"]), dtypes.int32))
    with pytest.raises(errors.UnimplementedError, match=r"^Cast int32 to string is not supported"):
        run(casting.cast(constant([1]), dtypes.string))
    assert run(apply_op("Cast", constant(["a"]), DstT=dtypes.string).outputs[0]).tolist() == [b"a"]


def test_wrong_dtypes() -> None:
    """What is no dtype is refused."""
    with pytest.raises(TypeError, match=r"^Cannot convert value <class 'float'> to a TensorFlow DType"):
        casting.cast(1, float)


def test_saturate_cast() -> None:
    """Values out of range become the nearest one that is in it."""
    assert run(casting.saturate_cast([-5.0, 3.7, 300.0], dtypes.uint8)).tolist() == [0, 3, 255]
    assert run(casting.saturate_cast(constant([-(2**40), 2**40], dtypes.int64), dtypes.int32)).tolist() == [
        -(2**31),
        2**31 - 1,
    ]
    assert casting.saturate_cast(placeholder(dtypes.uint8, [1]), dtypes.int32).op.inputs[0].op.type == "Placeholder"


def test_clip_by_value() -> None:
    """Values are kept between two bounds; the nodes are TensorFlow's."""
    x = constant([-3.0, 0.5, 3.0])
    clipped = clipping.clip_by_value(x, -1.0, 1.0)
    assert (clipped.op.name, clipped.op.type) == ("clip_by_value", "Maximum")
    assert clipped.op.inputs[0].op.name == "clip_by_value/Minimum"
    assert run(clipped).tolist() == [-1.0, 0.5, 1.0]
    with pytest.raises(ValueError, match=r"^Shapes \(\) and \(3,\) are not compatible$"):
        clipping.clip_by_value(placeholder(dtypes.float32, []), x, 1.0)


def test_clip_by_norm() -> None:
    """What is longer than the norm is scaled down, else left alone; along an axis, or by the average."""
    x = constant([[3.0, 4.0], [0.3, 0.4]])
    np.testing.assert_allclose(run(clipping.clip_by_norm(x, 10.0)), [[3.0, 4.0], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(run(clipping.clip_by_norm(x, 1.0, axes=[1])), [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    average = np.sqrt(25.25) / 4
    expected = np.array([[3.0, 4.0], [0.3, 0.4]]) / average
    np.testing.assert_allclose(run(clipping.clip_by_average_norm(x, 1.0)), expected, rtol=1e-6)


def test_clip_by_global_norm() -> None:
    """Tensors are scaled by one factor; None stays None."""
    x, y = constant([3.0]), constant([4.0])
    clipped, norm = clipping.clip_by_global_norm([x, None, y], 2.5)
    assert clipped[1] is None
    np.testing.assert_allclose(run([clipped[0], clipped[2]]), [[1.5], [2.0]], rtol=1e-6)
    assert run(norm) == 5.0
    untouched, _ = clipping.clip_by_global_norm([x, y], 100.0)
    np.testing.assert_allclose(run(untouched), [[3.0], [4.0]], rtol=1e-6)
    for function in (clipping.global_norm, lambda t: clipping.clip_by_global_norm(t, 1.0)):
        with pytest.raises(TypeError, match=r"^t_list should be a sequence$"):
            function(x)
