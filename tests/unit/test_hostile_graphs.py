from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph.op_def import op_def
from holdfast.graph.operation import Operation
from holdfast.ops.apply import output_types
from holdfast.python.client.timeline import Timeline

NAMES = [
    "{0}{x.__class__}%s%(a)s%n$s",
    "'); open('PATH', 'w').close(); ('",
    '"""); open("PATH", "w").close(); ("""',
    "a\nopen('PATH', 'w').close()\nb",
    "__import__('pathlib').Path('PATH').touch()",
    "\x1b[31mred\x1b[0m\x07\r\x00",
    "\u202eevil\u2028line",
    "\\N{BULLET}\\x41\\",
    "naïve/变量/🙂",
    "self",
    "registers",
    "None",
    "x" * 5000,
]


@pytest.fixture(params=range(len(NAMES)))
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a hostile name; if a part of it were executed there would be a file."""
    index: int = request.param
    return NAMES[index].replace("PATH", str(tmp_path / "executed"))


@pytest.fixture(params=[10**9, 0], ids=["interpreted", "compiled"])
def sess(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a session that interprets or compiles; afterwards nothing may have been executed."""
    session = tf.Session()
    session._interpreted_runs = request.param
    yield session
    assert not (tmp_path / "executed").exists()


def _make(op_type: str, inputs: list[tf.Tensor], attrs: dict[str, Any], name: str) -> Operation:
    """Put an operation into the graph past all checks of names, as no import would."""
    graph = tf.get_default_graph()
    definition = op_def(op_type)
    assert definition is not None
    op = Operation(graph, name, definition, inputs, (), {**definition.defaults, **attrs}, None)
    types = output_types(definition, op.attrs)
    op.outputs = [tf.Tensor(op, i, dtype, tf.TensorShape([2])) for i, dtype in enumerate(types)]
    graph._add(op)
    return op


def _placeholder(name: str) -> tf.Tensor:
    return _make("Placeholder", [], {"dtype": tf.float32, "shape": tf.TensorShape([2])}, name).outputs[0]


def _variable(name: str, **attrs: Any) -> tf.Tensor:
    attrs = {"dtype": tf.float32, "shape": tf.TensorShape([2]), "shared_name": b"", "container": b"", **attrs}
    return _make("VariableV2", [], attrs, name).outputs[0]


def _is_harmless(text: str) -> bool:
    """Whether text that a terminal shows has nothing that a terminal would act on."""
    return all(c.isprintable() and c not in "\u202e\u2028" for line in text.split("\n") for c in line)


def test_values_and_explanations(name: str, sess: Any) -> None:
    """A graph of hostile names computes what it says, and its explanation is plain lines."""
    x = _placeholder(name)
    y = _make("Exp", [x], {"T": tf.float32}, f"{name}/y").outputs[0]
    v = _variable(f"{name}/v")
    update = tf.assign(v, y)
    for _ in range(2):
        found = sess.run([y, update, f"{name}/y:0"], {x: [0.0, 1.0]})
        for value in found:
            np.testing.assert_allclose(value, np.exp([0.0, 1.0]), rtol=1e-6)
    out = io.StringIO()
    sess.explain([y, update], [x], file=out)
    assert _is_harmless(out.getvalue())
    assert len(out.getvalue().splitlines()) == 7


def test_errors(name: str, sess: Any) -> None:
    """Every error that names an op names it on its line, escaped."""
    x, v = _placeholder(name), _variable(f"{name}/v")
    row = _make("Gather", [x, tf.constant([7])], {"Tparams": tf.float32, "Tindices": tf.int32}, f"{name}/row").outputs[
        0
    ]
    placed = _make("Exp", [x], {"T": tf.float32}, f"{name}/placed")
    placed._set_device("/job:" + name.replace("/", "_"))
    runs: list[tuple[Any, Any]] = [(x, {}), (v, {}), (row, {x: [0.0, 1.0]}), (placed, {x: [0.0, 1.0]})]
    runs.append((tf.assign_add(v, x), {v: [0.0, 1.0], x: [0.0, 1.0]}))
    for fetch, feeds in runs:
        with pytest.raises(tf.errors.OpError) as caught:
            sess.run(fetch, feeds)
        assert _is_harmless(str(caught.value))
        assert caught.value.op is not None


