"""How an optimiser treats what it is asked to train; one class for each kind of variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import IndexedSlices, Tensor, control_dependencies
from holdfast.variables import Variable

if TYPE_CHECKING:
    from holdfast.train.optimizer import Optimizer


class VariableProcessor:
    """Updates a variable through its reference."""

    def __init__(self, variable: Variable) -> None:
        self._variable = variable

    def target(self) -> Tensor:
        """Return what to differentiate with respect to."""
        return self._variable._ref()

    def update_op(self, optimizer: Optimizer, grad: Any) -> Any:
        """Return the operation that updates the variable by its gradient."""
        variable = self._variable
        if isinstance(grad, IndexedSlices):
            if variable.constraint is not None:
                raise RuntimeError(
                    f"Cannot use a constraint function on a sparse variable. The gradient of {variable.name} is sparse."
                )
            return optimizer._apply_sparse_duplicate_indices(grad, variable)
        update = optimizer._apply_dense(grad, variable)
        if variable.constraint is None:
            return update
        with control_dependencies([update]):
            return variable.assign(variable.constraint(variable))


def processor_for(variable: Any) -> VariableProcessor:
    """Return how to treat a variable.

    Raises
    ------
    NotImplementedError
        If it is none; TensorFlow's class.
    """
    if isinstance(variable, Variable):
        return VariableProcessor(variable)
    raise NotImplementedError(f"Trying to optimize unsupported type {variable!r}; only variables can be optimized.")
