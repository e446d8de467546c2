"""Cases of ops without updates: what every backend has to compute, by NumPy's account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.testing.op_case import OpCase, case

_FLOATS = (np.float32, np.float64)
_Functions: TypeAlias = dict[str, Callable[..., Any]]
_NUMBERS = (np.int32, np.int64, np.float32, np.float64)


def _values(shape: tuple[int, ...], dtype: Any, low: float = -4.0, high: float = 4.0) -> NDArray[Any]:
    """Return numbers that are spread over a range and exact in every dtype."""
    steps = (np.arange(int(np.prod(shape))) * 7919) % 97
    spread = low + (high - low) * steps.reshape(shape) / 96
    eighths = np.round(spread * 8) / 8
    return (eighths if np.dtype(dtype).kind == "f" else np.round(spread)).astype(dtype)


def _i32(*values: int) -> NDArray[np.int32]:
    """Return a vector of int32."""
    return np.array(values, np.int32)


def _elementwise() -> Iterator[OpCase]:
    """Unary and binary arithmetic, with broadcasting, without dimensions and without elements."""
    for dtype in _FLOATS:
        x, positive = _values((3, 4), dtype), _values((3, 4), dtype, 0.5, 8.0)
        signed: _Functions = {
            "Neg": np.negative,
            "Abs": np.abs,
            "Square": np.square,
            "Sign": np.sign,
            "Floor": np.floor,
        }
        smooth: _Functions = {
            "Exp": np.exp,
            "Tanh": np.tanh,
            "Sin": np.sin,
            "Cos": np.cos,
            "Expm1": np.expm1,
            "Ceil": np.ceil,
        }
        logs: _Functions = {"Log": np.log, "Log1p": np.log1p, "Sqrt": np.sqrt, "Reciprocal": lambda v: 1 / v}
        for op_type, function in (signed | smooth).items():
            for value in (x, x[:0], dtype(2.5)):
                yield case(op_type, function, value, T=dtypes.as_dtype(dtype))
        for op_type, function in logs.items():
            yield case(op_type, function, positive, T=dtypes.as_dtype(dtype))
        yield case("Rsqrt", lambda v: 1 / np.sqrt(v), positive, T=dtypes.as_dtype(dtype))
        yield case("Sigmoid", lambda v: 1 / (1 + np.exp(-v)), x, T=dtypes.as_dtype(dtype))
        yield case("Relu", lambda v: np.maximum(v, 0), x, T=dtypes.as_dtype(dtype))
        yield case("Round", np.rint, np.array([-2.5, -0.5, 0.5, 1.5, 2.4], dtype), T=dtypes.as_dtype(dtype))
        yield case("RealDiv", np.divide, x, positive, T=dtypes.as_dtype(dtype))
        yield case("Pow", np.power, positive, x, T=dtypes.as_dtype(dtype))
        special = np.array([1.0, np.nan, np.inf, -np.inf], dtype)
        for op_type, function in {"IsNan": np.isnan, "IsInf": np.isinf, "IsFinite": np.isfinite}.items():
            yield case(op_type, function, special, T=dtypes.as_dtype(dtype))


def _binary() -> Iterator[OpCase]:
    """Arithmetic and comparison of two inputs."""
    arithmetic: _Functions = {
        "Add": np.add,
        "Sub": np.subtract,
        "Mul": np.multiply,
        "Maximum": np.maximum,
        "Minimum": np.minimum,
        "SquaredDifference": lambda a, b: (a - b) * (a - b),
        "FloorDiv": np.floor_divide,
        "FloorMod": np.mod,
    }
    comparison: _Functions = {
        "Less": np.less,
        "LessEqual": np.less_equal,
        "Greater": np.greater,
        "GreaterEqual": np.greater_equal,
        "Equal": np.equal,
        "NotEqual": np.not_equal,
    }
    for dtype in _NUMBERS:
        left, right = _values((2, 3), dtype), np.array([1, -2, 3], dtype)
        for op_type, function in (arithmetic | comparison).items():
            yield case(op_type, function, left, right, T=dtypes.as_dtype(dtype))
        yield case("Add", np.add, left[:0], right, T=dtypes.as_dtype(dtype))
        yield case("Mul", np.multiply, dtype(3), left, T=dtypes.as_dtype(dtype))
        yield case("Add", np.add, dtype(3), dtype(4), T=dtypes.as_dtype(dtype))
        yield case("AddN", lambda a, b, c: a + b + c, left, left, left, T=dtypes.as_dtype(dtype), N=3)
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    yield case("LogicalAnd", np.logical_and, a, b)
    yield case("LogicalOr", np.logical_or, a, b)
    yield case("LogicalNot", np.logical_not, a)


def _linear_algebra() -> Iterator[OpCase]:
    """Products of matrices."""
    for dtype in _FLOATS:
        kind = dtypes.as_dtype(dtype)
        a, b = _values((3, 4), dtype), _values((4, 2), dtype)
        yield case("MatMul", np.matmul, a, b, T=kind, transpose_a=False, transpose_b=False)
        for left, right in ((True, False), (False, True), (True, True)):
            yield case(
                "MatMul",
                a @ b,
                a.T.copy() if left else a,
                b.T.copy() if right else b,
                label=f"{left}-{right}",
                T=kind,
                transpose_a=left,
                transpose_b=right,
            )
        yield case("MatMul", np.matmul, a[:0], b, T=kind, transpose_a=False, transpose_b=False)
        stack = _values((2, 3, 4), dtype)
        yield case("BatchMatMul", np.matmul, stack, _values((2, 4, 5), dtype), T=kind, adj_x=False, adj_y=False)


def _reductions() -> Iterator[OpCase]:
    """Reductions over some, all and no axes."""
    functions: _Functions = {"Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min, "Prod": np.prod}
    for dtype in _FLOATS:
        x = _values((2, 3, 4), dtype, -2, 2)
        for op_type, function in functions.items():
            for axes in ((0, 2), (-1,), (0, 1, 2)):
                for keep in (False, True):
                    yield case(
                        op_type,
                        function(x, axis=axes, keepdims=keep).astype(dtype),
                        x,
                        np.array(axes, np.int32),
                        label=f"axes{axes}-{keep}",
                        T=dtypes.as_dtype(dtype),
                        Tidx=dtypes.int32,
                        keep_dims=keep,
                    )
        yield case(
            "Sum",
            x,
            x,
            np.array([], np.int32),
            label="no-axes",
            T=dtypes.as_dtype(dtype),
            Tidx=dtypes.int32,
            keep_dims=False,
        )
    flags = np.array([[True, False], [True, True]])
    logicals: _Functions = {"All": np.all, "Any": np.any}
    for op_type, logical in logicals.items():
        yield case(op_type, logical(flags, axis=1), flags, _i32(1), Tidx=dtypes.int32, keep_dims=False)
    numbers = np.array([[3, 1, 2], [4, 9, 9]], np.int32)
    searches: _Functions = {"ArgMax": np.argmax, "ArgMin": np.argmin}
    for op_type, search in searches.items():
        yield case(
            op_type,
            search(numbers, axis=1).astype(np.int64),
            numbers,
            np.int32(1),
            T=dtypes.int32,
            Tidx=dtypes.int32,
            output_type=dtypes.int64,
        )
    for exclusive, reverse, expected in ((False, False, [1, 3, 6]), (True, False, [0, 1, 3]), (False, True, [6, 5, 3])):
        yield case(
            "Cumsum",
            np.array(expected, np.float32),
            np.array([1, 2, 3], np.float32),
            np.int32(0),
            label=f"{exclusive}-{reverse}",
            T=dtypes.float32,
            Tidx=dtypes.int32,
            exclusive=exclusive,
            reverse=reverse,
        )


def _shapes() -> Iterator[OpCase]:
    """Ops that move elements and leave them as they are."""
    for dtype in (np.float32, np.int64, np.bool_):
        kind = dtypes.as_dtype(dtype)
        x = (np.arange(24).reshape(2, 3, 4) % 5).astype(dtype)
        yield case("Reshape", x.reshape(4, 6), x, _i32(4, -1), T=kind, Tshape=dtypes.int32)
        yield case("Transpose", x.transpose(2, 0, 1).copy(), x, _i32(2, 0, 1), T=kind, Tperm=dtypes.int32)
        yield case("ExpandDims", x[:, None], x, np.int32(1), T=kind, Tdim=dtypes.int32)
        yield case("Squeeze", x, x[None, :, :, :, None], T=kind, squeeze_dims=[])
        yield case("ConcatV2", np.concatenate([x, x], 1), x, x, np.int32(1), T=kind, Tidx=dtypes.int32, N=2)
        yield case("Pack", np.stack([x, x], 1), x, x, T=kind, N=2, axis=1)
        yield case("Unpack", [x[0], x[1]], x, T=kind, num=2, axis=0)
        yield case("Split", [x[:, :, :2], x[:, :, 2:]], np.int32(2), x, T=kind, num_split=2)
        yield case("Slice", x[1:, :2, 1:3], x, _i32(1, 0, 1), _i32(-1, 2, 2), T=kind, Index=dtypes.int32)
        yield case("Tile", np.tile(x, (1, 2, 1)), x, _i32(1, 2, 1), T=kind, Tmultiples=dtypes.int32)
        widths = ((1, 0), (0, 2), (0, 0))
        yield case("Pad", np.pad(x, widths), x, np.array(widths, np.int32), T=kind, Tpaddings=dtypes.int32)
        yield case("Gather", x[[1, 0, 1]], x, _i32(1, 0, 1), Tparams=kind, Tindices=dtypes.int32, validate_indices=True)
        yield case("Fill", np.full((2, 3), x[1, 0, 0]), _i32(2, 3), x[1, 0, 0], T=kind)
        yield case("ZerosLike", np.zeros_like, x, T=kind)
        yield case("Select", np.where(x[0] == 1, x[0], x[1]), x[0] == 1, x[0], x[1], T=kind)
    x = _values((3, 4), np.float32)
    yield case("OnesLike", np.ones_like, x, T=dtypes.float32)
    yield case("Shape", np.array([3, 4], np.int32), x, T=dtypes.float32, out_type=dtypes.int32)
    yield case("Size", np.int64(12), x, T=dtypes.float32, out_type=dtypes.int64)
    yield case("Rank", np.int32(2), x, T=dtypes.float32)
    yield case("Range", np.arange(2, 11, 3, dtype=np.int32), np.int32(2), np.int32(11), np.int32(3), Tidx=dtypes.int32)
    yield case(
        "OneHot",
        np.eye(3, dtype=np.float32)[[2, 0]] * 5,
        np.array([2, 0], np.int64),
        np.int32(3),
        np.float32(5),
        np.float32(0),
        T=dtypes.float32,
        TI=dtypes.int64,
        axis=-1,
    )


def _casts() -> Iterator[OpCase]:
    """Conversions between all pairs of common dtypes."""
    kinds = (np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64)
    for source in kinds:
        for target in kinds:
            x = np.array([0, 1, 2, 100], source)
            yield case(
                "Cast",
                x.astype(target),
                x,
                label=dtypes.as_dtype(target).name,
                SrcT=dtypes.as_dtype(source),
                DstT=dtypes.as_dtype(target),
            )


def _networks() -> Iterator[OpCase]:
    """Layers of neural networks."""
    x = _values((2, 5, 6, 3), np.float32, -1, 1)
    bias = np.array([0.5, -1, 2], np.float32)
    yield case("BiasAdd", np.add, x, bias, T=dtypes.float32, data_format=b"NHWC")
    logits = _values((4, 3), np.float32)
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    yield case("Softmax", shifted / shifted.sum(1, keepdims=True), logits, T=dtypes.float32)
    yield case("L2Loss", np.float32((x * x).sum() / 2), x, T=dtypes.float32)
    filters = _values((3, 3, 3, 2), np.float32, -1, 1)
    windows = sliding_window_view(x, (3, 3), axis=(1, 2))
    layer: dict[str, Any] = {"T": dtypes.float32, "data_format": b"NHWC", "padding": b"VALID", "strides": [1, 1, 1, 1]}
    yield case("Conv2D", np.einsum("bhwcij,ijco->bhwo", windows, filters), x, filters, use_cudnn_on_gpu=True, **layer)
    yield case("MaxPool", windows.max((4, 5)), x, ksize=[1, 3, 3, 1], **layer)
    yield case("AvgPool", windows.mean((4, 5), dtype=np.float32), x, ksize=[1, 3, 3, 1], **layer)


def _strings() -> Iterator[OpCase]:
    """Strings, which no array library but NumPy has."""
    x = np.array([[b"a", b""], [b"\x00\xff", b"long" * 10]], object)
    yield case("Reshape", x.reshape(4), x, np.array([4], np.int32), T=dtypes.string, Tshape=dtypes.int32)
    yield case("ConcatV2", np.concatenate([x, x]), x, x, np.int32(0), T=dtypes.string, Tidx=dtypes.int32, N=2)
    yield case("Equal", np.array([[True, False], [False, False]]), x, np.array([b"a", b"b"], object), T=dtypes.string)


CASES: tuple[OpCase, ...] = (
    *_elementwise(),
    *_binary(),
    *_linear_algebra(),
    *_reductions(),
    *_shapes(),
    *_casts(),
    *_networks(),
    *_strings(),
)
"""All cases."""
