"""Checks for NaN and infinity."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, register_gradient, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.grouping import group, with_dependencies

__all__ = ["add_check_numerics_ops", "check_numerics", "verify_tensor_all_finite"]

_FLOATING = (dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bfloat16)

define_op(
    "CheckNumerics",
    "tensor: T -> output: T",
    attrs={"T": type_attr(*_FLOATING), "message": string()},
    shape=shape_rules.first_input,
)


@register_gradient("CheckNumerics")
def _check_numerics_gradient(op: Operation, grad: Tensor) -> Any:
    message = op.attrs["message"].decode(errors="replace")
    return check_numerics(grad, f"Not a number (NaN) or infinity (Inf) values detected in gradient. {message}".rstrip())


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """Return ``tensor`` unchanged if it has no NaN or infinity.

    Running it raises :class:`holdfast.errors.InvalidArgumentError`, beginning with ``message``, if it has one.
    """
    return apply_op("CheckNumerics", tensor, message=message, name=name).outputs[0]


def verify_tensor_all_finite(t: Any, msg: str, name: str | None = None) -> Tensor:
    """Return ``t``, to be had only after a check for NaN and infinity; see :func:`check_numerics`."""
    with default.name_scope(name, "VerifyFinite", [t]):
        t = conversion.convert_to_tensor(t, name="t")
        with default.colocate_with(t):
            verified = check_numerics(t, msg)
            result: Tensor = with_dependencies([verified], t)
        return result


def add_check_numerics_ops() -> Operation:
    """Return an operation that checks every floating-point tensor of the default graph for NaN and infinity, in order.

    Raises
    ------
    ValueError
        If the graph has a cond: tensors of a branch that is not taken have no value to check.
    """
    checks: list[Any] = []
    for op in default.get_default_graph().get_operations():
        for output in op.outputs:
            if output.dtype.base_dtype not in _FLOATING:
                continue
            if op._control_flow_context is not None:
                raise ValueError(
                    "`tf.add_check_numerics_ops() is not compatible with TensorFlow control flow operations such as "
                    f"`tf.cond()`: {op.name} is part of a branch."
                )
            with default.control_dependencies(checks[-1:]):
                checks.append(check_numerics(output, output.name))
    return group(*checks[-1:])