def test_traces(name: str, sess: Any) -> None:
    """The file of a trace parses, and has hostile names in their places and nowhere else."""
    x, v = _placeholder(name), _variable(f"{name}/v")
    y = _make("Exp", [x], {"T": tf.float32}, f"{name}/y").outputs[0]
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=3, output_partition_graphs=True)
    sess.run([y, tf.assign(v, y)], {x: [0.0, 1.0]}, options, metadata)
    trace = json.loads(Timeline(metadata.step_stats, tf.get_default_graph()).generate_chrome_trace_format(True, True))
    assert {event["ph"] for event in trace["traceEvents"]} == set("MXNODC")
    (event,) = [event for event in trace["traceEvents"] if event.get("args", {}).get("name") == f"{name}/y"]
    inputs = [value for key, value in event["args"].items() if key.startswith("input")]
    assert (event["name"], ", ".join(inputs)) == ("Exp", f"_arg_{name}_0_0")
    assert f"{name}/y" in [node.name for node in metadata.partition_graphs[0].node]


def test_logged_placements(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log of placements has one line an op."""
    x = _placeholder(name)
    y = _make("Exp", [x], {"T": tf.float32}, f"{name}/y")
    y._set_device("/device:GPU:0")
    config = tf.ConfigProto(log_device_placement=True, allow_soft_placement=True)
    with caplog.at_level(logging.INFO, logger="holdfast.placement"):
        tf.Session(config=config).run(y, {x: [0.0, 1.0]})
    assert all(_is_harmless(record.getMessage()) and "\n" not in record.getMessage() for record in caplog.records)


def test_attributes(name: str, sess: Any) -> None:
    """Shared names, containers, colocation groups and unknown attributes are data."""
    raw = name.encode(errors="surrogatepass")
    attrs = {"shared_name": raw, "container": raw, "_class": [b"loc:@" + raw, b"loc:@\xff"], raw.hex(): raw}
    v, same = _variable("v", **attrs), _variable("w", **attrs)
    sess.run(tf.assign(v, [1.0, 2.0]))
    for _ in range(2):
        assert sess.run(same).tolist() == [1.0, 2.0]


def test_tokens_of_python_functions(name: str, sess: Any) -> None:
    """A token that this process did not register finds nothing, whatever it says."""
    token = name.encode(errors="surrogatepass")
    call = _make("PyFunc", [], {"token": token, "Tin": [], "Tout": [tf.float32]}, "call")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"^No Python function is registered under b") as caught:
        sess.run(call)
    assert _is_harmless(str(caught.value))


def test_predicates(name: str, sess: Any) -> None:
    """A condition with a hostile name chooses as it should, and is told escaped."""
    p = _make("Placeholder", [], {"dtype": tf.bool, "shape": tf.TensorShape([])}, name).outputs[0]
    p._shape = tf.TensorShape([])
    off, on = _make("Switch", [tf.constant([1.0, 2.0]), p], {"T": tf.float32}, f"{name}/switch").outputs
    merged = tf.negative(on) + 0.0
    out = _make("Merge", [off, merged], {"T": tf.float32, "N": 2}, f"{name}/merge").outputs[0]
    for _ in range(2):
        assert sess.run(out, {p: True}).tolist() == [-1.0, -2.0]
        assert sess.run(out, {p: False}).tolist() == [1.0, 2.0]
    text = io.StringIO()
    sess.explain(out, [p], file=text)
    assert _is_harmless(text.getvalue())
