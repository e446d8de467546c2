"""Adam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph import IndexedSlices, Operation, Tensor, colocate_with, control_dependencies, convert_to_tensor
from holdfast.ops import state_ops
from holdfast.ops.casting import cast
from holdfast.ops.exponentials import sqrt
from holdfast.ops.grouping import group
from holdfast.ops.scatter_ops import scatter_add
from holdfast.ops.training_ops import apply_adam
from holdfast.train.optimizer import Optimizer
from holdfast.variables import Variable


class AdamOptimizer(Optimizer):
    """Adam (Kingma and Ba, 2014, arXiv:1412.6980).

    ``m`` and ``v`` are moving averages of the gradient and of its square, by ``beta1`` and ``beta2``; at step t
    ``var -= lr_t * m / (sqrt(v) + epsilon)`` with ``lr_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t)``: the
    form of the paper's section 2, whose "epsilon hat" it is. The slots are ``m`` and ``v``, the variables
    ``<var>/Adam`` and ``<var>/Adam_1``; ``beta1_power`` and ``beta2_power`` hold ``beta**t``. Of a sparse gradient
    the rows that it does not name have gradient zero: their averages decay, and they move on.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon
        Numbers or scalar tensors.
    use_locking, name
        As for :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._beta1 = beta1
        self._beta2 = beta2
        self._epsilon = epsilon
        self._beta1_power: Variable | None = None
        self._beta2_power: Variable | None = None

    def _get_beta_accumulators(self) -> tuple[Variable, Variable]:
        """Return the variables with ``beta1**t`` and ``beta2**t``."""
        if self._beta1_power is None or self._beta2_power is None:
            raise RuntimeError(f"{self._name} has no variables yet: call apply_gradients or minimize first.")
        return self._beta1_power, self._beta2_power

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        # By name, so that the powers stand beside the same variable whatever the order of the gradients.
        first = min(var_list, key=lambda var: var.name)
        if self._beta1_power is None or self._beta1_power.graph is not first.graph:
            with colocate_with(first):
                self._beta1_power = Variable(self._beta1, name="beta1_power", trainable=False)
                self._beta2_power = Variable(self._beta2, name="beta2_power", trainable=False)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self) -> None:
        self._learning_rate_tensor = convert_to_tensor(self._learning_rate, name="learning_rate")
        self._beta1_tensor = convert_to_tensor(self._beta1, name="beta1")
        self._beta2_tensor = convert_to_tensor(self._beta2, name="beta2")
        self._epsilon_tensor = convert_to_tensor(self._epsilon, name="epsilon")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        dtype = var.dtype.base_dtype
        beta1_power, beta2_power = self._get_beta_accumulators()
        return apply_adam(
            var,
            self.get_slot(var, "m"),
            self.get_slot(var, "v"),
            cast(beta1_power, dtype),
            cast(beta2_power, dtype),
            cast(self._learning_rate_tensor, dtype),
            cast(self._beta1_tensor, dtype),
            cast(self._beta2_tensor, dtype),
            cast(self._epsilon_tensor, dtype),
            grad,
            use_locking=self._use_locking,
        ).op

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Any:
        dtype = var.dtype.base_dtype
        beta1_power, beta2_power = [cast(power, dtype) for power in self._get_beta_accumulators()]
        rate = cast(self._learning_rate_tensor, dtype)
        beta1 = cast(self._beta1_tensor, dtype)
        beta2 = cast(self._beta2_tensor, dtype)
        epsilon = cast(self._epsilon_tensor, dtype)
        rate = rate * sqrt(1 - beta2_power) / (1 - beta1_power)
        m = self._decayed(var, "m", beta1, grad.values * (1 - beta1), grad.indices)
        v = self._decayed(var, "v", beta2, (grad.values * grad.values) * (1 - beta2), grad.indices)
        root = sqrt(v)
        update = state_ops.assign_sub(var, rate * m / (root + epsilon), use_locking=self._use_locking)
        return group(update, m, v)

    def _decayed(self, var: Variable, slot_name: str, beta: Tensor, rows: Tensor, indices: Tensor) -> Tensor:
        """Return a slot after it has decayed and the rows were added."""
        slot = self.get_slot(var, slot_name)
        decayed = state_ops.assign(slot, slot * beta, use_locking=self._use_locking)
        with control_dependencies([decayed]):
            return scatter_add(slot, indices, rows, use_locking=self._use_locking)

    def _finish(self, update_ops: Sequence[Any], name_scope: str) -> Operation:
        beta1_power, beta2_power = self._get_beta_accumulators()
        with control_dependencies(update_ops), colocate_with(beta1_power):
            powers = [
                beta1_power.assign(beta1_power * self._beta1_tensor, use_locking=self._use_locking),
                beta2_power.assign(beta2_power * self._beta2_tensor, use_locking=self._use_locking),
            ]
        return group(*update_ops, *powers, name=name_scope)
