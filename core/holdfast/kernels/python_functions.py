"""The kernel of py_func: a Python function that is called with NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import Kernel, KernelRequest, RunContext
from holdfast.dtypes import DType
from holdfast.kernels.registry import Contextual, host


@host("PyFunc", "PyFuncStateless", reason="a Python function takes NumPy arrays")
def _(request: KernelRequest) -> Kernel:
    token: bytes = request.attrs["token"]
    wanted = request.output_dtypes
    name = token.decode(errors="backslashreplace")

    def compute(context: RunContext, *inputs: Any) -> tuple[Any, ...]:
        function = context.python_function(token)
        # Copies: what the function keeps or changes is its own.
        arguments = [_copied(value) for value in inputs]
        with context.release_session():
            try:
                returned = function(*arguments)
            except Exception as error:
                raise _converted(error) from error
        return _outputs(returned, wanted, name)

    return Contextual(compute)


def _copied(value: Any) -> Any:
    """Return a copy of an array; of a 0-d one the NumPy scalar, of a scalar string its bytes."""
    array = np.array(value, order="C", copy=True)
    return array[()] if array.ndim == 0 else array


def _converted(error: Exception) -> errors.OpError:
    """Return the error of the run for an error of the function."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, TypeError | ValueError):
        return errors.InvalidArgumentError(None, None, text)
    if isinstance(error, StopIteration):
        return errors.OutOfRangeError(None, None, text)
    if isinstance(error, MemoryError):
        return errors.ResourceExhaustedError(None, None, text)
    if isinstance(error, NotImplementedError):
        return errors.UnimplementedError(None, None, text)
    return errors.UnknownError(None, None, text)


def _outputs(returned: Any, wanted: tuple[DType, ...], name: str) -> tuple[Any, ...]:
    """Return what a function returned as the op's outputs."""
    if returned is None:
        values: list[Any] = []
    else:
        values = list(returned) if isinstance(returned, list | tuple) else [returned]
    if len(values) != len(wanted):
        told = f"{name} returns {len(values)} values, but expects to see {len(wanted)} values."
        raise errors.InvalidArgumentError(None, None, told)
    return tuple(_output(i, value, dtype, name) for i, (value, dtype) in enumerate(zip(values, wanted, strict=True)))


def _output(number: int, value: Any, dtype: DType, name: str) -> NDArray[Any]:
    """Return one value as an array of the dtype that the op promised; nothing is cast."""
    if dtype is dtypes.string:
        return _strings(number, value, name)
    try:
        array = np.asarray(value)
        found = dtypes.as_dtype(array.dtype)
    except (TypeError, ValueError) as error:
        told = f"{number}-th value returned by {name} cannot be an array: {error}"
        raise errors.InvalidArgumentError(None, None, told) from error
    if found is not dtype:
        told = f"{number}-th value returned by {name} is {_c_name(found)}, but expects {_c_name(dtype)}"
        raise errors.InvalidArgumentError(None, None, told)
    # In native byte order. What the function returned is borrowed, and marked so: nobody writes to it or keeps it.
    view = np.asarray(array, dtype=dtype.as_numpy_dtype).view()
    view.flags.writeable = False
    return view


def _c_name(dtype: DType) -> str:
    """Return a dtype's name as TensorFlow's runtime writes it."""
    return {"float32": "float", "float64": "double", "float16": "half"}.get(dtype.name, dtype.name)


def _strings(number: int, value: Any, name: str) -> NDArray[Any]:
    """Return text and bytes as an object array of bytes."""
    source = np.asarray(value, dtype=object)
    out = np.empty(source.shape, object)
    flat = out.reshape(-1)
    for i, item in enumerate(source.reshape(-1)):
        if not isinstance(item, str | bytes):
            told = f"{number}-th value returned by {name} is {type(item).__name__}, but expects string"
            raise errors.InvalidArgumentError(None, None, told)
        flat[i] = item.encode() if isinstance(item, str) else bytes(item)
    return out
