"""Saves in the background: whatever happens meanwhile, a checkpoint has the values of one instant."""

from __future__ import annotations

import tempfile
import threading
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import holdfast as tf
from holdfast.checkpoint import SavedCheckpoint, TensorRequest, restore_tensors

_SHAPES: list[tuple[int, ...]] = [(4, 2), (3,), (), (2, 0)]
_ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["add", "assign", "feed", "copy", "scatter", "all"]), st.integers(0, len(_SHAPES) - 1)),
    st.tuples(st.just("save"), st.just(0)),
    st.tuples(st.just("write"), st.integers(1, 3)),
    st.tuples(st.just("fetch"), st.integers(0, len(_SHAPES) - 1)),
)


class _Writer:
    """Writes what saves hand over, tensor by tensor, each when the test permits it, and remembers what it read."""

    def __init__(self) -> None:
        self.permits = threading.Semaphore(0)
        self.read: dict[str, dict[str, Any]] = {}

    def __call__(self, prefix: str, tensors: Any, *, metadata: Any, **_: Any) -> SavedCheckpoint:
        values = {}
        for source in tensors:
            assert self.permits.acquire(timeout=60)
            borrowed = source.read()
            assert self.permits.acquire(timeout=60)
            values[source.name] = borrowed.copy()
            del borrowed
        self.read[prefix] = values
        return SavedCheckpoint(
            prefix, prefix, (), "none", metadata.lineage, metadata.origin, 1, metadata.global_step, 0.0, {}, 0
        )


class _Program:
    """A graph with a step number, and what its variables should be."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.values = [rng.normal(size=shape).astype(np.float32) for shape in _SHAPES]
        self.vars = [tf.Variable(value, name=f"v{i}") for i, value in enumerate(self.values)]
        self.step = tf.Variable(0, name="step")
        self.fed = [tf.placeholder(tf.float32, shape) for shape in _SHAPES]
        count = [self.step.assign_add(1).op]
        self.ops = {
            "add": [tf.group(v.assign_add(tf.ones(v.shape)), *count) for v in self.vars],
            "assign": [tf.group(v.assign(v * 2.0 + 1.0), *count) for v in self.vars],
            "feed": [tf.group(v.assign(x), *count) for v, x in zip(self.vars, self.fed, strict=True)],
            "copy": [tf.group(v.assign(tf.identity(v)), *count) for v in self.vars],
            "all": [tf.group(*(v.assign_sub(tf.ones(v.shape)) for v in self.vars), *count)] * len(self.vars),
        }
        scatter = tf.scatter_add(self.vars[0], [1, 1], np.ones((2, 2), np.float32))
        self.ops["scatter"] = [tf.group(scatter, *count)] * len(self.vars)
        self.saver = tf.train.Saver()
        self.sess = tf.Session()
        self.sess.run(tf.global_variables_initializer())
        self.steps = 0
        self.held: list[tuple[Any, Any]] = []
        self.fetchers = [self.sess.make_callable(v, copy=False) for v in self.vars]

    def update(self, kind: str, i: int) -> None:
        """Train, and do the same in NumPy."""
        value = np.full(_SHAPES[i], float(self.steps), np.float32)
        self.sess.run(self.ops[kind][i], {self.fed[i]: value} if kind == "feed" else None)
        self.steps += 1
        if kind == "all":
            self.values = [v - np.float32(1) for v in self.values]
        elif kind == "scatter":
            self.values[0] = self.values[0].copy()
            self.values[0][1] += np.float32(2)
        elif kind != "copy":
            new = {"add": self.values[i] + np.float32(1), "assign": self.values[i] * np.float32(2) + np.float32(1)}
            self.values[i] = new.get(kind, value)

    def expected(self) -> dict[str, Any]:
        """Return what a save of this instant has."""
        return {"step": np.int32(self.steps), **{f"v{i}": value for i, value in enumerate(self.values)}}

    def check(self) -> None:
        """Compare the variables, and what was handed out, with what they should be."""
        for v, value in zip(self.vars, self.values, strict=True):
            np.testing.assert_array_equal(self.sess.run(v), value)
        for handed, value in self.held:
            np.testing.assert_array_equal(handed, value)


def _same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare a checkpoint with what it should have."""
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@settings(max_examples=60)
@given(st.lists(_ACTIONS, max_size=30))
def test_a_save_has_the_values_of_its_call(actions: list[tuple[str, int]]) -> None:
    """Updates in place, by assignment, by feeds and of rows, before, between and after the tensors are written."""
    tf.reset_default_graph()
    writer, program, expected = _Writer(), _Program(), {}
    with mock.patch("holdfast.runtime.saving.write_checkpoint", writer):
        for kind, i in actions:
            if kind == "save":
                # The next one waits for the one before: let that go on.
                writer.permits.release(2 * len(_SHAPES) + 2)
                program.sess.background_saves.idle()
                writer.permits = threading.Semaphore(0)
                pending = program.saver.save(
                    program.sess, "m", global_step=program.step, write_state=False, block=False
                )
                expected[f"m-{program.steps}"] = program.expected()
                assert pending.what == f"m-{program.steps}"
            elif kind == "write":
                writer.permits.release(i)
            elif kind == "fetch":
                program.held.append((program.fetchers[i](), program.values[i]))
            else:
                program.update(kind, i)
        writer.permits.release(2 * len(_SHAPES) + 2)
        program.check()
        program.sess.close()
    assert sorted(writer.read) == sorted(expected)
    for prefix, values in expected.items():
        _same(writer.read[prefix], values)


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["add", "assign", "scatter", "all", "save"]), min_size=3, max_size=12))
def test_what_is_restored_is_what_was_saved(actions: list[str]) -> None:
    """The same with real files, written while training goes on as fast as it can."""
    tf.reset_default_graph()
    program, expected = _Program(), {}
    with tempfile.TemporaryDirectory() as directory:
        saver = tf.train.Saver(max_to_keep=None)
        for kind in [*actions, "save", "all", "all"]:
            if kind == "save":
                saver.save(program.sess, f"{directory}/m", global_step=program.step, block=False)
                expected[f"{directory}/m-{program.steps}"] = program.expected()
            else:
                program.update(kind, 0)
        program.check()
        program.sess.close()
        assert saver.last_checkpoints[-1] == list(expected)[-1]
        for prefix, values in expected.items():
            found = restore_tensors(prefix, [TensorRequest(name) for name in values]).values
            _same(dict(zip(values, found, strict=True)), values)
