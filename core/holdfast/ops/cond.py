"""cond: one of two functions builds what is computed, by a predicate of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion, default
from holdfast.graph.collections import GraphKeys
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import structures
from holdfast.ops.control_flow import merge, switch, switch_at
from holdfast.ops.grouping import with_dependencies
from holdfast.ops.identities import identity

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.graph.op_def import OpDef

__all__ = ["cond"]


class CondContext:
    """One branch of a cond: what is made within comes after its pivot, what it takes from outside is switched in.

    The context of the graph while the branch is built; contexts nest.
    """

    def __init__(self, pred: Tensor, pivot: Tensor, branch: int, name: str = "cond_text") -> None:
        graph = default.get_default_graph()
        self.name = graph.unique_name(name)
        """Unique name of the context."""
        self.pred = pred
        """The predicate, as the branch sees it."""
        self.pivot = pivot
        """Alive exactly when the branch is taken."""
        self.branch = branch
        """1 for the branch that is taken if the predicate is true, else 0."""
        self.outer_context: CondContext | None = graph._control_flow_context
        """The context around this one."""
        self.values: set[Tensor] = {pred, pivot}
        """Tensors that belong to the branch or are known to it."""
        self.external_values: dict[Tensor, Tensor] = {}
        """From tensors of outside to what stands for them in the branch."""
        if self.outer_context is not None:
            self.values.update((self.outer_context.add_value(pred), self.outer_context.add_value(pivot)))
        self._entered_from: Any = None

    def __enter__(self) -> CondContext:
        graph = self.pred.graph
        self._entered_from = graph._control_flow_context
        graph._control_flow_context = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pred.graph._control_flow_context = self._entered_from

    def add_value(self, tensor: Tensor) -> Tensor:
        """Return what stands for a tensor within the branch: itself, or its side of a switch."""
        if tensor in self.values:
            return self.external_values.get(tensor, tensor)
        self.values.add(tensor)
        outer = tensor
        if self.outer_context is not None:
            outer = self.outer_context.add_value(tensor)
            self.values.add(outer)
        # The switch is outside of all contexts: it always runs.
        with default.control_dependencies(None):
            result: Tensor = switch_at(outer, self.pred)[self.branch]
        result.graph.prevent_fetching(result.op)
        result.op._control_flow_context = self
        self.values.add(result)
        self.external_values[tensor] = result
        return result

    def enter_op(
        self, op_def: OpDef, inputs: Sequence[Tensor], control_inputs: Sequence[Operation]
    ) -> tuple[list[Tensor], list[Operation]]:
        """Return the inputs and control inputs that a new op of the branch gets."""
        if inputs:
            return [self.add_value(tensor) for tensor in inputs], list(control_inputs)
        return [], [*control_inputs, self.pivot.op]

    def leave_op(self, op: Operation) -> None:
        """Note a new op of the branch."""
        self.values.update(op.outputs)
        op.graph.prevent_fetching(op)

    def enter_control_input(self, op: Operation) -> Operation:
        """Return the control input for an op that the program names: ops of outside are waited for as they are."""
        return op

    def build(self, function: Callable[[], Any]) -> tuple[Any, list[Any]]:
        """Return the result of the branch's function, and its leaves as the branch gives them out."""
        result = function()
        if result is None:
            return None, []
        return result, [self._result(leaf) for leaf in structures.flatten(result)]

    def _result(self, value: Any) -> Any:
        """Return what the branch gives out for one leaf of its function's result."""
        if isinstance(value, Operation):
            # An op has no value: the pivot stands for it, once the op has run.
            return with_dependencies([value], self.pivot)
        if isinstance(value, IndexedSlices):
            parts = (value.values, value.indices, value.dense_shape)
            return IndexedSlices(*(None if part is None else self._output(part) for part in parts))
        return self._output(conversion.convert_to_tensor(value))

    def _output(self, tensor: Tensor) -> Tensor:
        """Return a tensor as an output of the branch: one of outside is switched in, so that it is dead if the branch is."""
        if tensor in self.values:
            return self.external_values.get(tensor, tensor)
        self.values.add(tensor)
        outer = tensor
        if self.outer_context is not None:
            outer = self.outer_context.add_value(tensor)
            self.values.add(outer)
        result: Tensor = switch_at(outer, self.pred)[self.branch]
        self.external_values[tensor] = result
        return result

    def exit_result(self, leaves: Sequence[Any]) -> None:
        """Make the results known to the context around."""
        if self.outer_context is None:
            return
        for leaf in leaves:
            parts = (leaf.values, leaf.indices, leaf.dense_shape) if isinstance(leaf, IndexedSlices) else (leaf,)
            self.outer_context.values.update(part for part in parts if part is not None)


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """Return what ``true_fn`` returns if ``pred`` is true in the run, else what ``false_fn`` returns.

    Only ops that are made within a function are conditional; what a function merely uses runs in any case.

    Parameters
    ----------
    pred
        Boolean scalar tensor.
    true_fn, false_fn
        Functions without arguments that build tensors (or operations), in the same structure and of the same dtypes.
        Older names: ``fn1`` and ``fn2``.
    strict
        Whether lists and tuples of one element stay such; by default the element alone is returned.

    Raises
    ------
    TypeError
        If ``pred`` is a Python bool, a function is missing or not callable, or the results are of different types.
    ValueError
        If the results differ in number or dtype, or there is none.
    """
    true_fn = _one_name(true_fn, fn1, "true_fn", "fn1")
    false_fn = _one_name(false_fn, fn2, "false_fn", "fn2")
    with default.name_scope(name, "cond", [pred]):
        if isinstance(pred, bool):
            raise TypeError("pred must not be a Python bool")
        off, on = switch(pred, pred)
        pivots = identity(on, name="switch_t"), identity(off, name="switch_f")
        pred = identity(pred, name="pred_id")
        for tensor in (on, off, *pivots, pred):
            tensor.graph.prevent_fetching(tensor.op)
        on_context, on_result, on_leaves = _branch(pred, pivots[0], 1, true_fn, "true_fn")
        off_context, off_result, off_leaves = _branch(pred, pivots[1], 0, false_fn, "false_fn")
        if not strict:
            on_result, off_result = unpacked(on_result), unpacked(off_result)
        _check_results(on_result, off_result, on_leaves, off_leaves)
        merges = [merge(pair)[0] for pair in zip(off_leaves, on_leaves, strict=True)]
        for context in (on_context, off_context):
            pred.graph.add_to_collection(GraphKeys.COND_CONTEXT, context)
        result = structures.pack_like(on_result, merges)
        return result if strict else unpacked(result)


