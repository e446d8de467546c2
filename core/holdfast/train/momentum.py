"""Gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph import IndexedSlices, Tensor, convert_to_tensor
from holdfast.ops.casting import cast
from holdfast.ops.training_ops import apply_momentum, sparse_apply_momentum
from holdfast.train.optimizer import Optimizer
from holdfast.variables import Variable


class MomentumOptimizer(Optimizer):
    """Momentum: ``accum = momentum * accum + grad``, ``var -= learning_rate * accum``.

    With ``use_nesterov`` ``var -= learning_rate * (grad + momentum * accum)`` (Sutskever et al., 2013). The slot is
    ``momentum``, the variable ``<var>/Momentum``. Of a sparse gradient only the rows that it names are updated, slot
    included.

    Parameters
    ----------
    learning_rate, momentum
        Numbers or scalar tensors.
    use_locking, name
        As for :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._learning_rate_tensor = convert_to_tensor(self._learning_rate, name="learning_rate")
        self._momentum_tensor = convert_to_tensor(self._momentum, name="momentum")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        dtype = var.dtype.base_dtype
        return apply_momentum(
            var,
            self.get_slot(var, "momentum"),
            cast(self._learning_rate_tensor, dtype),
            grad,
            cast(self._momentum_tensor, dtype),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        ).op

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Any:
        dtype = var.dtype.base_dtype
        return sparse_apply_momentum(
            var,
            self.get_slot(var, "momentum"),
            cast(self._learning_rate_tensor, dtype),
            grad.values,
            grad.indices,
            cast(self._momentum_tensor, dtype),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        ).op
