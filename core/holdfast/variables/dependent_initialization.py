"""Initial values that are computed from other variables: rewritten so that these need not be initialised yet.

A variable's initial value may read others. Each operation on the way from such a variable to the value is made once
more, with the variable's ``initialized_value()`` in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import GraphKeys
from holdfast.graph.op_def import OpDef, op_def
from holdfast.ops.apply import output_types

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

_VARIABLES = frozenset(["Variable", "VariableV2", "VarHandleOp"])
# What these say is about the variable, not about its value.
_KEPT = frozenset(["IsVariableInitialized", "VarIsInitializedOp", "ReadVariableOp"])
_OF_VALUES = {"RefSwitch": "Switch", "RefMerge": "Merge", "RefIdentity": "Identity"}


def guarded(value: Tensor, variable_name: str) -> Tensor:
    """Return a tensor like ``value`` that reads no variable before it is initialised.

    Parameters
    ----------
    value
        An initial value; returned as it is unless it depends on variables, or if it depends on itself (loops).
    variable_name
        Name of the variable that it is for; operations made here carry it.
    """
    if not _reads_variables(value.op):
        return value
    order = _post_order(value.op)
    if order is None:
        return value
    rewriter = _Rewriter(value.graph, variable_name.replace(":", "_"))
    for op in order:
        rewriter.rewrite(op)
    return rewriter.tensor(value)


def _reads_variables(last: Operation) -> bool:
    """Whether an operation depends on variables."""
    seen = {last}
    stack = [last]
    while stack:
        op = stack.pop()
        if op.type in _VARIABLES:
            return True
        if op._inputs and op.type not in _KEPT:
            stack += {tensor._op for tensor in op._inputs} - seen
            seen.update(stack)
    return False


def _post_order(last: Operation) -> list[Operation] | None:
    """Return an operation and all it depends on, inputs first; None if there is a cycle."""
    order: list[Operation] = []
    done: set[Operation] = set()
    path: set[Operation] = set()
    stack: list[tuple[Operation, bool]] = [(last, False)]
    while stack:
        op, inputs_done = stack.pop()
        if inputs_done:
            path.discard(op)
            done.add(op)
            order.append(op)
        elif op in path:
            return None
        elif op not in done:
            path.add(op)
            stack.append((op, True))
            stack.extend((t.op, False) for t in reversed(op.inputs) if op.type not in _KEPT and t.op not in done)
    return order


class _Rewriter:
    """Makes the operations again that depend on variables."""

    def __init__(self, graph: Graph, suffix: str) -> None:
        self._graph = graph
        self._suffix = suffix
        self._new: dict[Tensor, Tensor] = {}
        self._variables: dict[Operation, Any] = {}
        for key in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES):
            for variable in graph.get_collection(key):
                if hasattr(variable, "initialized_value"):
                    self._variables.setdefault(variable.op, variable)

    def tensor(self, tensor: Tensor) -> Tensor:
        """Return what stands for a tensor now."""
        return self._new.get(tensor, tensor)

    def rewrite(self, op: Operation) -> None:
        """Find what stands for an operation's outputs, those of its inputs being known."""
        if op.type in _VARIABLES:
            variable = self._variables.get(op)
            if variable is not None:
                self._new[op.outputs[0]] = variable.initialized_value()
        elif op.type not in _KEPT and any(t in self._new for t in op.inputs):
            definition = self._definition(op)
            if definition is not None:
                self._make_again(op, definition)

    def _definition(self, op: Operation) -> OpDef | None:
        """Return the op type that does the same with values; None for an update, which needs the variable itself."""
        replaced = [
            arg.is_ref for arg, t in zip(_input_args(op), op.inputs, strict=True) if t in self._new and arg.is_ref
        ]
        if not replaced:
            return op.op_def
        return op_def(_OF_VALUES[op.type]) if op.type in _OF_VALUES else None

    def _make_again(self, op: Operation, definition: OpDef) -> None:
        """Make an operation with the new inputs, where the variable's own operations go."""
        attrs = dict(op.attrs)
        name = self._graph.unique_name(f"{op.name}_{self._suffix}")
        inputs = [self.tensor(t) for t in op.inputs]
        made = self._graph.create_op(definition, inputs, output_types(definition, attrs), attrs, name)
        self._new.update(zip(op.outputs, made.outputs, strict=True))


def _input_args(op: Operation) -> list[Any]:
    """Return the argument that each input belongs to; lists have one for all."""
    args: list[Any] = []
    for arg in op.op_def.inputs:
        count = 1
        if arg.number_attr:
            count = op.attrs[arg.number_attr]
        elif arg.type_list_attr:
            count = len(op.attrs[arg.type_list_attr])
        args.extend([arg] * count)
    return args
