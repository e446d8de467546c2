"""Elements in another order: reverse, and permutations inverted."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph.op_def import define_op, integer, not_differentiable, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.static import constant_value

__all__ = ["invert_permutation", "reverse", "reverse_sequence", "reverse_v2"]

_INDEX = (dtypes.int32, dtypes.int64)
_REVERSIBLE = (
    dtypes.uint8,
    dtypes.int8,
    dtypes.uint16,
    dtypes.int16,
    dtypes.int32,
    dtypes.int64,
    dtypes.bool,
    dtypes.float16,
    dtypes.float32,
    dtypes.float64,
    dtypes.complex64,
    dtypes.complex128,
    dtypes.string,
)


def _reverse_shape(op: Operation) -> list[shapes.TensorShape]:
    tensor, axis = op.inputs
    shape_rules.check_rank(axis.shape, 1)
    known, rank = constant_value(axis), tensor.shape.ndims
    if known is not None and rank is not None:
        check_axes(known.tolist(), rank)
    return [tensor.shape]


def check_axes(axes: list[int], rank: int) -> list[int]:
    """Return axes counted from the front; ValueError if one does not exist or comes twice."""
    result: list[int] = []
    for i, axis in enumerate(axes):
        if not -rank <= axis < rank:
            raise ValueError(f"'axis'[{i}] = {axis} is out of valid range [{-rank}, {rank - 1}]")
        if axis % rank in result:
            raise ValueError(f"axis {axis % rank} specified more than once.")
        result.append(axis % rank)
    return result


def _invert_shape(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.TensorShape(shape_rules.of_rank(op.inputs[0].shape, 1))]


def _reverse_sequence_shape(op: Operation) -> list[shapes.TensorShape]:
    value, lengths = op.inputs
    count = shape_rules.of_rank(lengths.shape, 1)[0]
    dims = value.shape.as_tuple()
    if dims is None:
        return [value.shape]
    for attr in ("batch_dim", "seq_dim"):
        if not 0 <= op.attrs[attr] < len(dims):
            raise ValueError(f"{attr} must be < input rank: {op.attrs[attr]} vs. {len(dims)}")
    if op.attrs["batch_dim"] == op.attrs["seq_dim"]:
        raise ValueError(f"batch_dim == seq_dim == {op.attrs['seq_dim']}")
    shape_rules.check_equal_dimensions(dims[op.attrs["batch_dim"]], count)
    return [value.shape]


define_op(
    "ReverseV2",
    "tensor: T, axis: Tidx -> output: T",
    attrs={"Tidx": type_attr(*_INDEX, default=dtypes.int32), "T": type_attr(*_REVERSIBLE)},
    shape=_reverse_shape,
)
define_op(
    "ReverseSequence",
    "input: T, seq_lengths: Tlen -> output: T",
    attrs={
        "seq_dim": integer(),
        "batch_dim": integer(0),
        "T": type_attr(),
        "Tlen": type_attr(*_INDEX, default=dtypes.int64),
    },
    shape=_reverse_sequence_shape,
)
define_op(
    "InvertPermutation", "x: T -> y: T", attrs={"T": type_attr(*_INDEX, default=dtypes.int32)}, shape=_invert_shape
)
not_differentiable("InvertPermutation")


@register_gradient("ReverseV2")
def _reverse_gradient(op: Operation, grad: Tensor) -> Any:
    return [reverse(grad, op.inputs[1]), None]


@register_gradient("ReverseSequence")
def _reverse_sequence_gradient(op: Operation, grad: Tensor) -> Any:
    attrs = {key: op.attrs[key] for key in ("seq_dim", "batch_dim")}
    return [apply_op("ReverseSequence", grad, op.inputs[1], **attrs).outputs[0], None]


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """Return ``tensor`` with its elements in the opposite order along the axes in the vector ``axis``.

    Raises
    ------
    ValueError
        If an axis is known not to exist, or comes twice.
    """
    return apply_op("ReverseV2", tensor, axis, name=name).outputs[0]


reverse_v2 = reverse


def reverse_sequence(
    input: Any,
    seq_lengths: Any,
    seq_axis: int | None = None,
    batch_axis: int | None = None,
    name: str | None = None,
    seq_dim: int | None = None,
    batch_dim: int | None = None,
) -> Tensor:
    """Return ``input`` with the first ``seq_lengths[i]`` elements along ``seq_axis`` reversed in batch entry i.

    ``seq_dim`` and ``batch_dim`` are older names of the axes.

    Raises
    ------
    ValueError
        If an axis is given twice or not at all, or the shapes do not fit.
    """
    if (seq_axis is None) == (seq_dim is None):
        raise ValueError("Give exactly one of 'seq_axis' and 'seq_dim'.")
    if batch_axis is not None and batch_dim is not None:
        raise ValueError("Cannot specify both 'batch_axis' and 'batch_dim'.")
    seq = seq_dim if seq_axis is None else seq_axis
    batch = batch_dim if batch_axis is None else batch_axis
    op = apply_op("ReverseSequence", input, seq_lengths, seq_dim=seq, batch_dim=batch, name=name)
    return op.outputs[0]


def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """Return the inverse of a permutation of ``0 .. n-1``: ``y[x[i]] = i``.

    Running it raises :class:`holdfast.errors.InvalidArgumentError` if ``x`` is no permutation.
    """
    return apply_op("InvertPermutation", x, name=name).outputs[0]