def _one_name(function: Any, older: Any, name: str, older_name: str) -> Callable[[], Any]:
    """Return a function given under its present or its older name."""
    if older is not None:
        if function is not None:
            raise TypeError(f"cond(): {name} and {older_name} may not be set simultaneously.")
        function = older
    elif function is None:
        raise TypeError(f"cond(): {name} argument required")
    if not callable(function):
        raise TypeError(f"{name} must be callable.")
    result: Callable[[], Any] = function
    return result


def _branch(
    pred: Tensor, pivot: Tensor, branch: int, function: Callable[[], Any], name: str
) -> tuple[CondContext, Any, list[Any]]:
    """Build one branch; return its context, its result and the leaves of it."""
    context = CondContext(pred, pivot, branch)
    with context:
        result, leaves = context.build(function)
        if result is None:
            raise ValueError(f"{name} must have a return value.")
        context.exit_result(leaves)
    return context, result, leaves


def unpacked(result: Any) -> Any:
    """Return the element of a list or tuple of one; anything else unchanged."""
    if isinstance(result, (list, tuple)) and len(result) == 1 and not hasattr(result, "_fields"):
        return result[0]
    return result


def _check_results(on: Any, off: Any, on_leaves: list[Any], off_leaves: list[Any]) -> None:
    """Raise unless both branches return the same structure of the same dtypes."""
    try:
        structures.check_same_structure(on, off)
    except TypeError as error:
        raise TypeError(f"Incompatible return types of true_fn and false_fn: {error}") from error
    except ValueError as error:
        raise ValueError(f"Incompatible return values of true_fn and false_fn: {error}") from error
    if not on_leaves:
        raise ValueError("true_fn and false_fn must return at least one result.")
    for one, other in zip(on_leaves, off_leaves, strict=True):
        if isinstance(one, IndexedSlices) != isinstance(other, IndexedSlices):
            raise TypeError(f"Incompatible return types of true_fn and false_fn: {one} and {other}.")
        if one.dtype.base_dtype is not other.dtype.base_dtype:
            raise ValueError(
                f"Outputs of true_fn and false_fn must have the same type: {one.dtype.name}, {other.dtype.name}"
            )
