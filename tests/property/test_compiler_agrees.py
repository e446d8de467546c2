"""Random graphs: a plan as a function does what the interpreter does with it, bit for bit and word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray

import holdfast as tf
from tests.property.programs import Instruction, Program, programs
from tests.property.run_plans import RunPlan, run_plans

Array = NDArray[Any]

NEVER = 10**9


class Side:
    """A session that interprets always, or never."""

    def __init__(self, program: Program, interpreted_runs: int, config: Any) -> None:
        self.program = program
        self.sess = tf.Session(config=config)
        self.sess._interpreted_runs = interpreted_runs
        self.held: list[tuple[Array, Array]] = []
        self.sess.run(program.initializers)

    def run(self, plan: RunPlan) -> Any:
        """Return the values, or the class and the text of the error; overwrite all that belongs to the caller."""
        fetches, feeds = plan.fetches(self.program), plan.feeds(self.program)
        self.program.callback = lambda i: self.sess.run(self.program.inner[i])
        try:
            found = self.fetch(plan.how, fetches, feeds)
        except tf.errors.OpError as error:
            return type(error), str(error)
        seen = [None if value is None else (np.copy(value), describe(value)) for value in found]
        for value in found:
            if value is not None and plan.how == "read-only":
                self.held.append((value, np.copy(value)))
            elif value is not None:
                value[...] = np.nan
        for array in (*feeds.values(), *self.program.lent):
            array[...] = 0
        self.program.lent.clear()
        return seen

    def fetch(self, how: str, fetches: list[Any], feeds: dict[Any, Array]) -> Any:
        """Run in one of three ways."""
        if how == "run":
            return self.sess.run(fetches, feeds)
        return self.sess.make_callable(fetches, list(feeds), copy=how == "callable")(*feeds.values())

    def state(self) -> list[Any]:
        """Return the variables, and check that nothing that is held has changed."""
        for array, copy in self.held:
            np.testing.assert_array_equal(array, copy)
        ready = [v for v in self.program.all_variables if self.sess.run(tf.is_variable_initialized(v))]
        return [(v.op.name, value.tobytes()) for v, value in zip(ready, self.sess.run(ready), strict=True)]


def describe(value: Any) -> tuple[Any, ...]:
    """Return all that a caller can see of a value."""
    return type(value), value.dtype, value.shape, value.tobytes(), value.flags.writeable, value.flags.c_contiguous


def agree(instructions: list[Instruction], plans: list[RunPlan], config: Any, devices: list[str]) -> None:
    """Run a program interpreted and compiled, each plan as often as it takes until it is compiled for its shapes.

    Its index is in range until then: what fails is never compiled.
    """
    with tf.Graph().as_default():
        program = Program(instructions, devices)
        sides = [Side(program, runs, config) for runs in (NEVER, 0)]
        for plan in [again for each in plans for again in (each, *[replace(each, index=1)] * 3, each)]:
            interpreted, compiled = (side.run(plan) for side in sides)
            compare(compiled, interpreted)
            assert sides[1].state() == sides[0].state()


def compare(compiled: Any, interpreted: Any) -> None:
    """Compare the outcomes of a run."""
    if isinstance(interpreted, tuple):
        assert compiled == interpreted
        return
    assert [value and value[1] for value in compiled] == [value and value[1] for value in interpreted]


@given(programs, run_plans)
@settings(max_examples=150)
def test_a_compiled_plan_agrees_with_the_interpreter(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Values, errors with their texts, and variables are the same; nobody's memory is changed under them."""
    agree(instructions, plans, None, [""])


@given(programs, run_plans)
@settings(max_examples=40)
def test_they_agree_on_several_devices(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """So do they where values go from device to device."""
    agree(instructions, plans, tf.ConfigProto(device_count={"CPU": 3}), ["/cpu:0", "/cpu:1", "/cpu:2"])
