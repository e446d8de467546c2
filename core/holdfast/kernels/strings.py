"""Kernels on strings, which are arrays of bytes objects on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import Pure, host

_REASON = "no array library but NumPy holds strings"


def _strings(value: Any) -> NDArray[Any]:
    """Return strings as an array of bytes objects, also where they came as one of them."""
    return np.asarray(value, np.object_)


@host("StringJoin", reason=_REASON)
def _(request: KernelRequest) -> Kernel:
    separator: bytes = request.attrs["separator"]

    def compute(*values: Any) -> NDArray[Any]:
        arrays = [_strings(value) for value in values]
        shapes = {array.shape for array in arrays if array.ndim}
        if len(shapes) > 1:
            found = ", ".join(str(list(array.shape)) for array in arrays)
            raise InvalidArgumentError(
                None, None, f"Input shapes do not match: {found}; expected scalars and arrays of one shape."
            )
        shape = shapes.pop() if shapes else ()
        joined = np.empty(shape, np.object_)
        flat = [np.broadcast_to(array, shape).reshape(-1) for array in arrays]
        joined.reshape(-1)[:] = [separator.join(parts) for parts in zip(*flat, strict=True)]
        return joined

    return Pure(compute)


@host("ShardedFilename", reason=_REASON)
def _(_request: KernelRequest) -> Kernel:
    def compute(basename: Any, shard: Any, num_shards: Any) -> NDArray[Any]:
        name = np.empty((), np.object_)
        name[()] = _strings(basename)[()] + f"-{int(shard):05d}-of-{int(num_shards):05d}".encode()
        return name

    return Pure(compute)
