from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import RestoreNotFoundError


def _save(tmp_path: Path, **values: Any) -> str:
    """Save variables of these names and values, and return the prefix."""
    with tf.Graph().as_default(), tf.Session() as sess:
        variables = {name: tf.Variable(value, name=name.replace("/", "_")) for name, value in values.items()}
        sess.run(tf.global_variables_initializer())
        return str(tf.train.Saver(variables).save(sess, tmp_path / "m.ckpt", global_step=3))


def _values(sess: Any, *variables: tf.Variable) -> list[Any]:
    return [sess.run(v).tolist() for v in variables]


def test_a_partial_restore_leaves_the_rest(tmp_path: Path) -> None:
    """What is missing, or does not fit, keeps its value, or stays uninitialised; the report names it."""
    prefix = _save(tmp_path, a=[1.0, 2.0], b=[3.0], z=[9.0])
    a, b = tf.Variable([0.0, 0.0], name="a"), tf.Variable([0.0, 0.0], name="b")
    c, d = tf.Variable([5.0], name="c"), tf.Variable([6.0], name="d")
    saver, sess = tf.train.Saver({"a": a, "b": b, "c": c, "e": d}), tf.Session()
    sess.run(c.initializer)
    report = saver.restore(sess, prefix, strict=False)
    assert report is not None
    assert _values(sess, a, c) == [[1.0, 2.0], [5.0]]
    assert sess.run(tf.report_uninitialized_variables([b, d])).tolist() == [b"b", b"d"]
    assert (report.restored, report.missing, report.unexpected) == (("a",), ("c", "e"), ("z",))
    assert [item.name for item in report.mismatched] == ["b"]
    assert report.skipped == ("b", "c", "d")
    assert not report.complete
    assert str(report) == "\n".join(
        (
            f"Restored 1 tensor from {report.path!r}, step 3.",
            "  missing in the checkpoint:",
            "    c",
            "    e",
            "  of another dtype or shape:",
            "    b is float32 [1], wanted was float32 [2]",
            "  left as they were:",
            "    b",
            "    c",
            "    d",
            "  in the checkpoint, not asked for:",
            "    z",
        )
    )


def test_initialising_the_rest(tmp_path: Path) -> None:
    """The report's ``skipped`` are names of variables: their initialisers run afterwards."""
    prefix = _save(tmp_path, a=[1.0])
    a, b = tf.Variable([0.0], name="a"), tf.Variable([7.0], name="b")
    saver, sess = tf.train.Saver(), tf.Session()
    report = saver.restore(sess, prefix, strict=False)
    assert report is not None
    sess.run(tf.variables_initializer([v for v in tf.global_variables() if v.op.name in report.skipped]))
    assert _values(sess, a, b) == [[1.0], [7.0]]


def test_a_restore_of_nothing_is_an_error(tmp_path: Path) -> None:
    """Also where anything may be missing, and where the mapping leaves everything out."""
    prefix = _save(tmp_path, a=[1.0])
    b = tf.Variable([0.0], name="b")
    saver, sess = tf.train.Saver(), tf.Session()
    sess.run(b.initializer)
    with pytest.raises(RestoreNotFoundError, match=r"^Key b not found in checkpoint"):
        saver.restore(sess, prefix, strict=False)
    with pytest.raises(RestoreNotFoundError, match=r"^Nothing would be restored from .* leaves out the only tensor"):
        saver.restore(sess, prefix, mapping={"b": None})
    assert _values(sess, b) == [[0.0]]


