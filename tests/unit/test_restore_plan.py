from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.checkpoint import (
    OpenCheckpoint,
    RestoreMismatchError,
    RestoreNotFoundError,
    TensorRequest,
    open_checkpoint,
    parse_slice_spec,
    plan_restore,
    tensor_source,
    write_checkpoint,
)
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError, NotFoundError
from holdfast_npz import SPEC

TENSORS: dict[str, Any] = {
    "layer1/weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "layer1/biases": np.zeros(3, np.float32),
    "step": np.array(7),
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[OpenCheckpoint]:
    """Return an open checkpoint of three tensors."""
    write_checkpoint(f"{tmp_path}/m", [tensor_source(n, a) for n, a in TENSORS.items()], formats=[SPEC])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as opened:
        yield opened


def request(name: str, dtype: Any = dtypes.float32, shape: Any = (2, 3), **more: Any) -> TensorRequest:
    """Ask for a tensor."""
    return TensorRequest(name, dtype, shape, **more)


WEIGHTS = request("layer1/weights")


def test_everything_fits(checkpoint: OpenCheckpoint) -> None:
    """Values come in the order of the requests, as fresh arrays; the report tells what was left."""
    plan = plan_restore(checkpoint, [request("step", dtypes.int64, ()), WEIGHTS, WEIGHTS])
    step, first, second = plan.read()
    assert step is not None
    assert first is not None
    assert int(step) == 7
    assert np.array_equal(first, TENSORS["layer1/weights"])
    assert first is not second
    assert plan.report.restored == ("step", "layer1/weights")
    assert plan.report.unexpected == ("layer1/biases",)
    assert plan.report.prefix.endswith("/m")


def test_a_ref_dtype_means_its_base(checkpoint: OpenCheckpoint) -> None:
    """The dtype of a variable is that of what it holds."""
    plan_restore(checkpoint, [request("layer1/weights", dtypes.float32_ref)])


def test_what_is_not_said_is_not_compared(checkpoint: OpenCheckpoint) -> None:
    """A request without dtype and shape takes what is stored."""
    (found,) = plan_restore(checkpoint, [TensorRequest("step")]).read()
    assert found is not None
    assert found.dtype == np.int64


def test_a_missing_key(checkpoint: OpenCheckpoint) -> None:
    """A missing tensor is a NotFoundError with TensorFlow's line first."""
    with pytest.raises(RestoreNotFoundError) as caught:
        plan_restore(checkpoint, [request("zzz", shape=(9,)), WEIGHTS])
    assert isinstance(caught.value, NotFoundError)
    lines = caught.value.message.splitlines()
    assert lines[0] == "Key zzz not found in checkpoint"
    assert lines[1].startswith("1 of 2 tensors cannot be restored from '")
    assert lines[2] == "  missing: zzz float32 [9]"
    assert caught.value.report.missing == ("zzz",)


def test_a_shape_that_differs(checkpoint: OpenCheckpoint) -> None:
    """Another shape is an InvalidArgumentError with TensorFlow's line first."""
    with pytest.raises(RestoreMismatchError) as caught:
        plan_restore(checkpoint, [request("layer1/biases", shape=(2, 2))])
    assert isinstance(caught.value, InvalidArgumentError)
    lines = caught.value.message.splitlines()
    assert lines[0] == "Assign requires shapes of both tensors to match. lhs shape= [2,2] rhs shape= [3]"
    assert lines[2] == "  shape differs: layer1/biases is float32 [3] in the checkpoint, wanted was float32 [2, 2]"


def test_a_dtype_that_differs(checkpoint: OpenCheckpoint) -> None:
    """Another dtype is an error, never other values."""
    with pytest.raises(RestoreMismatchError) as caught:
        plan_restore(checkpoint, [request("layer1/weights", dtypes.int32)])
    first = "tensor_name = layer1/weights; expected dtype int32 does not equal original dtype float"
    assert caught.value.message.splitlines()[0] == first


def test_one_error_for_everything(checkpoint: OpenCheckpoint) -> None:
    """What is missing comes first and makes it a NotFoundError; all is listed, and in the report."""
    wanted = [request("step"), request("a"), WEIGHTS, request("layer1/biases", shape=(4,)), request("b")]
    with pytest.raises(RestoreNotFoundError) as caught:
        plan_restore(checkpoint, wanted)
    report = caught.value.report
    assert report.missing == ("a", "b")
    assert [mismatch.name for mismatch in report.mismatched] == ["step", "layer1/biases"]
    assert report.restored == ("layer1/weights",)
    assert caught.value.message.splitlines()[0] == "Key a not found in checkpoint"
    assert "4 of 5 tensors" in caught.value.message


@pytest.mark.parametrize(
    "name, shape, hint",
    [
        ("layer1/weight", (2, 3), "did you mean 'layer1/weights' (float32 [2, 3])?"),
        ("dense/kernel", (2, 3), "of its shape there is 'layer1/weights' (float32 [2, 3])"),
        ("dense/kernel", (8, 8), None),
    ],
)
def test_suggestions(checkpoint: OpenCheckpoint, name: str, shape: Any, hint: str | None) -> None:
    """A missing name is answered by a similar one, else by those of its shape."""
    with pytest.raises(RestoreNotFoundError) as caught:
        plan_restore(checkpoint, [request(name, shape=shape)])
    line = caught.value.message.splitlines()[2]
    assert line == f"  missing: {name} float32 {list(shape)}" + (f"; {hint}" if hint else "")


def test_the_label_names_what_the_tensor_is_for(checkpoint: OpenCheckpoint) -> None:
    """A message names the variable where the checkpoint has another name for it."""
    with pytest.raises(RestoreNotFoundError, match=r"missing: qqq float32 \[1\] \(for 'params'\)"):
        plan_restore(checkpoint, [request("qqq", shape=(1,), label="params")])


def test_a_long_list_is_cut_in_the_message_only(checkpoint: OpenCheckpoint) -> None:
    """Thousands of missing tensors give a message that can be read, and a complete report."""
    with pytest.raises(RestoreNotFoundError, match="and 2,000 more") as caught:
        plan_restore(checkpoint, [request(f"{number:x}" * 40, shape=(1,)) for number in range(3000)])
    assert len(caught.value.report.missing) == 3000


def test_partial_restores(checkpoint: OpenCheckpoint) -> None:
    """With strict=False what does not fit is left out, but something must be restored."""
    plan = plan_restore(checkpoint, [WEIGHTS, request("a"), request("step")], strict=False)
    assert plan.sources == ("layer1/weights", None, None)
    assert [values is None for values in plan.read()] == [False, True, True]
    with pytest.raises(RestoreNotFoundError):
        plan_restore(checkpoint, [request("a")], strict=False)


def test_exact_restores(checkpoint: OpenCheckpoint) -> None:
    """With strict="exact" a tensor that nobody asked for is an error."""
    with pytest.raises(RestoreMismatchError, match="unexpected: 'layer1/biases'"):
        plan_restore(checkpoint, [WEIGHTS, TensorRequest("step")], strict="exact")
    plan_restore(checkpoint, [TensorRequest(name) for name in TENSORS], strict="exact")


@pytest.mark.parametrize(
    "mapping",
    [
        {"params": "layer1/weights"},
        [(r"nothing", "x"), (r"par(am)s", r"layer1/weights")],
        lambda name: name.replace("params", "layer1/weights"),
    ],
)
def test_mappings(checkpoint: OpenCheckpoint, mapping: Any) -> None:
    """A dict, rules or a function turn wanted names into those of the checkpoint."""
    plan = plan_restore(checkpoint, [request("params")], mapping=mapping)
    assert plan.report.renamed == (("params", "layer1/weights"),)
    (found,) = plan.read()
    assert found is not None
    assert np.array_equal(found, TENSORS["layer1/weights"])


def test_rules_use_groups_and_the_first_that_matches(checkpoint: OpenCheckpoint) -> None:
    """A rule matches the whole name, and its replacement may use groups."""
    rules = [("encoder/(.*)", r"layer1/\1"), ("encoder/weights", "step")]
    assert plan_restore(checkpoint, [request("encoder/weights")], mapping=rules).sources == ("layer1/weights",)
    with pytest.raises(InvalidArgumentError, match="is no regular expression"):
        plan_restore(checkpoint, [WEIGHTS], mapping=[("(", "x")])


def test_mapping_to_none_leaves_out(checkpoint: OpenCheckpoint) -> None:
    """A name that is mapped to None is not restored, and not missing."""
    plan = plan_restore(checkpoint, [WEIGHTS, request("new")], mapping={"new": None})
    assert plan.sources == ("layer1/weights", None)
    assert plan.report.missing == ()


def test_reshaping(checkpoint: OpenCheckpoint) -> None:
    """With reshape another shape of as many elements is fine, and only then."""
    (found,) = plan_restore(checkpoint, [request("layer1/weights", shape=(3, 2), reshape=True)]).read()
    assert found is not None
    assert found.tolist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(RestoreMismatchError):
        plan_restore(checkpoint, [request("layer1/weights", shape=(7,), reshape=True)])


def test_parts(checkpoint: OpenCheckpoint) -> None:
    """A part is compared by the shape of the whole, and read alone."""
    part = parse_slice_spec("2 3 1,1:-")
    (found,) = plan_restore(checkpoint, [request("layer1/weights", shape=(1, 3), part=part)]).read()
    assert found is not None
    assert found.tolist() == [[3, 4, 5]]
    with pytest.raises(
        RestoreMismatchError, match=r"spec \[4, 3\] does not match the shape stored in checkpoint: \[2, 3\]"
    ):
        plan_restore(checkpoint, [request("layer1/weights", shape=(1, 3), part=parse_slice_spec("4 3 1,1:-"))])


def test_nothing_is_handed_out_if_anything_is_damaged(tmp_path: Path) -> None:
    """Damage in the last tensor fails the whole read."""
    write_checkpoint(f"{tmp_path}/m", [tensor_source(n, a) for n, a in TENSORS.items()], formats=[SPEC])
    data = (tmp_path / "m.npz").read_bytes()
    position = data.index((7).to_bytes(8, "little"))
    (tmp_path / "m.npz").write_bytes(data[:position] + b"\x08" + data[position + 1 :])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as damaged:
        plan = plan_restore(damaged, [TensorRequest(name) for name in TENSORS])
        with pytest.raises(CorruptCheckpointError, match=r"digest of member step\.npy"):
            plan.read()
