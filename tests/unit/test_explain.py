from __future__ import annotations

import io
from typing import Any

import pytest

import holdfast as tf


def _explained(sess: Any, fetches: Any, feeds: Any = ()) -> list[list[str]]:
    """Return the lines of an explanation, cells apart."""
    out = io.StringIO()
    sess.explain(fetches, feeds, file=out)
    return [[cell.strip() for cell in line.split("  ") if cell] for line in out.getvalue().splitlines()]


def test_a_plan_as_a_table() -> None:
    """Each step has op, type, device, what happens, and bytes; fetches say whether they are copied."""
    x = tf.placeholder(tf.float32, [2], name="x")
    v = tf.Variable([1.0, 2.0], name="v")
    y = tf.multiply(v, x, name="y")
    update = tf.assign_add(v, y, name="update")
    assert _explained(tf.Session(), [y, update], {x: None}) == [
        ["4 steps, 1 feeds, 2 fetches, 0 ops folded"],
        ["step", "op", "type", "device", "how", "bytes", "note"],
        ["0", "y", "Mul", "CPU:0", "read v", "8"],
        ["1", "y", "Mul", "CPU:0", "run", "8"],
        ["2", "update", "AssignAdd", "CPU:0", "update (in place)", "8"],
        ["3", "update", "AssignAdd", "CPU:0", "read v", "8"],
        ["fetch y:0: handed out as it is"],
        ["fetch update:0: copied"],
    ]


def test_what_happens_to_memory() -> None:
    """Assignments say whether they take, overwrite or leave memory."""
    v, w = tf.Variable([1.0, 2.0], name="v"), tf.Variable([1.0, 2.0], name="w")
    x = tf.placeholder(tf.float32, [2], name="x")
    old = v.read_value()
    copied = tf.assign(v, x, name="copied")
    taken = tf.assign(w, tf.exp(x, name="e"), name="taken")
    in_place = tf.assign(w, x, name="in_place")
    rows = {row[1]: row[4] for row in _explained(tf.Session(), [old, copied.op, taken.op, in_place.op], [x])[2:-1]}
    assert rows["copied"] == "assign (to other memory: the old value is still needed)"
    assert rows["taken"] == "assign (takes the value's memory)"
    assert rows["in_place"] == "assign (in place)"


def test_branches_stand_under_their_conditions() -> None:
    """A stretch under a predicate has a line with the predicate's name."""
    p = tf.placeholder(tf.bool, [], name="p")
    x = tf.placeholder(tf.float32, [2], name="x")
    out = tf.cond(p, lambda: tf.exp(x), lambda: tf.negative(x))
    lines = [row[0] for row in _explained(tf.Session(), out, [p, x])]
    assert lines[2:8] == ["if cond/pred_id:0:", "0", "if not cond/pred_id:0:", "1", "always:", "2"]


def test_fallbacks_are_notes() -> None:
    """What runs elsewhere than asked says so."""
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [1])
        y = tf.exp(x, name="y")
    sess = tf.Session(config=tf.ConfigProto(allow_soft_placement=True))
    (row,) = [row for row in _explained(sess, y, [x]) if row[1:2] == ["y"]]
    assert row[-1].startswith("asked for /device:GPU:0, runs on /job:localhost/replica:0/task:0/device:CPU:0: ")


def test_unknown_sizes_are_question_marks() -> None:
    """Bytes are told where the static shape and the dtype tell them."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    rows = _explained(tf.Session(), tf.exp(x, name="y"), [x])
    assert rows[2] == ["0", "y", "Exp", "CPU:0", "run", "?"]


def test_it_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the table is printed; nothing is run."""
    v = tf.Variable([1.0], name="v")
    tf.Session().explain(tf.exp(v, name="y"))
    assert capsys.readouterr().out.startswith("2 steps, 0 feeds, 1 fetches, 0 ops folded\n")