def test_exactly_what_is_there(tmp_path: Path) -> None:
    """With "exact", tensors that nobody asks for are an error, and nothing changes."""
    prefix = _save(tmp_path, a=[1.0], z=[9.0])
    a = tf.Variable([0.0], name="a")
    saver, sess = tf.train.Saver(), tf.Session()
    sess.run(a.initializer)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"holds 1 tensors that nobody asked for"):
        saver.restore(sess, prefix, strict="exact")
    assert _values(sess, a) == [[0.0]]
    saver.restore(sess, _save(tmp_path, a=[1.0]), strict="exact")
    assert _values(sess, a) == [[1.0]]
    with pytest.raises(ValueError, match=r"^strict is 'eaxct', expected True, False or 'exact'.$"):
        saver.restore(sess, prefix, strict="eaxct")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "mapping",
    [
        {"new/w": "old/w", "new/b": "old/b"},
        [(r"unused/(.*)", r"x/\1"), (r"new/(.*)", r"old/\1"), (r".*", "never")],
        lambda name: name.replace("new", "old"),
    ],
)
def test_names_are_mapped(tmp_path: Path, mapping: Any) -> None:
    """A dict, rules of which the first counts, or a function: from the names here to those in the checkpoint."""
    prefix = _save(tmp_path, **{"old/w": [1.0], "old/b": [2.0]})
    with tf.name_scope("new"):
        w, b = tf.Variable([0.0], name="w"), tf.Variable([0.0], name="b")
    sess = tf.Session()
    report = tf.train.Saver().restore(sess, prefix, mapping=mapping)
    assert report is not None
    assert _values(sess, w, b) == [[1.0], [2.0]]
    assert report.renamed == (("new/b", "old/b"), ("new/w", "old/w"))
    assert "renamed:\n    new/b from old/b\n    new/w from old/w" in str(report)


@pytest.mark.parametrize("mapping", [{"b": None}, [("b", None)], {"a": "a", "b": None}.get])
def test_a_mapping_leaves_out(tmp_path: Path, mapping: Any) -> None:
    """What is mapped to None stays as it is, though it is there and everything else must fit."""
    prefix = _save(tmp_path, a=[1.0], b=[2.0])
    a, b = tf.Variable([0.0], name="a"), tf.Variable([0.0], name="b")
    saver, sess = tf.train.Saver(), tf.Session()
    sess.run(tf.global_variables_initializer())
    report = saver.restore(sess, prefix, mapping=mapping)
    assert report is not None
    assert _values(sess, a, b) == [[1.0], [0.0]]
    assert (report.skipped, report.unexpected) == (("b",), ("b",))


def test_a_mapping_with_a_slip(tmp_path: Path) -> None:
    """A name that nobody asks for, the wrong way round, a rule that is none: told, with advice."""
    prefix = _save(tmp_path, old=[1.0])
    tf.Variable([0.0], name="weights")
    saver, sess = tf.train.Saver(), tf.Session()
    cases: list[tuple[Any, str]] = [
        (
            {"wieghts": "old"},
            r"^The mapping has 'wieghts', and no such tensor is asked for.*did you mean 'weights'\?\n",
        ),
        ({"old": "weights"}, r"names in the checkpoint: write {'weights': 'old'}.\n"),
        ({"x": "y"}, r"leave it out, or restore with strict=False.\n"),
        ("old", r"^The mapping rule 'o' is no regular expression and replacement"),
        ([("weights",)], r"^The mapping rule \('weights',\) is no regular expression and replacement"),
        ([("weights", r"\3")], r"^The mapping rule .* is no regular expression and replacement: invalid group"),
        (lambda name: 3, r"^The mapping gives 3 for 'weights', expected a name in the checkpoint, or None.\n"),
        ({"weights": b"old"}, r"^The mapping gives b'old' for 'weights', expected a name"),
        ([("(", "old")], r"^The mapping rule \('\(', 'old'\) is no regular expression and replacement"),
    ]
    for mapping, message in cases:
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            saver.restore(sess, prefix, mapping=mapping)
    saver.restore(sess, prefix, mapping={"weights": "old", "x": "y"}, strict=False)


def test_did_you_mean(tmp_path: Path) -> None:
    """A missing tensor's error suggests a name like it, or one of its shape; renaming it that way works."""
    prefix = _save(tmp_path, layer1_weights=np.ones((2, 3), np.float32), q=np.ones(5, np.float32), other=[1.0])
    tf.Variable(np.zeros((2, 3), np.float32), name="layer_1_weights")
    tf.Variable(np.zeros(5, np.float32), name="embedding")
    saver, sess = tf.train.Saver(), tf.Session()
    with pytest.raises(tf.errors.NotFoundError) as caught:
        saver.restore(sess, prefix)
    text = str(caught.value)
    assert "did you mean 'layer1_weights' (float32 [2, 3])?" in text
    assert "of its shape there is 'q' (float32 [5])" in text
    assert "save/RestoreV2" in text
    saver.restore(sess, prefix, mapping={"layer_1_weights": "layer1_weights", "embedding": "q"})


