from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.runtime.streams import RandomStreams


def test_a_stream_counts_its_executions() -> None:
    """Each op has a counter of its own; seeds make the key, without seeds the session's entropy and the name do."""
    streams = RandomStreams()
    assert streams.next_key("a", 3, 4) == (3, 4, 0)
    assert streams.next_key("a", 3, 4) == (3, 4, 1)
    assert streams.next_key("b", 3, -1) == (3, 2**64 - 1, 0)
    first, second = streams.next_key("u", 0, 0), streams.next_key("w", 0, 0)
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_the_state_is_json_and_goes_on() -> None:
    """What state gives survives JSON, and restore goes on with the very next key."""
    streams = RandomStreams()
    streams.next_key("a", 0, 0)
    state = json.loads(json.dumps(streams.state()))
    expected = streams.next_key("a", 0, 0)
    other = RandomStreams()
    assert other.next_key("a", 0, 0) != streams.next_key("a", 0, 0)
    other.restore(other.checked(state))
    assert other.next_key("a", 0, 0) == expected


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"entropy": "00", "counters": []},
        {"entropy": 3, "counters": {}},
        {"entropy": "xyz", "counters": {}},
        {"entropy": "f" * 17, "counters": {}},
        {"entropy": "-1", "counters": {}},
        {"entropy": "00", "counters": {"a": -1}},
        {"entropy": "00", "counters": {"a": 1.0}},
        {"entropy": "00", "counters": {"a": True}},
        {"entropy": "00", "counters": {1: 1}},
    ],
)
def test_malformed_states(state: dict[str, Any]) -> None:
    """What no session can have saved is a DataLossError."""
    with pytest.raises(tf.errors.DataLossError, match=r"^The random-stream state of the checkpoint is malformed"):
        RandomStreams.checked(state)


def test_unseeded_sessions_differ_and_seeded_ones_agree() -> None:
    """With a graph-level seed every fresh session draws the same; without, each its own."""
    free = tf.random_uniform([4])
    assert tf.Session().run(free).tolist() != tf.Session().run(free).tolist()
    tf.set_random_seed(7)
    seeded = tf.random_uniform([4])
    first, second = tf.Session(), tf.Session()
    assert [first.run(seeded).tolist() for _ in range(2)] == [second.run(seeded).tolist() for _ in range(2)]


def test_streams_do_not_depend_on_other_ops() -> None:
    """What an op draws depends on how often it ran, not on what ran beside it."""
    tf.set_random_seed(7)
    a, b = tf.random_normal([3], name="a"), tf.random_uniform([3], name="b")
    alone, together = tf.Session(), tf.Session()
    expected = [alone.run(a).tolist() for _ in range(3)]
    found = []
    for i in range(3):
        together.run([b] * i)
        found.append(together.run([b, a])[1].tolist())
    assert found == expected


def test_one_draw_an_execution() -> None:
    """Fetched twice or used twice in a run, an op draws once."""
    a = tf.random_normal([3])
    first, second, doubled = tf.Session().run([a, a, a * 2.0])
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(doubled, first * 2.0)


def test_a_branch_that_is_not_taken_draws_nothing() -> None:
    """The stream of an op in a branch counts the runs in which the branch was taken."""
    tf.set_random_seed(7)
    p = tf.placeholder(tf.bool, [])
    out = tf.cond(p, lambda: tf.random_normal([2], name="r"), lambda: tf.zeros([2]))
    sess, other = tf.Session(), tf.Session()
    found = [sess.run(out, {p: taken}).tolist() for taken in (True, False, False, True)]
    assert [found[0], found[3]] == [other.run(out, {p: True}).tolist() for _ in range(2)]
