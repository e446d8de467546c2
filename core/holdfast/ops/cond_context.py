"""CondContext: one branch of a conditional while it is built, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from holdfast.graph import conversion, default
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import structures
from holdfast.ops.control_flow import switch_at
from holdfast.ops.grouping import with_dependencies

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.graph.op_def import OpDef


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

    def __enter__(self) -> Self:
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
            values, indices = self._output(value.values), self._output(value.indices)
            return IndexedSlices(
                values, indices, None if value.dense_shape is None else self._output(value.dense_shape)
            )
        return self._output(conversion.convert_to_tensor(value))

    def _output(self, tensor: Tensor) -> Tensor:
        """Return a tensor as an output of the branch: one of outside is switched in, to be dead if the branch is."""
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

    def to_proto(self, export_scope: str | None = None) -> Any:
        """Return a CondContextDef message with names relative to ``export_scope``; None if it is outside of that."""
        from holdfast.protos import CondContextDef

        scope = f"{export_scope}/" if export_scope else ""
        if not self.name.startswith(scope):
            return None
        message = CondContextDef(
            context_name=self.name.removeprefix(scope),
            pred_name=self.pred.name.removeprefix(scope),
            pivot_name=self.pivot.name.removeprefix(scope),
            branch=self.branch,
        )
        message.values_def.values.extend(sorted(tensor.name.removeprefix(scope) for tensor in self.values))
        for outside, inside in self.external_values.items():
            message.values_def.external_values[outside.name.removeprefix(scope)] = inside.name.removeprefix(scope)
        return message

    @classmethod
    def from_proto(cls, context_def: Any, import_scope: str | None = None) -> CondContext:
        """Return the context that a CondContextDef message describes, over the nodes of the default graph."""
        graph = default.get_default_graph()

        def find(name: str) -> Tensor:
            return graph.get_tensor_by_name(f"{import_scope}/{name}" if import_scope else name)

        context = cls.__new__(cls)
        name = context_def.context_name
        context.name = f"{import_scope}/{name}" if import_scope else name
        context.pred, context.pivot = find(context_def.pred_name), find(context_def.pivot_name)
        context.branch = context_def.branch
        context.outer_context = graph._control_flow_context
        context.values = {find(value) for value in context_def.values_def.values}
        external = context_def.values_def.external_values
        context.external_values = {find(outside): find(inside) for outside, inside in external.items()}
        context._entered_from = None
        for tensor in context.values.difference(context.external_values):
            tensor.op._control_flow_context = context
        return context

    def exit_result(self, leaves: Sequence[Any]) -> None:
        """Make the results known to the context around."""
        if self.outer_context is None:
            return
        for leaf in leaves:
            parts = (leaf.values, leaf.indices, leaf.dense_shape) if isinstance(leaf, IndexedSlices) else (leaf,)
            self.outer_context.values.update(part for part in parts if part is not None)