@pytest.mark.parametrize("what", ["prefix", "file", "directory"])
def test_from_wherever(tmp_path: Path, what: str) -> None:
    """From a prefix, a file of it, or its directory."""
    prefix = _save(tmp_path, a=[1.0])
    a = tf.Variable([0.0], name="a")
    sess = tf.Session()
    (file,) = (name for name in os.listdir(tmp_path) if name.startswith("m.ckpt-3."))
    path = {"prefix": prefix, "file": f"{tmp_path}/{file}", "directory": str(tmp_path)}[what]
    report = tf.train.Saver().restore(sess, path)
    assert report is not None
    assert (report.prefix, report.complete) == (prefix, True)
    assert _values(sess, a) == [[1.0]]


def test_one_after_the_other(tmp_path: Path) -> None:
    """A restore in sequence leaves out what it skips as well, though each step waits for the one before."""
    prefix = _save(tmp_path, a=[1.0], c=[3.0])
    a, b, c = (tf.Variable([0.0], name=name) for name in "abc")
    saver, sess = tf.train.Saver(restore_sequentially=True), tf.Session()
    sess.run(tf.global_variables_initializer())
    saver.restore(sess, prefix, strict=False)
    assert _values(sess, a, b, c) == [[1.0], [0.0], [3.0]]


def test_reshaping_what_is_there(tmp_path: Path) -> None:
    """A saver that reshapes takes what has as many elements and leaves out the rest."""
    prefix = _save(tmp_path, a=[[1.0, 2.0]], b=[1.0, 2.0, 3.0])
    a, b = tf.Variable([0.0, 0.0], name="a"), tf.Variable([0.0, 0.0], name="b")
    saver, sess = tf.train.Saver(reshape=True), tf.Session()
    sess.run(tf.global_variables_initializer())
    report = saver.restore(sess, prefix, strict=False)
    assert report is not None
    assert report.skipped == ("b",)
    assert _values(sess, a, b) == [[1.0, 2.0], [0.0, 0.0]]


def test_only_a_full_restore_brings_the_streams_back(tmp_path: Path) -> None:
    """Unseeded random numbers go on as they were only where all was restored, into all that was asked for."""
    draw_name, kept = "draw", tf.Variable(0.0, name="kept")
    draw = tf.random_normal([2], name=draw_name)
    sess = tf.Session()
    sess.run(kept.initializer)
    prefix = str(tf.train.Saver().save(sess, tmp_path / "m"))
    drawn = sess.run(draw).tolist()
    added = tf.Variable(0.0, name="added")

    def next_numbers(*variables: tf.Variable, **arguments: Any) -> Any:
        with tf.Session() as fresh:
            tf.train.Saver(list(variables)).restore(fresh, prefix, **arguments)
            return fresh.run(draw).tolist()

    assert next_numbers(kept) == drawn
    assert next_numbers(kept, strict="exact") == drawn
    assert next_numbers(kept, added, strict=False) != drawn


