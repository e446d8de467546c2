"""How an optimiser treats what it is asked to train: variables are updated, bare tensors only differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import IndexedSlices, Operation, Tensor, control_dependencies
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
                    f"Cannot use a constraint function on a sparse variable. The gradient of {variable.name} is indexed slices."
                )
            return optimizer._apply_sparse_duplicate_indices(grad, variable)
        update = optimizer._apply_dense(grad, variable)
        if variable.constraint is None:
            return update
        with control_dependencies([update]):
            return variable.assign(variable.constraint(variable))


class TensorProcessor:
    """Stands for a tensor among the variables: it has a gradient, and nothing to update."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def target(self) -> Tensor:
        """Return what to differentiate with respect to."""
        return self._tensor

    def update_op(self, optimizer: Optimizer, grad: Any) -> Operation:
        """Refuse."""
        raise NotImplementedError(f"Trying to update a Tensor {self._tensor}; only variables can be updated.")


def processor_for(variable: Any) -> VariableProcessor | TensorProcessor:
    """Return how to treat a variable or tensor.

    Raises
    ------
    NotImplementedError
        If it is neither; TensorFlow's class.
    """
    if isinstance(variable, Variable):
        return VariableProcessor(variable)
    if isinstance(variable, Tensor):
        return TensorProcessor(variable)
    raise NotImplementedError(f"Trying to optimize unsupported type {variable!r}")
