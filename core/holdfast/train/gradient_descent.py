"""Gradient descent."""

from __future__ import annotations

from typing import Any

from holdfast.graph import IndexedSlices, Tensor, convert_to_tensor
from holdfast.ops.casting import cast
from holdfast.ops.training_ops import apply_gradient_descent
from holdfast.train.optimizer import Optimizer
from holdfast.variables import Variable


class GradientDescentOptimizer(Optimizer):
    """Plain gradient descent: ``var -= learning_rate * grad``.

    Parameters
    ----------
    learning_rate
        A number or a scalar tensor.
    use_locking, name
        As for :class:`Optimizer`.
    """

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _prepare(self) -> None:
        self._learning_rate_tensor = convert_to_tensor(self._learning_rate, name="learning_rate")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        rate = cast(self._learning_rate_tensor, var.dtype.base_dtype)
        return apply_gradient_descent(var, rate, grad, use_locking=self._use_locking).op

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Variable) -> Any:
        # Subtraction takes equal indices as they are: nothing has to be added up first.
        step = grad.values * cast(self._learning_rate_tensor, var.dtype.base_dtype)
        return var.scatter_sub(IndexedSlices(step, grad.indices, grad.dense_shape), use_locking=self._use_locking)
