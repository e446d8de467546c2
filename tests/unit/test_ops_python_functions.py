from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Operation, get_default_graph
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.ops.python_functions import py_func
from holdfast.runtime import Session
from tests.unit.evaluation import ints, run


def _raise(error: Exception) -> Any:
    raise error


def test_nodes() -> None:
    """The function is in the graph under the node's token; shapes are unknown."""
    x = placeholder(dtypes.float32, [2], name="x")
    tensor = py_func(np.sin, [x], dtypes.float32)
    assert (tensor.name, tensor.op.type, tensor.shape.ndims) == ("PyFunc:0", "PyFunc", None)
    assert get_default_graph().python_functions[tensor.op.attrs["token"]] is np.sin
    first, second = py_func(np.sin, [x, 1], [dtypes.float32, dtypes.int64], stateful=False, name="pf")
    assert (first.op.type, second.name, first.op.inputs[1].name) == ("PyFuncStateless", "pf:1", "pf/input_1:0")
    assert isinstance(py_func(lambda: None, [], []), Operation)


def test_values() -> None:
    """Arrays go in and come out."""
    doubled = py_func(lambda x, y: (x * 2, x + y), [[1.0, 2.0], 3.0], [dtypes.float32, dtypes.float32])
    first, second = run(doubled)
    assert first.tolist() == [2.0, 4.0]
    assert second.tolist() == [4.0, 5.0]
    assert run(py_func(lambda: "abc", [], dtypes.string)) == b"abc"
    assert run(py_func(lambda x: x, [["a"]], dtypes.string)).tolist() == [b"a"]


@pytest.mark.parametrize(
    "value,kind", [(["a"], np.ndarray), ("a", bytes), (1.0, np.float32), ([[1]], np.ndarray), (True, np.bool_)]
)
def test_what_the_function_gets(value: Any, kind: type) -> None:
    """Arrays, and scalars of NumPy; of text the bytes."""
    seen: list[Any] = []
    run(py_func(seen.append, [value], []))
    assert type(seen[0]) is kind


def test_arguments_are_the_functions_own() -> None:
    """It may change and keep what it gets."""
    source = constant([1.0, 2.0])
    kept: list[Any] = []

    def spoil(x: Any) -> Any:
        x[:] = 9
        kept.append(x)
        return x

    spoilt = py_func(spoil, [source], dtypes.float32)
    with Session() as session:
        assert session.run([spoilt, source])[1].tolist() == [1.0, 2.0]
        assert session.run(source).tolist() == [1.0, 2.0]
    assert kept[0].tolist() == [9.0, 9.0]


def test_results_are_borrowed() -> None:
    """What the function keeps of its result is not changed by the caller of run."""
    kept = np.array([1.0, 2.0])
    tensor = py_func(lambda: kept, [], dtypes.float64)
    run(tensor)[0] = 9
    assert kept.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "function,types,message",
    [
        (lambda: ints([1]), dtypes.float32, "0-th value returned by pyfunc_[0-9]+ is int32, but expects float"),
        (lambda: 1.0, dtypes.float32, "is double, but expects float"),
        (lambda: (1.0, 2), [dtypes.float64], "returns 2 values, but expects to see 1 values"),
        (lambda: None, dtypes.float32, "returns 0 values, but expects to see 1 values"),
        (lambda: 3, dtypes.string, "is int, but expects string"),
        (object, dtypes.float32, "is string, but expects float"),
    ],
)
def test_results_that_are_refused(function: Callable[[], Any], types: Any, message: str) -> None:
    """Results have the number and dtypes that were promised; nothing is cast."""
    tensor = py_func(function, [], types)
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


@pytest.mark.parametrize(
    "error,kind",
    [
        (ValueError("v"), errors.InvalidArgumentError),
        (TypeError("t"), errors.InvalidArgumentError),
        (StopIteration("s"), errors.OutOfRangeError),
        (MemoryError("m"), errors.ResourceExhaustedError),
        (NotImplementedError("n"), errors.UnimplementedError),
        (KeyError("k"), errors.UnknownError),
        (ZeroDivisionError("z"), errors.UnknownError),
    ],
)
def test_errors_of_the_function(error: Exception, kind: type[errors.OpError]) -> None:
    """An exception becomes the error of the run, with its class and text."""
    tensor = py_func(lambda: _raise(error), [], dtypes.float32)
    with pytest.raises(kind, match=type(error).__name__):
        run(tensor)


def test_a_function_that_is_none() -> None:
    """Something that cannot be called is refused while building."""
    with pytest.raises(TypeError, match="func must be callable, got int: 3"):
        py_func(3, [], [])  # type: ignore[arg-type]  # what is tested
