"""Ops that pass a tensor on: identity, stop_gradient, placeholder_with_default; and placeholders."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph.op_def import (
    define_op,
    list_of,
    not_differentiable,
    register_gradient,
    shape_attr,
    string,
    type_attr,
)
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op

__all__ = ["identity", "placeholder", "placeholder_with_default", "stop_gradient"]


def _placeholder_shape(op: Operation) -> list[shapes.TensorShape]:
    return [op.attrs["shape"]]


def _placeholder_with_default_shape(op: Operation) -> list[shapes.TensorShape]:
    wanted: shapes.TensorShape = op.attrs["shape"]
    # The default's own shape must be able to be what is declared; feeds are checked against the declared one.
    shape_rules.merged(op.inputs[0].shape, wanted)
    return [wanted]


_UNKNOWN = shapes.unknown_shape()

define_op(
    "Placeholder",
    "-> output: dtype",
    attrs={"dtype": type_attr(), "shape": shape_attr(_UNKNOWN)},
    shape=_placeholder_shape,
)
define_op(
    "PlaceholderV2", "-> output: dtype", attrs={"dtype": type_attr(), "shape": shape_attr()}, shape=_placeholder_shape
)
define_op(
    "PlaceholderWithDefault",
    "input: dtype -> output: dtype",
    attrs={"dtype": type_attr(), "shape": shape_attr()},
    shape=_placeholder_with_default_shape,
)
define_op("Identity", "input: T -> output: T", attrs={"T": type_attr()}, shape=shape_rules.first_input)
define_op(
    "IdentityN",
    "input: T -> output: T",
    attrs={"T": list_of("type", minimum=1)},
    shape=lambda op: [tensor.shape for tensor in op.inputs],
)
define_op("StopGradient", "input: T -> output: T", attrs={"T": type_attr()}, shape=shape_rules.first_input)
define_op(
    "PreventGradient",
    "input: T -> output: T",
    attrs={"T": type_attr(), "message": string(b"")},
    shape=shape_rules.first_input,
)
not_differentiable("Placeholder", "PlaceholderV2", "StopGradient")


@register_gradient("Identity", "RefIdentity", "PlaceholderWithDefault")
def _identity_gradient(op: Operation, grad: Any) -> Any:
    return grad


@register_gradient("IdentityN")
def _identity_n_gradient(op: Operation, *grads: Any) -> Any:
    return list(grads)


@register_gradient("PreventGradient")
def _prevent_gradient(op: Operation, grad: Any) -> Any:
    reason = op.attrs["message"].decode(errors="replace")
    raise LookupError(f"Gradient explicitly disabled. Reason: {reason}")


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor that must be fed.

    Parameters
    ----------
    dtype
        Dtype of its elements.
    shape
        Static shape, with None for unknown sizes; None: any shape may be fed.

    Raises
    ------
    TypeError
        If ``dtype`` is no dtype or ``shape`` no shape.
    """
    return apply_op("Placeholder", dtype=dtypes.as_dtype(dtype), shape=shapes.as_shape(shape), name=name).outputs[0]


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """Return a tensor that passes ``input`` on unless it is fed.

    Parameters
    ----------
    shape
        Static shape of what may be fed; ``input`` must fit it.

    Raises
    ------
    ValueError
        If the shape of ``input`` does not fit.
    """
    return apply_op("PlaceholderWithDefault", input, shape=shapes.as_shape(shape), name=name).outputs[0]


def identity(input: Any, name: str | None = None) -> Tensor:
    """Return a tensor with the value of ``input``: of a variable, its value at this place of the program."""
    return apply_op("Identity", input, name=name).outputs[0]


def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """Return ``input`` as a constant for ``gradients``: no gradient flows through it."""
    return apply_op("StopGradient", input, name=name).outputs[0]
