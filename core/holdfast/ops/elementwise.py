"""How elementwise ops are defined and applied: one input, or two that broadcast."""

from __future__ import annotations

from typing import Any

from holdfast.dtypes import DType
from holdfast.graph.op_def import define_op, type_attr
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.broadcasting import broadcast_shape
from holdfast.ops.number_types import FLOATING_OR_COMPLEX


def define_unary(allowed: tuple[DType, ...], *op_types: str) -> None:
    """Define ops from ``x`` to ``y`` of the same shape and dtype."""
    for op_type in op_types:
        define_op(op_type, "x: T -> y: T", attrs={"T": type_attr(*allowed)}, shape=shape_rules.first_input)


def define_unary_gradient(*op_types: str) -> None:
    """Define ops from the output ``y`` of another op, and the gradient of that, to the gradient of its input."""
    for op_type in op_types:
        define_op(
            op_type,
            "y: T, dy: T -> z: T",
            attrs={"T": type_attr(*FLOATING_OR_COMPLEX)},
            shape=shape_rules.first_input,
        )


def define_binary(allowed: tuple[DType, ...], *op_types: str, output: str = "T") -> None:
    """Define ops of ``x`` and ``y``, which broadcast, to ``z``."""
    for op_type in op_types:
        define_op(op_type, f"x: T, y: T -> z: {output}", attrs={"T": type_attr(*allowed)}, shape=broadcast_shape)


def node(op_type: str, *inputs: Any, name: str | None = None, **attrs: Any) -> Tensor:
    """Apply an op with one output and return that."""
    return apply_op(op_type, *inputs, name=name, **attrs).outputs[0]
