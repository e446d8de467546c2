"""Kernels of elementwise ops with two inputs that broadcast, but for division."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.elementwise import Binary, binary, one_function
from holdfast.kernels.registry import Pure, generic, host
from holdfast.kernels.shape_text import shape_text

_NAMED = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Less": "less",
    "LessEqual": "less_equal",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
    "Equal": "equal",
    "NotEqual": "not_equal",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "Atan2": "atan2",
}
"""Op types that are one function of the array API."""


def _named(xp: Any, request: KernelRequest) -> Binary | None:
    if request.input_dtypes[0] == dtypes.string:
        return None
    return Binary(one_function(xp, request, getattr(xp, _NAMED[request.op_type])))


generic(*_NAMED)(_named)


@host("Add", "Equal", "NotEqual", reason="The array API has no strings.")
def _(request: KernelRequest) -> Binary | None:
    if request.input_dtypes[0] != dtypes.string:
        return None
    ufunc = {"Add": np.add, "Equal": np.equal, "NotEqual": np.not_equal}[request.op_type]
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        result = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), dtype)
        result[...] = ufunc(x, y)
        return result

    return Binary(compute)


@generic("Pow")
def _(xp: Any, request: KernelRequest) -> Binary:
    if not request.input_dtypes[0].is_integer:
        return Binary(one_function(xp, request, xp.pow))

    def compute(x: Array, y: Array) -> Array:
        if xp.any(y < 0):
            raise InvalidArgumentError(
                None,
                None,
                "Integers to negative integer powers are not allowed: cast the base to floating point first.",
            )
        return xp.pow(x, y)

    return Binary(compute)


@generic("SquaredDifference")
def _(xp: Any, request: KernelRequest) -> Binary:
    def compute(x: Array, y: Array) -> Array:
        difference = x - y
        return difference * difference

    return binary(xp, request, compute)


@generic("ApproximateEqual")
def _(xp: Any, request: KernelRequest) -> Binary:
    tolerance = request.attrs["tolerance"]

    def compute(x: Array, y: Array) -> Array:
        # The larger minus the smaller one: unsigned integers must not wrap around.
        difference = xp.abs(x - y) if request.input_dtypes[0].is_complex else xp.maximum(x, y) - xp.minimum(x, y)
        return xp.astype(xp.asarray(difference), xp.float64) < tolerance

    return binary(xp, request, compute)


@host("Complex", reason="The array API cannot put complex numbers together from parts that may be infinite.")
def _(request: KernelRequest) -> Binary:
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(real: NDArray[Any], imag: NDArray[Any]) -> NDArray[Any]:
        result = np.empty(np.broadcast_shapes(np.shape(real), np.shape(imag)), dtype)
        result.real = real
        result.imag = imag
        return result

    return Binary(compute)


@generic("AddN", "AccumulateNV2")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(*inputs: Array) -> Array:
        first = inputs[0]
        for i, other in enumerate(inputs):
            if other.shape != first.shape:
                raise InvalidArgumentError(
                    None,
                    None,
                    f"Inputs to operation {request.op_name} of type {request.op_type} must have the same size and "
                    f"shape.  Input 0: {shape_text(first.shape)} != input {i}: {shape_text(other.shape)}",
                )
        if len(inputs) == 1:
            return xp.asarray(first, copy=True)
        total = xp.add(first, inputs[1])
        for other in inputs[2:]:
            total += other
        return total

    return Pure(one_function(xp, request, compute))
