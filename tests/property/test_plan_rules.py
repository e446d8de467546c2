"""Random graphs of reads, updates, views, conds and fetches: a session agrees with an interpreter that copies everything."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import holdfast as tf
from holdfast.runtime.slots import Snapshot

_spec = importlib.util.spec_from_file_location("naive", Path(__file__).with_name("naive.py"))
assert _spec is not None
assert _spec.loader is not None
naive = importlib.util.module_from_spec(_spec)
sys.modules["naive"] = naive
_spec.loader.exec_module(naive)

SIZE = 3
KINDS = (
    "read",
    "use",
    "assign",
    "assign_add",
    "scatter_add",
    "view",
    "reverse",
    "multiply",
    "cond_value",
    "cond_update",
    "after",
    "nested",
)


class Program:
    """A graph built from a list of small numbers."""

    def __init__(self, instructions: list[tuple[str, int, int, int]]) -> None:
        self.feed = tf.placeholder(tf.float32, [SIZE], name="feed")
        self.predicates = [tf.placeholder(tf.bool, [], name=f"p{i}") for i in range(2)]
        self.variables = [tf.Variable(np.arange(SIZE, dtype=np.float32) + i, name=f"v{i}") for i in range(2)]
        self.values: list[Any] = [self.feed, tf.constant([1.0, 2.0, 3.0])]
        self.updates: list[Any] = []
        for kind, a, b, c in instructions:
            self.step(kind, a, b, c)

    def step(self, kind: str, a: int, b: int, c: int) -> None:
        """Add what one instruction says."""
        variable, other = self.variables[a % 2], self.variables[b % 2]
        x, y = self.values[b % len(self.values)], self.values[c % len(self.values)]
        predicate = self.predicates[c % 2]
        if kind == "read":
            self.values.append(variable.read_value())
        elif kind == "use":
            self.values.append(variable + x)
        elif kind == "assign":
            self.updates.append(tf.assign(variable, x))
        elif kind == "assign_add":
            self.updates.append(tf.assign_add(variable, y))
        elif kind == "scatter_add":
            self.updates.append(tf.scatter_add(variable, [a % SIZE, b % SIZE], [1.5, 2.5]))
        elif kind == "view":
            self.values.append(tf.squeeze(tf.expand_dims(tf.reshape(x, [SIZE, 1]), 0)))
        elif kind == "reverse":
            self.values.append(tf.reverse(other, [0]))
        elif kind == "multiply":
            self.values.append(x * y)
        elif kind == "cond_value":
            self.values.append(tf.cond(predicate, lambda: x + other, lambda: tf.reshape(y, [SIZE])))
        elif kind == "cond_update":
            self.values.append(tf.cond(predicate, lambda: tf.assign_add(variable, x) * 1.0, lambda: tf.negative(y)))
        elif kind == "after" and self.updates:
            with tf.control_dependencies([self.updates[b % len(self.updates)]]):
                self.values.append(tf.identity(variable))
        elif kind == "nested":
            inner = self.predicates[a % 2]
            self.values.append(
                tf.cond(predicate, lambda: tf.cond(inner, lambda: x + y, lambda: x * other), lambda: other + y)
            )


instructions = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=14
)
runs = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.lists(st.integers(0, 40), min_size=1, max_size=5)), min_size=1, max_size=4
)


@given(instructions, runs, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_session_agrees_with_an_interpreter_that_copies_everything(
    program: list[tuple[str, int, int, int]], plan: list[tuple[bool, bool, list[int]]], snapshot: bool  # noqa: FBT001
) -> None:
    """Fetched values and variables are equal, bit for bit; feeds and snapshots stay as they are; results are the caller's."""
    with tf.Graph().as_default(), tf.Session() as sess:
        built = Program(program)
        simple = naive.NaiveSession()
        inits = [v.initializer for v in built.variables]
        sess.run(inits)
        simple.run(inits, {})
        choices = [*built.values, *built.updates, *built.variables]
        for p0, p1, picks in plan:
            fed = np.array([0.5, -1.0, 2.0], np.float32)
            feeds = {built.feed: fed, built.predicates[0]: np.bool_(p0), built.predicates[1]: np.bool_(p1)}
            fetches = [choices[i % len(choices)] for i in picks]
            held = Snapshot(sess._slots.slot(v.op, None) for v in built.variables) if snapshot else None
            before = [np.copy(a) for a in held.arrays()] if held else []
            found = sess.run(fetches, feeds)
            expected = simple.run(fetches, feeds)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
                assert ours.flags.writeable
                assert ours.flags.c_contiguous
                ours[...] = np.nan
            np.testing.assert_array_equal(fed, [0.5, -1.0, 2.0])
            if held:
                for array, old in zip(held.arrays(), before, strict=True):
                    np.testing.assert_array_equal(array, old)
                held.release()
            for variable in built.variables:
                np.testing.assert_array_equal(sess.run(variable), simple.variables[variable.op.name])
