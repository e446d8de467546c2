"""Kernels of Cast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest
from holdfast.errors import UnimplementedError
from holdfast.kernels.registry import Pure, generic, host


@generic("Cast")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    source, target = request.input_dtypes[0], getattr(xp, request.output_dtypes[0].name, None)
    if target is None or source == dtypes.string or not hasattr(xp, source.name):
        return None
    drops_imaginary = source.is_complex and not request.output_dtypes[0].is_complex

    def compute(x: Array) -> Array:
        array = xp.asarray(x)
        return xp.astype(xp.real(array) if drops_imaginary else array, target, copy=True)

    return Pure(compute)


@host("Cast", reason="The array API has no strings, bfloat16 nor quantized numbers.")
def _(request: KernelRequest) -> Pure | None:
    source, target = request.input_dtypes[0], request.output_dtypes[0]
    if source == target:
        return Pure(lambda x: np.array(x, copy=True))
    if dtypes.string in {source, target}:
        # The graph may hold such a node as long as nobody runs it.
        return Pure(lambda x: _refuse(source, target))
    if source.is_quantized or target.is_quantized:
        return None

    def compute(x: NDArray[Any]) -> NDArray[Any]:
        array = np.asarray(x)
        real = array.real if source.is_complex and not target.is_complex else array
        return real.astype(target.as_numpy_dtype)

    return Pure(compute)


def _refuse(source: dtypes.DType, target: dtypes.DType) -> Any:
    """Raise TensorFlow's error for a cast that there is not."""
    raise UnimplementedError(None, None, f"Cast {source.name} to {target.name} is not supported")