def test_a_restore_that_fails_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an assignment of a partial restore fails, all variables are as they were, the skipped ones too."""
    prefix = _save(tmp_path, a=[1.0], b=[2.0])
    a, b, c = (tf.Variable([0.0], name=name) for name in "abc")
    saver, sess = tf.train.Saver(), tf.Session()
    sess.run(a.initializer)
    from holdfast.runtime.assigning import assign

    def failing(step: Any, slot: Any, *rest: Any) -> None:
        if slot.op.name == "b":
            raise MemoryError("none left")
        assign(step, slot, *rest)

    monkeypatch.setattr("holdfast.runtime.interpreter.assign", failing)
    with pytest.raises(tf.errors.ResourceExhaustedError, match=r"^Out of memory in op 'save/Assign_1'"):
        saver.restore(sess, prefix, strict=False)
    assert _values(sess, a) == [[0.0]]
    assert sess.run(tf.report_uninitialized_variables([a, b, c])).tolist() == [b"b", b"c"]


def test_names_that_the_graph_computes(tmp_path: Path) -> None:
    """What cannot be known before the run cannot be planned; the error says what to do, and that works."""
    prefix = _save(tmp_path, a=[1.0])
    a = tf.Variable([0.0], name="a")
    saver, sess = tf.train.Saver(), tf.Session()
    restore = next(op for op in a.graph.get_operations() if op.type == "RestoreV2")
    restore._update_input(1, tf.identity(restore.inputs[1]))
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"Run the op that restores in the session instead"):
        saver.restore(sess, prefix)
    sess.run("save/restore_all", {"save/Const:0": prefix})
    assert _values(sess, a) == [[1.0]]


def test_a_restore_op_that_restores_nothing(tmp_path: Path) -> None:
    """A SaverDef that names another op is told."""
    prefix = _save(tmp_path, a=[1.0])
    tf.Variable([0.0], name="a")
    saver_def = tf.train.Saver().as_saver_def()
    saver_def.restore_op_name = tf.no_op(name="other").name
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"^'other' does not wait for an op that restores from"):
        tf.train.Saver(saver_def=saver_def).restore(tf.Session(), prefix)


_TRAINING = """
    import os, sys
    import numpy as np
    import holdfast as tf

    x = tf.constant(np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32))
    w1 = tf.Variable(tf.random_normal([6, 8], stddev=0.5), name="w1")
    w2 = tf.Variable(tf.random_normal([8, 1], stddev=0.5, seed=3), name="w2")
    hidden = tf.nn.relu(tf.matmul(x, w1))
    dropped = hidden * tf.floor(tf.random_uniform(tf.shape(hidden)) + 0.7) / 0.7
    noisy = tf.matmul(dropped, w2) + tf.random_normal([20, 1], stddev=0.1, seed=7)
    loss = tf.reduce_mean(tf.square(noisy - tf.reduce_sum(x, 1, keep_dims=True)))
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.02).minimize(loss, global_step=step)
    saver = tf.train.Saver()
    start, kill_at, last = sys.argv[1], int(sys.argv[2]), 12

    with tf.Session() as sess:
        if start == "resume":
            saver.restore(sess, "run")
        elif start == "begin":
            sess.run(tf.global_variables_initializer())
            saver.save(sess, "run/m", global_step=0)
        while (now := int(sess.run(step))) < last:
            sess.run(train)
            if now + 1 == kill_at:
                saver.save(sess, "run/m", global_step=step, block=False).result()
                sess.run(train)
                os._exit(9)
        values = sess.run({v.op.name: v for v in tf.global_variables()} | {"loss": loss})
    print(" ".join(f"{name}={value.tobytes().hex()}" for name, value in sorted(values.items())))
"""


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Killed and resumed twice, a run ends as one that was not: variables, Adam's slots, unseeded random numbers."""
    (tmp_path / "run").mkdir()

    def python(start: str, kill_at: int) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", textwrap.dedent(_TRAINING), start, str(kill_at)]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert python("begin", 5).returncode == 9
    assert python("resume", 9).returncode == 9
    resumed = python("resume", 0)
    assert resumed.returncode == 0, resumed.stderr
    for name in os.listdir(tmp_path / "run"):
        if not name.startswith("m-0"):
            (tmp_path / "run" / name).unlink()
    whole = python("resume", 0)
    assert whole.stdout == resumed.stdout
    assert "w1/Adam_1=" in whole.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="peak memory is read from /proc")
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")
def test_no_second_copy_of_the_model(tmp_path: Path) -> None:
    """Neither a save nor a restore into uninitialised variables takes the memory of the model once more."""
    program = """
        import sys
        import numpy as np
        import holdfast as tf

        def peak():
            for line in open("/proc/self/status"):
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024

        MIB = 1 << 20
        vs = [tf.Variable(tf.ones([MIB]), name=f"v{i}") for i in range(32)]
        saver = tf.train.Saver()
        with tf.Session() as sess:
            if sys.argv[1] == "save":
                for v in vs:
                    sess.run(v.initializer)
                before = peak()
                saver.save(sess, "m")
            else:
                before = peak() + 128 * MIB
                saver.restore(sess, "m")
            print((peak() - before) // MIB)
    """
    for what in ("save", "restore"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), what],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) <= 32
