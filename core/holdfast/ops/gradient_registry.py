"""Gradients of user-defined and overridden ops: ``tf.RegisterGradient``, ``tf.NotDifferentiable``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import not_differentiable, register_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NoGradient", "NotDifferentiable", "RegisterGradient"]


class RegisterGradient:
    """A decorator that registers a gradient function under the name of an op type.

    Parameters
    ----------
    op_type
        An op type, or a name for use with ``Graph.gradient_override_map``.

    Raises
    ------
    TypeError
        If it is no string.
    """

    def __init__(self, op_type: str) -> None:
        self._op_type = _checked(op_type)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register a function ``(op, *grads)``, from an op and the gradients of its outputs to those of its inputs.

        Returns
        -------
        The function itself.

        Raises
        ------
        KeyError
            If something is registered under that name.
        """
        return register_gradient(self._op_type)(function)


def NotDifferentiable(op_type: str) -> None:
    """Declare that no gradient flows through ops of a type: ``gradients`` takes their inputs for constants.

    Raises
    ------
    TypeError
        If it is no string.
    KeyError
        If something is registered under that name.
    """
    not_differentiable(_checked(op_type))


NoGradient = NotDifferentiable
"""TensorFlow's old name for :func:`NotDifferentiable`."""


def _checked(op_type: str) -> str:
    """Return the op type; TypeError if it is no string."""
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    return op_type
