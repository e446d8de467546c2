"""Running sums and products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph.op_def import boolean, define_op, register_gradient, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import INDICES, NUMBERS

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["cumprod", "cumsum"]

for _op_type in ("Cumsum", "Cumprod"):
    define_op(
        _op_type,
        "x: T, axis: Tidx -> out: T",
        attrs={
            "exclusive": boolean(False),
            "reverse": boolean(False),
            "T": type_attr(*NUMBERS),
            "Tidx": type_attr(*INDICES, default=dtypes.int32),
        },
        shape=shape_rules.first_input,
    )


@register_gradient("Cumsum")
def _cumsum_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    return [cumsum(grad, op.inputs[1], op.attrs["exclusive"], not op.attrs["reverse"]), None]


@register_gradient("Cumprod")
def _cumprod_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    """Return the gradient where no element is zero; NaN for those that are, as in TensorFlow."""
    x, axis = op.inputs
    exclusive, reverse = op.attrs["exclusive"], op.attrs["reverse"]
    scaled = cumsum(conj(op.outputs[0]) * grad, axis, exclusive, not reverse)
    return [scaled / conj(x), None]


def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Return the running sum along an axis.

    Parameters
    ----------
    x
        Numbers.
    axis
        One axis, negative ones counted from the back.
    exclusive
        Leave out the element itself: ``[a, b, c]`` gives ``[0, a, a + b]``.
    reverse
        Sum from the end.

    Raises
    ------
    InvalidArgumentError
        When it runs, if there is no such axis.
    """
    return node("Cumsum", x, axis, exclusive=exclusive, reverse=reverse, name=name)


def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Return the running product along an axis; as :func:`cumsum` else."""
    return node("Cumprod", x, axis, exclusive=exclusive, reverse=reverse, name=name)
