"""A naive interpreter: every op in creation order, every value copied, dead branches by dead tokens. What plans are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import holdfast as tf

Array = NDArray[Any]


class Ref:
    """A reference to a variable."""

    def __init__(self, name: str) -> None:
        self.name = name


class Dead:
    """A value of a branch that was not taken."""


DEAD = Dead()


class NaiveSession:
    """Variables by name, and a run that keeps no memory in common with anything."""

    def __init__(self) -> None:
        self.variables: dict[str, Array] = {}

    def run(self, fetches: Sequence[Any], feeds: Mapping[Any, Array]) -> list[Any]:
        """Return the values of fetched tensors; None for operations."""
        graph = tf.get_default_graph()
        elements = [graph.as_graph_element(fetch) for fetch in fetches]
        wanted = [e.op if isinstance(e, tf.Tensor) else e for e in elements]
        values: dict[Any, Any] = {tensor: np.copy(value) for tensor, value in feeds.items()}
        alive: dict[Any, bool] = {}
        needed = _needed(wanted, set(feeds))
        for op in graph.get_operations():
            if op in needed:
                self._execute(op, values, alive)
        return [self._value(values[e]) if isinstance(e, tf.Tensor) else None for e in elements]

    def _value(self, value: Any) -> Any:
        """Return a copy of a value; a reference is read now."""
        return np.copy(self.variables[value.name]) if isinstance(value, Ref) else np.copy(value)

    def _execute(self, op: Any, values: dict[Any, Any], alive: dict[Any, bool]) -> None:
        """Run one op."""
        controls = all(alive[c] for c in op.control_inputs)
        inputs = [values[t] for t in op.inputs]
        if op.type == "Merge":
            taken = [i for i, value in enumerate(inputs) if value is not DEAD]
            alive[op] = controls and bool(taken)
            results = [self._value(inputs[taken[0]]), np.int32(taken[0])] if alive[op] else [DEAD, DEAD]
        else:
            alive[op] = controls and not any(value is DEAD for value in inputs)
            results = self._compute(op, inputs) if alive[op] else [DEAD] * len(op.outputs)
        for tensor, value in zip(op.outputs, results, strict=True):
            values.setdefault(tensor, value)

    def _compute(self, op: Any, inputs: list[Any]) -> list[Any]:
        """Return the outputs of an op that is alive."""
        kind = op.type
        if kind in ("NoOp", "Placeholder"):
            return []
        if kind == "VariableV2":
            return [Ref(op.name)]
        if kind == "Identity" and isinstance(inputs[0], Ref) and op.name == f"{inputs[0].name}/read":
            return [inputs[0]]
        if kind == "Const":
            return [np.copy(op.attrs["value"])]
        values = [self._value(value) for value in inputs]
        if kind in ("Assign", "AssignAdd", "AssignSub", "ScatterAdd"):
            self._update(kind, inputs[0].name, values)
            return [inputs[0]]
        if kind == "Switch":
            return [DEAD, values[0]] if values[1] else [values[0], DEAD]
        return [_PURE[kind](*values)]

    def _update(self, kind: str, name: str, values: list[Any]) -> None:
        """Update a variable."""
        current, *rest = values
        if kind == "ScatterAdd":
            np.add.at(current, rest[0], rest[1])
            self.variables[name] = current
        else:
            self.variables[name] = {"Assign": rest[0], "AssignAdd": current + rest[0], "AssignSub": current - rest[0]}[kind]


def _reverse(value: Array, axes: Array) -> Array:
    return np.flip(value, tuple(int(a) for a in np.atleast_1d(axes)))


_PURE: dict[str, Any] = {
    "Identity": lambda x: x,
    "Add": lambda x, y: x + y,
    "Mul": lambda x, y: x * y,
    "Neg": lambda x: -x,
    "Reshape": lambda x, shape: np.reshape(x, tuple(int(d) for d in shape)),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)),
    "Squeeze": lambda x: np.squeeze(x),
    "ReverseV2": _reverse,
    "LogicalNot": np.logical_not,
}


def _needed(ops: Sequence[Any], fed: set[Any]) -> set[Any]:
    """Return all operations that the given ones need."""
    found: set[Any] = set()
    stack = list(ops)
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            stack += [t.op for t in op.inputs if t not in fed] + op.control_inputs
    return found
