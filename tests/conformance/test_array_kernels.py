"""Kernels of arrays under a namespace that has nothing but the standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import array_api_strict
import numpy as np
import pytest

from holdfast import dtypes
from holdfast.contracts import AliasingKernel, Kernel, KernelRequest
from holdfast.dtypes import as_dtype
from holdfast.kernels.array_backend import ArrayDevice
from holdfast.testing.kernel_context import KernelContext

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
M = X % 3 == 0
_SLICE = {f"{name}_mask": 0 for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
Attrs = Mapping[str, Any]


def _i(*values: Any) -> Any:
    return np.array(values, np.int32)


# Op type, attributes, inputs; the outputs must be NumPy's.
CASES: list[tuple[str, Attrs, list[Any]]] = [
    ("Shape", {}, [X]),
    ("Size", {}, [X]),
    ("Rank", {}, [X]),
    ("BroadcastArgs", {}, [_i(2, 1), _i(3)]),
    ("ConcatOffset", {}, [np.int32(1), _i(2, 3), _i(2, 5)]),
    ("InvertPermutation", {}, [_i(2, 0, 1)]),
    ("IdentityN", {}, [X, M]),
    ("Reshape", {}, [X, _i(4, -1)]),
    ("Transpose", {}, [X, _i(2, 0, 1)]),
    ("ExpandDims", {}, [X, np.int32(-1)]),
    ("Squeeze", {"squeeze_dims": []}, [X[:, :1]]),
    ("Squeeze", {"squeeze_dims": [1]}, [X[:, :1]]),
    ("ConcatV2", {}, [X, X, np.int32(-1)]),
    ("Pack", {"axis": 1}, [X, X]),
    ("Unpack", {"num": 3, "axis": 1}, [X]),
    ("Split", {"num_split": 2}, [np.int32(2), X]),
    ("SplitV", {"num_split": 2}, [X, _i(1, -1), np.int32(1)]),
    ("Slice", {}, [X, _i(0, 1, 2), _i(-1, 1, 2)]),
    ("StridedSlice", _SLICE, [X, _i(1, 2), _i(-3, 0), _i(-1, -2)]),
    ("StridedSlice", {**_SLICE, "shrink_axis_mask": 1, "new_axis_mask": 2}, [X, _i(1, 0, 1), _i(2, 0, 3), _i(1, 1, 1)]),
    ("StridedSliceGrad", _SLICE, [_i(5), _i(4), _i(0), _i(-2), X[0, 0, :2]]),
    ("StridedSliceGrad", {**_SLICE, "shrink_axis_mask": 1}, [_i(3), _i(1), _i(2), _i(1), np.float32(7)]),
    ("ReverseV2", {}, [X, _i(0, -1)]),
    ("Gather", {}, [X, _i(1, 0, 1)]),
    ("Gather", {}, [X, np.int32(1)]),
    ("GatherV2", {}, [X, np.array([[3, 0]], np.int64), np.int32(2)]),
    ("GatherNd", {}, [X, np.array([[1, 2], [0, 0]], np.int32)]),
    ("GatherNd", {}, [X, np.zeros((2, 0), np.int32)]),
    ("Fill", {}, [_i(2, 2), np.float32(7)]),
    ("ZerosLike", {}, [X]),
    ("OnesLike", {}, [X]),
    ("LinSpace", {}, [np.float32(0), np.float32(1), np.int32(5)]),
    ("Range", {}, [np.int32(1), np.int32(9), np.int32(3)]),
    ("Range", {}, [np.float32(0), np.float32(1), np.float32(0.25)]),
    ("OneHot", {"axis": -1}, [_i(2, -1), np.int32(3), np.float32(5), np.float32(6)]),
    ("Pad", {}, [X[0], np.array([[1, 0], [0, 2]], np.int32)]),
    ("PadV2", {}, [X[0], np.array([[1, 0], [0, 2]], np.int32), np.float32(7)]),
    ("MirrorPad", {"mode": b"REFLECT"}, [X[0], np.array([[1, 0], [0, 2]], np.int32)]),
    ("MirrorPadGrad", {"mode": b"SYMMETRIC"}, [X[0], np.array([[1, 0], [0, 2]], np.int32)]),
    ("Tile", {}, [X[0], _i(2, 3)]),
    ("Where", {}, [M]),
    ("Select", {}, [M, X, -X]),
    ("Select", {}, [np.array([True, False]), X, -X]),
    ("Select", {}, [np.bool_(True), X, -X]),
    ("CheckNumerics", {"message": b"m"}, [X]),
]


def _kernel(device: ArrayDevice, request: KernelRequest) -> Kernel:
    kernel = device.kernel(request)
    assert isinstance(kernel, Kernel)
    return kernel


def _types(arrays: Any) -> tuple[dtypes.DType, ...]:
    return tuple(as_dtype(np.asarray(array).dtype) for array in arrays)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_the_standard_suffices(case: tuple[str, Attrs, list[Any]]) -> None:
    """With array_api_strict the outputs are those with NumPy, and no output shares memory unless the kernel says so."""
    op_type, attrs, inputs = case
    host = ArrayDevice(np)
    outputs = _OUTPUTS.get(op_type, _types(inputs[:1]))
    draft = KernelRequest(op_type, "n", attrs, _types(inputs), outputs)
    expected = _kernel(host, draft)(KernelContext(host), *inputs)
    request = KernelRequest(op_type, "n", attrs, _types(inputs), _types(expected))
    strict = ArrayDevice(array_api_strict)
    kernel = _kernel(strict, request)
    found = kernel(KernelContext(strict), *(array_api_strict.asarray(np.asarray(value)) for value in inputs))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert isinstance(ours, type(array_api_strict.empty(1)))
        assert as_dtype(np.asarray(ours).dtype) == as_dtype(np.asarray(theirs).dtype)
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    aliases = kernel.aliases if isinstance(kernel, AliasingKernel) else {}
    for i, output in enumerate(_kernel(host, request)(KernelContext(host), *inputs)):
        for j, value in enumerate(inputs):
            if j not in aliases.get(i, ()):
                assert not np.shares_memory(output, value)


_OUTPUTS = {
    "Shape": (dtypes.int32,),
    "Size": (dtypes.int32,),
    "Rank": (dtypes.int32,),
    "ConcatOffset": (dtypes.int32, dtypes.int32),
    "OneHot": (dtypes.float32,),
    "Where": (dtypes.int64,),
    "Fill": (dtypes.float32,),
    "Select": (dtypes.float32,),
}
