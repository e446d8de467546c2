"""Print: values shown on standard error as they pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph.op_def import define_op, integer, list_of, register_gradient, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op

__all__ = ["Print"]

define_op(
    "Print",
    "input: T, data: U -> output: T",
    attrs={
        "T": type_attr(),
        "U": list_of("type", minimum=1),
        "message": string(b""),
        "first_n": integer(-1),
        "summarize": integer(3),
    },
    shape=shape_rules.first_input,
    stateful=True,
    effects=True,
)


@register_gradient("Print")
def _print_gradient(op: Operation, grad: Any) -> Any:
    return [grad] + [None] * (len(op.inputs) - 1)


def Print(
    input_: Any,
    data: Sequence[Any],
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return ``input_`` unchanged; each time it is computed, ``data`` is written to standard error.

    Parameters
    ----------
    data
        What to show: at least one tensor.
    message
        What to show before it.
    first_n
        Show it only that many times; by default always.
    summarize
        Number of elements of each tensor that are shown; by default 3.
    """
    op = apply_op("Print", input_, data, message=message, first_n=first_n, summarize=summarize, name=name)
    return op.outputs[0]
