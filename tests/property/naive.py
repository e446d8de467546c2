"""A naive interpreter: every op in creation order, every value copied, dead branches by dead tokens.

What plans are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

import holdfast as tf

Array = NDArray[Any]

UPDATES = frozenset({"Assign", "AssignAdd", "AssignSub", "ScatterAdd", "ScatterUpdate"})


class Ref:
    """A reference to a variable."""

    def __init__(self, name: str) -> None:
        self.name = name


class Dead:
    """What stands for a value in a branch that was not taken."""


DEAD = Dead()


class NaiveError(Exception):
    """A run failed; ``kind`` is the name of the error's class."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class NaiveSession:
    """Variables by name, and a run that keeps no memory in common with anything."""

    def __init__(self) -> None:
        self.variables: dict[str, Array] = {}

    def run(self, fetches: Sequence[Any], feeds: Mapping[Any, Array]) -> list[Any]:
        """Return the values of fetched tensors; None for operations."""
        graph = tf.get_default_graph()
        elements = [graph.as_graph_element(fetch) for fetch in fetches]
        fed = {graph.as_graph_element(key): np.copy(value) for key, value in feeds.items()}
        needed = _needed([e if isinstance(e, tf.Operation) else e.op for e in elements if e not in fed], set(fed))
        ops = [op for op in graph.get_operations() if op in needed]
        _check_refs(ops, set(fed))
        values: dict[Any, Any] = dict(fed)
        alive: dict[Any, bool] = {}
        for op in ops:
            self._execute(op, values, alive)
        tensors = [values[e] for e in elements if isinstance(e, tf.Tensor)]
        for value in tensors:
            if isinstance(value, Ref):
                # A fetched variable is read by a step of the run: if that fails, nothing is handed out at all.
                self._value(value)
        results = iter([self._fetched(value) for value in tensors])
        return [next(results) if isinstance(e, tf.Tensor) else None for e in elements]

    def _value(self, value: Any) -> Any:
        """Return a copy of a value; a reference is read now."""
        if isinstance(value, Ref):
            if value.name not in self.variables:
                raise NaiveError("FailedPreconditionError")
            return np.copy(self.variables[value.name])
        return np.copy(value)

    def _fetched(self, value: Any) -> Any:
        """Return what a caller gets."""
        if value is DEAD:
            raise NaiveError("InvalidArgumentError")
        return self._value(value)

    def _execute(self, op: Any, values: dict[Any, Any], alive: dict[Any, bool]) -> None:
        """Run one op."""
        inputs = [values[t] for t in op.inputs]
        if op.type in ("Merge", "RefMerge"):
            taken = [i for i, value in enumerate(inputs) if value is not DEAD]
            alive[op] = bool(taken)
            keep: Callable[[Any], Any] = (lambda v: v) if op.type == "RefMerge" else self._value
            results = [keep(inputs[taken[0]]), np.int32(taken[0])] if taken else [DEAD, DEAD]
        else:
            alive[op] = all(alive[c] for c in op.control_inputs) and not any(value is DEAD for value in inputs)
            results = self._compute(op, inputs) if alive[op] else [DEAD] * len(op.outputs)
        for tensor, value in zip(op.outputs, results, strict=True):
            values.setdefault(tensor, value)

    def _compute(self, op: Any, inputs: list[Any]) -> list[Any]:
        """Return the outputs of an op that is alive."""
        kind = op.type
        if kind == "VariableV2":
            return [Ref(op.name)]
        if kind == "Identity" and isinstance(inputs[0], Ref) and op.name == f"{inputs[0].name}/read":
            return [inputs[0]]
        if kind == "RefSwitch" and isinstance(inputs[0], Ref):
            return [DEAD, inputs[0]] if self._value(inputs[1]) else [inputs[0], DEAD]
        if kind == "IsVariableInitialized":
            return [np.bool_(inputs[0].name in self.variables)]
        if kind == "Const":
            return [np.copy(op.attrs["value"])]
        if kind in UPDATES:
            self._update(kind, inputs[0].name, inputs)
            return [inputs[0]]
        values = [self._value(value) for value in inputs]
        if kind in ("Switch", "RefSwitch"):
            return [DEAD, values[0]] if values[1] else [values[0], DEAD]
        if kind == "PyFunc":
            return [np.copy(op.graph.python_functions[op.attrs["token"]](*values))]
        if kind == "StridedSlice":
            return [values[0][_slices(op, *values)]]
        return [] if kind == "NoOp" else [_PURE[kind](*values)]

    def _update(self, kind: str, name: str, inputs: list[Any]) -> None:
        """Update a variable."""
        if kind == "Assign":
            self.variables[name] = self._value(inputs[1])
            return
        current, *rest = [self._value(value) for value in inputs]
        if kind == "ScatterAdd":
            np.add.at(current, rest[0], rest[1])
        elif kind == "ScatterUpdate":
            current[rest[0]] = rest[1]
        else:
            current = current + rest[0] if kind == "AssignAdd" else current - rest[0]
        self.variables[name] = current


def _check_refs(ops: Sequence[Any], fed: set[Any]) -> None:
    """Raise, before anything runs, if an update is given a value instead of a variable."""
    refs: set[Any] = set()
    for op in ops:
        inputs = [t in refs and t not in fed for t in op.inputs]
        is_read = op.type == "Identity" and op.name == f"{op.inputs[0].op.name}/read"
        if op.type in UPDATES and not inputs[0]:
            raise NaiveError("InvalidArgumentError")
        if (
            op.type == "VariableV2"
            or op.type in UPDATES
            or ((is_read or op.type == "RefSwitch") and inputs[0])
            or (op.type == "RefMerge" and all(inputs))
        ):
            refs.update(op.outputs)


def _slices(op: Any, _: Any, begin: Array, end: Array, strides: Array) -> tuple[Any, ...]:
    """Return the index that a strided slice without ellipsis and new axes stands for."""
    masks = {name: op.attrs[f"{name}_mask"] for name in ("begin", "end", "shrink_axis")}
    index: list[Any] = []
    for i in range(len(begin)):
        if masks["shrink_axis"] >> i & 1:
            index.append(int(begin[i]))
            continue
        first = None if masks["begin"] >> i & 1 else int(begin[i])
        index.append(slice(first, None if masks["end"] >> i & 1 else int(end[i]), int(strides[i])))
    return tuple(index)


def _gather(params: Array, indices: Array, axis: Array | int = 0) -> Array:
    """Return rows; an index beyond the end is an error."""
    if np.any(indices < 0) or np.any(indices >= params.shape[int(axis)]):
        _fail("InvalidArgumentError")
    return np.take(params, indices, axis=int(axis))


def _fail(kind: str) -> NoReturn:
    """Raise the error of a kernel."""
    raise NaiveError(kind)


_PURE: dict[str, Any] = {
    "Identity": lambda x: x,
    "Add": np.add,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Cast": lambda x: x.astype(np.float32),
    "Reshape": lambda x, shape: np.reshape(x, tuple(int(d) for d in shape)),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)),
    "Squeeze": np.squeeze,
    "Transpose": lambda x, axes: np.transpose(x, tuple(int(a) for a in axes)),
    "ReverseV2": lambda x, axes: np.flip(x, tuple(int(a) for a in np.atleast_1d(axes))),
    "Pack": lambda *xs: np.stack(xs),
    "Gather": _gather,
    "GatherV2": _gather,
    "LogicalNot": np.logical_not,
    "LogicalAnd": np.logical_and,
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
