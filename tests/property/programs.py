"""Random programs: graphs of reads, updates, views, conds, callbacks and failures, from lists of small numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import holdfast as tf
from holdfast.ops.apply import apply_op
from holdfast.ops.control_flow import merge, switch

Array = NDArray[Any]
Instruction: TypeAlias = tuple[str, int, int, int]

SIZE = 3
INNER_UPDATES = 3


class Program:
    """A graph with three variables that have initial values, one that has none, and values of one shape.

    Parameters
    ----------
    devices
        Device strings that instructions are spread over.
    """

    def __init__(self, instructions: Sequence[Instruction], devices: Sequence[str] = ("",)) -> None:
        self.feed = tf.placeholder(tf.float32, [SIZE], name="feed")
        self.index = tf.placeholder(tf.int32, [], name="index")
        self.predicates = [tf.placeholder(tf.bool, [], name=f"p{i}") for i in range(2)]
        # On one device, so that a merge of references may choose between them.
        with tf.device(devices[-1]):
            self.variables = [tf.Variable(np.arange(SIZE, dtype=np.float32) + i, name=f"v{i}") for i in range(2)]
        self.matrix = tf.Variable(np.arange(2 * SIZE, dtype=np.float32).reshape(2, SIZE), name="m")
        self.late = tf.Variable(np.zeros(SIZE, np.float32), name="late")
        self.inner = [
            tf.assign_add(self.variables[0], [10.0, 20.0, 30.0]).op,
            tf.assign(self.variables[1], self.variables[0] * 2.0).op,
            tf.scatter_update(self.matrix, [1], [[7.0, 8.0, 9.0]]).op,
        ]
        self.callback: Callable[[int], Any] = lambda _: None
        """Called by the py_funcs that come back into the session."""
        self.lent: list[Array] = []
        """What py_funcs have returned: it is theirs, and they may change it after the run."""
        self.values: list[Any] = [self.feed, tf.constant([1.0, 2.0, 3.0])]
        self.updates: list[Any] = []
        for number, (kind, a, b, c) in enumerate(instructions):
            with tf.device(devices[number % len(devices)]):
                getattr(self, f"_{kind}")(a, b, c)

    @property
    def all_variables(self) -> list[Any]:
        """All variables."""
        return [*self.variables, self.matrix, self.late]

    @property
    def initializers(self) -> list[Any]:
        """Initialisers of all variables but one."""
        return [v.initializer for v in (*self.variables, self.matrix)]

    def _x(self, i: int) -> Any:
        return self.values[i % len(self.values)]

    def _v(self, i: int) -> Any:
        return self.variables[i % 2]

    def _add(self, value: Any) -> None:
        value.set_shape([SIZE])
        self.values.append(value)

    # -- reads and views -----------------------------------------------------------------------------------------------

    def _read(self, a: int, b: int, c: int) -> None:
        self._add(self._v(a).read_value())

    def _use(self, a: int, b: int, c: int) -> None:
        self._add(self._v(a) + self._x(b))

    def _read_late(self, a: int, b: int, c: int) -> None:
        self._add(self.late + self._x(b))

    def _is_initialized(self, a: int, b: int, c: int) -> None:
        self._add(tf.cast(tf.is_variable_initialized(self.late), tf.float32) * self._x(b))

    def _view(self, a: int, b: int, c: int) -> None:
        self._add(tf.squeeze(tf.expand_dims(tf.reshape(self._x(b), [SIZE, 1]), 0)))

    def _reverse(self, a: int, b: int, c: int) -> None:
        self._add(tf.reverse(self._v(b), [0]))

    def _row(self, a: int, b: int, c: int) -> None:
        self._add(self.matrix[a % 2])

    def _column_way(self, a: int, b: int, c: int) -> None:
        self._add(tf.transpose(self.matrix, [1, 0])[:, a % 2])

    def _backwards(self, a: int, b: int, c: int) -> None:
        self._add(self._x(b)[::-1])

    def _gather_row(self, a: int, b: int, c: int) -> None:
        self._add(tf.gather(self.matrix, a % 2))

    # -- values --------------------------------------------------------------------------------------------------------

    def _multiply(self, a: int, b: int, c: int) -> None:
        self._add(self._x(b) * self._x(c))

    def _fallible(self, a: int, b: int, c: int) -> None:
        self._add(self._x(b) + tf.gather(self._x(c), self.index))

    # -- updates -------------------------------------------------------------------------------------------------------

    def _assign(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.assign(self._v(a), self._x(b)))

    def _assign_fresh(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.assign(self._v(a), self._x(b) * 0.5))

    def _assign_late(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.assign(self.late, self._x(b)))

    def _assign_matrix(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.assign(self.matrix, tf.stack([self._x(b), self._x(c)])))

    def _assign_add(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.assign_add(self._v(a), self._x(b)))

    def _scatter_add(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.scatter_add(self._v(a), [a % SIZE, b % SIZE], [1.5, 2.5]))

    def _scatter_row(self, a: int, b: int, c: int) -> None:
        self.updates.append(tf.scatter_update(self.matrix, [a % 2], tf.expand_dims(self._x(b), 0)))

    def _after(self, a: int, b: int, c: int) -> None:
        if self.updates:
            with tf.control_dependencies([self.updates[b % len(self.updates)]]):
                self._add(tf.identity(self._v(a)))

    # -- branches ------------------------------------------------------------------------------------------------------

    def _cond_value(self, a: int, b: int, c: int) -> None:
        x, y, other = self._x(b), self._x(c), self._v(a)
        self._add(tf.cond(self.predicates[c % 2], lambda: x + other, lambda: tf.reshape(y, [SIZE])))

    def _cond_update(self, a: int, b: int, c: int) -> None:
        x, y, variable = self._x(b), self._x(c), self._v(a)
        self._add(tf.cond(self.predicates[c % 2], lambda: tf.assign_add(variable, x) * 1.0, lambda: tf.negative(y)))

    def _nested(self, a: int, b: int, c: int) -> None:
        x, y, other, inner = self._x(b), self._x(c), self._v(b), self.predicates[a % 2]

        def taken() -> Any:
            return tf.cond(inner, lambda: x + y, lambda: tf.assign_add(other, y) * other)

        self._add(tf.cond(self.predicates[c % 2], taken, lambda: other + y))

    def _odd_merge(self, a: int, b: int, c: int) -> None:
        # No cond makes this: the inputs depend on different predicates, so that both or none may be there.
        first = switch(self._x(b), self.predicates[0])[a % 2]
        second = switch(self._x(c) * 2.0, self.predicates[1])[b % 2]
        self._add(merge([first, second])[0])

    def _hand_made(self, a: int, b: int, c: int) -> None:
        off, on = switch(self._x(b), self.predicates[a % 2])
        self._add(merge([off * 2.0, on + 1.0])[0])

    def _chosen_variable(self, a: int, b: int, c: int) -> None:
        predicate = self.predicates[c % 2]
        first = apply_op("RefSwitch", self._v(a)._ref(), predicate).outputs[0]
        second = apply_op("RefSwitch", self._v(b)._ref(), predicate).outputs[1]
        chosen = apply_op("RefMerge", [first, second]).outputs[0]
        self.updates.append(apply_op("AssignAdd", chosen, self._x(b)).outputs[0])
        self._add(tf.identity(chosen))

    # -- Python functions ----------------------------------------------------------------------------------------------

    def _python(self, a: int, b: int, c: int) -> None:
        self._add(tf.py_func(self._lend, [self._x(b)], tf.float32))

    def _python_back(self, a: int, b: int, c: int) -> None:
        def back(value: Array) -> Array:
            self.callback(a % INNER_UPDATES)
            return self._lend(value)

        self._add(tf.py_func(back, [self._x(b)], tf.float32))

    def _lend(self, value: Array) -> Array:
        result = np.asarray(value * 2, np.float32)
        self.lent.append(result)
        value[...] = np.nan
        return result


KINDS = tuple(
    name[1:]
    for name, member in vars(Program).items()
    if callable(member) and name.startswith("_") and name not in ("__init__", "_x", "_v", "_add", "_lend")
)

_number = st.integers(0, 7)
programs = st.lists(st.tuples(st.sampled_from(KINDS), _number, _number, _number), min_size=1, max_size=14)
