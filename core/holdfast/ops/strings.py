"""Ops on strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import define_op, integer, not_differentiable, string
from holdfast.ops.apply import apply_op
from holdfast.shapes import TensorShape, unknown_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


def _joined_shape(op: Operation) -> list[TensorShape]:
    """All inputs that are no scalars have one shape, which is the output's."""
    shapes = [tensor.shape for tensor in op.inputs]
    if any(shape.ndims is None for shape in shapes):
        return [unknown_shape()]
    result = TensorShape([])
    for shape in shapes:
        if shape.ndims:
            result = result.merge_with(shape) if result.ndims else shape
    return [result]


define_op(
    "StringJoin",
    "inputs: N * string -> output: string",
    attrs={"N": integer(minimum=1), "separator": string(default=b"")},
    shape=_joined_shape,
)
not_differentiable("StringJoin")


def string_join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """Join strings elementwise, with ``separator`` in between; scalars go with every element."""
    return apply_op("StringJoin", list(inputs), name=name, separator=separator).outputs[0]
