"""Optimizer: from a loss to the operation that updates variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import (
    Graph,
    GraphKeys,
    IndexedSlices,
    Operation,
    Tensor,
    colocate_with,
    control_dependencies,
    convert_to_tensor_or_indexed_slices,
    get_collection_ref,
    name_scope,
)
from holdfast.ops import state_ops
from holdfast.ops.grouping import group
from holdfast.ops.grouping import tuple as tuple_op
from holdfast.ops.segment_ops import unique, unsorted_segment_sum
from holdfast.ops.shape_queries import shape as shape_op
from holdfast.train import slot_creator
from holdfast.train.gradients import gradients
from holdfast.train.processors import processor_for
from holdfast.variables import Variable, trainable_variables


class Optimizer:
    """Base of optimisers: gradients, slots and the order of updates; a subclass says how one variable is updated.

    A subclass overrides ``_apply_dense(grad, var)`` and ``_apply_sparse(grad, var)`` (IndexedSlices without equal
    indices), which return the update operation, and where it needs them ``_create_slots(var_list)``, ``_prepare()``
    (hyper-parameters to tensors) and ``_finish(update_ops, name_scope)``.

    Parameters
    ----------
    use_locking
        Accepted for TensorFlow's sake: updates are never concurrent here.
    name
        Name of the update operation, and of the slots after their variable's.

    Raises
    ------
    ValueError
        If the name is empty.
    """

    GATE_NONE = 0
    """Gradients may be used as they come."""
    GATE_OP = 1
    """All gradients of one operation are computed before any is used."""
    GATE_GRAPH = 2
    """All gradients are computed before any is used."""

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._use_locking = use_locking
        self._name = name
        self._slots: dict[str, dict[tuple[Graph, str], Variable]] = {}

    def get_name(self) -> str:
        """Return its name."""
        return self._name

    # -- minimising ----------------------------------------------------------------------------------------------------

    def minimize(
        self,
        loss: Tensor,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:
        """Return an operation that makes one step: :meth:`compute_gradients` and :meth:`apply_gradients`.

        Raises
        ------
        ValueError
            If no variable has a gradient; and as the two methods do.
        """
        grads_and_vars = self.compute_gradients(
            loss,
            var_list=var_list,
            gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            grad_loss=grad_loss,
        )
        if all(grad is None for grad, _ in grads_and_vars):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support gradients, "
                f"between variables {[str(v) for _, v in grads_and_vars]} and loss {loss}."
            )
        return self.apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def compute_gradients(
        self,
        loss: Tensor,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> list[tuple[Any, Any]]:
        """Return pairs of gradient (Tensor, IndexedSlices or None) and variable.

        Parameters
        ----------
        loss
            What to minimise; a floating-point tensor.
        var_list
            Variables, nested as one likes; by default all trainable ones.
        gate_gradients
            :attr:`GATE_NONE`, :attr:`GATE_OP` or :attr:`GATE_GRAPH`.
        aggregation_method, colocate_gradients_with_ops
            As for :func:`holdfast.gradients`.
        grad_loss
            Gradient of the loss to begin with; by default ones.

        Raises
        ------
        ValueError
            If there are no variables, or a dtype or ``gate_gradients`` is none that there is.
        NotImplementedError
            If something else than a variable is among them.
        """
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ValueError(
                "gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  Not "
                f"{gate_gradients}"
            )
        self._assert_valid_dtypes([loss])
        if grad_loss is not None:
            self._assert_valid_dtypes([grad_loss])
        variables = trainable_variables() if var_list is None else _flat(var_list)
        processors = [processor_for(v) for v in variables]
        if not variables:
            raise ValueError("No variables to optimize.")
        grads = gradients(
            loss,
            [p.target() for p in processors],
            grad_ys=grad_loss,
            gate_gradients=gate_gradients == self.GATE_OP,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
        )
        if gate_gradients == self.GATE_GRAPH:
            grads = tuple_op(grads)
        pairs = list(zip(grads, variables, strict=True))
        self._assert_valid_dtypes([v for grad, v in pairs if grad is not None])
        return pairs

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None, name: str | None = None
    ) -> Operation:
        """Return an operation that updates variables by their gradients.

        Parameters
        ----------
        grads_and_vars
            Pairs as :meth:`compute_gradients` gives them; those whose gradient is None are passed over.
        global_step
            Variable to increment after the updates; the returned operation is then its increment.
        name
            Name of the operation; by default the optimiser's.

        Raises
        ------
        ValueError
            If there are no pairs, or none has a gradient.
        TypeError
            If a gradient is none.
        """
        pairs = [(_checked_gradient(grad), var, processor_for(var)) for grad, var in grads_and_vars]
        if not pairs:
            raise ValueError("No variables provided.")
        updated = [(grad, var, processor) for grad, var, processor in pairs if grad is not None]
        if not updated:
            raise ValueError(f"No gradients provided for any variable: {[str(v) for _, v, _ in pairs]}.")
        with control_dependencies(None):
            self._create_slots([var for _, var, _ in updated])
        with name_scope(name, self._name) as scope:
            self._prepare()
            updates = []
            for grad, var, processor in updated:
                with name_scope(f"update_{var.op.name}"), colocate_with(var):
                    updates.append(processor.update_op(self, grad))
            train_op = self._finish_and_count(updates, global_step, scope)
        collection = get_collection_ref(GraphKeys.TRAIN_OP)
        if train_op not in collection:
            collection.append(train_op)
        return train_op

    def _finish_and_count(self, updates: Sequence[Any], global_step: Any, scope: str) -> Operation:
        """Return the last operation of a step, the increment of the global step where there is one."""
        if global_step is None:
            return self._finish(updates, scope)
        with control_dependencies([self._finish(updates, "update")]), colocate_with(global_step):
            return state_ops.assign_add(global_step, 1, name=scope).op

    # -- slots ---------------------------------------------------------------------------------------------------------

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """Return the slot of a name that goes with a variable, or None."""
        return self._slots.get(name, {}).get(_key(var))

    def get_slot_names(self) -> list[str]:
        """Return the names of its slots, sorted."""
        return sorted(self._slots)

    def _slot_dict(self, slot_name: str) -> dict[tuple[Graph, str], Variable]:
        """Return the slots of a name, by graph and name of their variable."""
        return self._slots.setdefault(slot_name, {})

    def _slot(self, var: Variable, slot_name: str, make: Callable[[], Variable]) -> Variable:
        """Return a slot, which is made if there is none."""
        slots = self._slot_dict(slot_name)
        key = _key(var)
        if key not in slots:
            slots[key] = make()
        return slots[key]

    def _get_or_make_slot(self, var: Variable, val: Tensor, slot_name: str, op_name: str) -> Variable:
        """Return a slot, made with ``val`` as its initial value if there is none."""
        return self._slot(var, slot_name, lambda: slot_creator.create_slot(var, val, op_name))

    def _get_or_make_slot_with_initializer(
        self, var: Variable, initializer: Callable[..., Any], shape: Any, dtype: Any, slot_name: str, op_name: str
    ) -> Variable:
        """Return a slot, made by an initialiser if there is none."""
        return self._slot(
            var,
            slot_name,
            lambda: slot_creator.create_slot_with_initializer(var, initializer, shape, dtype, op_name),
        )

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        """Return a slot, made of zeros if there is none."""
        return self._slot(var, slot_name, lambda: slot_creator.create_zeros_slot(var, op_name))

    # -- for subclasses ------------------------------------------------------------------------------------------------

    def _valid_dtypes(self) -> list[dtypes.DType]:
        """Return the dtypes that losses, gradients and variables may have."""
        return [dtypes.float32, dtypes.float64, dtypes.float16]

    def _assert_valid_dtypes(self, tensors: Iterable[Any]) -> None:
        """Raise ValueError for a tensor of another dtype."""
        valid = self._valid_dtypes()
        for tensor in tensors:
            dtype = tensor.dtype.base_dtype
            if dtype not in valid:
                raise ValueError(f"Invalid type {dtype!r} for {tensor.name}, expected: {valid}.")

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        """Make the slots of the variables that will be updated; by default none."""

    def _prepare(self) -> None:
        """Make tensors of the hyper-parameters; by default none."""

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        """Return the operation that updates a variable by a tensor."""
        raise NotImplementedError(f"{type(self).__name__} needs a method _apply_dense to update {var.name}.")

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Any:
        """Return the operation that updates a variable by indexed slices without equal indices."""
        raise NotImplementedError(f"{type(self).__name__} needs a method _apply_sparse to update {var.name}.")

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Variable) -> Any:
        """Return the operation that updates a variable by any indexed slices: equal indices are added up first."""
        distinct = unique(grad.indices)
        summed = unsorted_segment_sum(grad.values, distinct.idx, shape_op(distinct.y)[0])
        return self._apply_sparse(IndexedSlices(summed, distinct.y, grad.dense_shape), var)

    def _finish(self, update_ops: Sequence[Any], name_scope: str) -> Operation:
        """Return the operation of that name that ends after all updates."""
        return group(*update_ops, name=name_scope)


def _key(var: Any) -> tuple[Graph, str]:
    """Return what slots are kept by."""
    return var.op.graph, var.op.name


def _flat(variables: Any) -> list[Any]:
    """Return the leaves of nested lists and tuples."""
    if isinstance(variables, (list, tuple)):
        return [leaf for item in variables for leaf in _flat(item)]
    return [variables]


def _checked_gradient(grad: Any) -> Any:
    """Return a gradient as a tensor or indexed slices; None stays None."""
    if grad is None:
        return None
    try:
        return convert_to_tensor_or_indexed_slices(grad)
    except TypeError as error:
        raise TypeError(f"Gradient must be convertible to a Tensor or IndexedSlices, or None: {grad}") from error
