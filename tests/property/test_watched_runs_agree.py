"""Random graphs: a run with a trace and a time limit does what the same run does without, bit for bit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

import holdfast as tf
from holdfast.python.client.timeline import Timeline
from tests.property.programs import Instruction, Program, programs
from tests.property.run_plans import RunPlan, run_plans
from tests.property.test_compiler_agrees import NEVER, Array, Side, compare


class WatchedSide(Side):
    """A session that watches each of its runs."""

    def fetch(self, how: str, fetches: list[Any], feeds: dict[Any, Array]) -> Any:
        """Run in one of three ways, and look at the trace."""
        options, metadata = tf.RunOptions(trace_level=3, timeout_in_ms=10**9), tf.RunMetadata()
        if how == "run":
            values = self.sess.run(fetches, feeds, options, metadata)
        else:
            call = self.sess.make_callable(fetches, list(feeds), accept_options=True, copy=how == "callable")
            values = call(*feeds.values(), options=options, run_metadata=metadata)
        check(metadata.step_stats)
        return values


def check(stats: Any) -> None:
    """Check what must hold for every trace: times follow each other, and its file has all nodes."""
    nodes = sorted((n for d in stats.dev_stats for n in d.node_stats), key=lambda n: n.all_start_nanos)
    assert nodes[0].node_name == "_SOURCE"
    end = 0
    for node in nodes:
        assert end <= node.all_start_nanos
        assert 0 <= node.op_end_rel_nanos <= node.all_end_rel_nanos
        end = node.all_start_nanos + node.all_end_rel_nanos
    trace = json.loads(Timeline(stats).generate_chrome_trace_format(show_memory=True))
    assert sum(event["ph"] == "X" for event in trace["traceEvents"]) == len(nodes)


@pytest.mark.parametrize("interpreted_runs", [NEVER, 0], ids=["interpreted", "compiled"])
@given(instructions=programs, plans=run_plans)
@settings(max_examples=30)
def test_a_watched_run_agrees(interpreted_runs: int, instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Values, errors with their texts, and variables are the same; every trace is in order."""
    with tf.Graph().as_default():
        program = Program(instructions, ["", "/cpu:1"])
        config = tf.ConfigProto(device_count={"CPU": 2})
        sides = [kind(program, interpreted_runs, config) for kind in (Side, WatchedSide)]
        for plan in [plan for plan in plans for _ in range(2)]:
            usual, watched = (side.run(plan) for side in sides)
            compare(watched, usual)
            assert sides[1].state() == sides[0].state()
