"""Random graphs of reads, updates, views, conds and fetches: a session agrees with a naive interpreter."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray

import holdfast as tf
from holdfast.plugins import load_plugins, use_plugins
from holdfast.runtime.slots import Snapshot
from tests.property.naive import NaiveError, NaiveSession
from tests.property.programs import Instruction, Program, programs
from tests.property.run_plans import RunPlan, run_plans

Array = NDArray[Any]


class Pair:
    """One program in a session and in the naive interpreter, run after run."""

    def __init__(self, program: Program, sess: Any) -> None:
        self.program = program
        self.sess = sess
        self.naive = NaiveSession()
        self.held: list[tuple[Array, Array]] = []
        sess.run(program.initializers)
        self.naive.run(program.initializers, {})

    def run(self, plan: RunPlan) -> None:
        """Run both, compare what they return and leave behind."""
        fetches, feeds = plan.fetches(self.program), plan.feeds(self.program)
        expected = self.run_naive(fetches, {key: np.copy(value) for key, value in feeds.items()})
        before = {key: np.copy(value) for key, value in feeds.items()}
        found = self.run_ours(plan.how, fetches, feeds)
        self.compare(found, expected, plan.how)
        for key, value in feeds.items():
            np.testing.assert_array_equal(value, before[key])
        self.scribble(found, feeds, plan.how)
        self.check_state()

    def run_naive(self, fetches: list[Any], feeds: dict[Any, Any]) -> Any:
        """Return the values, or the name of the error."""
        self.program.callback = lambda i: self.naive.run([self.program.inner[i]], {})
        try:
            return self.naive.run(fetches, feeds)
        except NaiveError as error:
            return error.kind

    def run_ours(self, how: str, fetches: list[Any], feeds: dict[Any, Any]) -> Any:
        """Return the values, or the name of the error."""
        self.program.callback = lambda i: self.sess.run(self.program.inner[i])
        try:
            if how == "run":
                return self.sess.run(fetches, feeds)
            return self.sess.make_callable(fetches, list(feeds), copy=how == "callable")(*feeds.values())
        except tf.errors.OpError as error:
            return type(error).__name__

    def compare(self, found: Any, expected: Any, how: str) -> None:
        """Compare the results of a run; without copies, they are held from now on."""
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
            return
        for ours, theirs in zip(found, expected, strict=True):
            if theirs is None:
                assert ours is None
                continue
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
            if how == "read-only":
                assert not ours.flags.writeable
                self.held.append((ours, np.copy(ours)))
            else:
                assert ours.flags.writeable
                assert ours.flags.c_contiguous

    def scribble(self, found: Any, feeds: dict[Any, Any], how: str) -> None:
        """Overwrite all that belongs to the caller: results, feeds, and what Python functions returned."""
        if how != "read-only" and not isinstance(found, str):
            for array in found:
                if array is not None:
                    array[...] = np.nan
        for array in (*feeds.values(), *self.program.lent):
            array[...] = 0
        self.program.lent.clear()

    def check_state(self) -> None:
        """Compare the variables, and look whether anything that is held has changed."""
        for array, copy in self.held:
            np.testing.assert_array_equal(array, copy)
        for variable in self.program.all_variables:
            name = variable.op.name
            if name in self.naive.variables:
                np.testing.assert_array_equal(self.sess.run(variable), self.naive.variables[name])
            else:
                assert not self.sess.run(tf.is_variable_initialized(variable))

    def snapshot(self) -> Snapshot:
        """Return a snapshot of the initialised variables."""
        slots = [slot for slot in self.sess._slots._slots.values() if slot.buffer is not None]
        return Snapshot(slots)


@given(programs, run_plans)
@settings(max_examples=200)
def test_a_session_agrees_with_an_interpreter_that_copies_everything(
    instructions: list[Instruction], plans: list[RunPlan]
) -> None:
    """Values, errors and variables are equal bit for bit; nobody's memory is changed under them."""
    with tf.Graph().as_default(), tf.Session() as sess:
        pair = Pair(Program(instructions), sess)
        for plan in plans:
            pair.run(plan)


@given(programs, run_plans)
@settings(max_examples=60)
def test_a_snapshot_keeps_its_values_while_runs_go_on(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Whatever runs update, a snapshot has the values of its instant, and the runs are none the wiser."""
    with tf.Graph().as_default(), tf.Session() as sess:
        pair = Pair(Program(instructions), sess)
        for plan in plans:
            snapshot = pair.snapshot()
            before = [np.copy(array) for array in snapshot.arrays()]
            pair.run(plan)
            for array, old in zip(snapshot.arrays(), before, strict=True):
                np.testing.assert_array_equal(array, old)
            snapshot.release()
            pair.run(plan)


@given(programs, run_plans)
@settings(max_examples=60)
def test_several_devices_change_nothing(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Spread over three CPU devices, a program gives the same values."""
    config = tf.ConfigProto(device_count={"CPU": 3})
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        pair = Pair(Program(instructions, devices=["/cpu:0", "/cpu:1", "/cpu:2"]), sess)
        for plan in plans:
            pair.run(plan)


STRICT = [*entry_points(group="holdfast"), EntryPoint("strict-gpu", "tests.property.strict_gpu", "holdfast")]


@given(programs, run_plans)
@settings(max_examples=60)
def test_devices_with_arrays_of_their_own_change_nothing(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Spread over NumPy's device and one of another library, a program gives the same values."""
    plugins = load_plugins({"devices": {"CPU": "numpy-cpu", "GPU": "strict-gpu"}}, STRICT)
    with use_plugins(plugins), tf.Graph().as_default(), tf.Session() as sess:
        pair = Pair(Program(instructions, devices=["/cpu:0", "/gpu:0"]), sess)
        for plan in plans:
            pair.run(plan)
