from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner

from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.cli import main
from tests.unit.checkpoint_files import flip, series

TENSORS: dict[str, Any] = {
    "w": np.arange(20, dtype=np.float32).reshape(4, 5),
    "b": np.array(5, np.int32),
    "s": np.array([b"x", b"yy"], object),
    "l/k": np.array([True, False]),
    "half": np.array([1, 2, 4], ml_dtypes.bfloat16),
    "bad": np.array([1.0, np.nan, np.inf, 3.0]),
    "c": np.array([1j]),
}


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(prefix: str, tensors: dict[str, Any] | None = None) -> None:
    """Write a checkpoint in the default format."""
    found = TENSORS if tensors is None else tensors
    write_checkpoint(prefix, [tensor_source(name, np.asarray(array)) for name, array in found.items()], format="npz")


def run(*arguments: str) -> tuple[int, str]:
    """Run the command line; return its status and all that it printed."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def run_json(*arguments: str) -> tuple[int, Any]:
    """Run the command line with --json; return its status and what it printed, which is strict JSON."""
    code, output = run(*arguments, "--json")
    assert output.isascii()
    return code, json.loads(output, parse_constant=pytest.fail)


def row(output: str, start: str) -> list[str]:
    """Return the words of the line that begins with a word."""
    return next(line.split() for line in output.splitlines() if line.split()[:1] == [start])


def test_inspect() -> None:
    """Head and table are there; no value was read."""
    save("m")
    flip("m.npz", np.float32(19).tobytes())
    code, output = run("inspect", "m")
    assert code == 0
    assert row(output, "format:") == ["format:", "npz"]
    assert row(output, "integrity:") == ["integrity:", "digest"]
    assert row(output, "w")[:6] == ["w", "float32", "[4,", "5]", "80", "stored"]
    assert "7 tensors" in output
    assert run("inspect", "m", "--stats")[0] == 1


def test_inspect_figures() -> None:
    """Figures are shown on demand, of the tensors that are asked for."""
    save("m")
    code, output = run("inspect", "m", "--stats", "-t", "w", "-t", "ba*")
    assert code == 0
    assert row(output, "w")[-6:] == ["0", "9.5", "19", "5.766", "1", "██████████"]
    assert row(output, "bad")[-3:] == ["2", "not", "finite"]
    assert "2 tensors" in output
    assert "half" not in output


def test_inspect_histogram() -> None:
    """A histogram has a bar for each part of the range; that of one value has one bar."""
    save("m", {"w": np.array([0.0, 1.0, 1.0, 4.0]), "one": np.full(3, 2.5)})
    code, output = run("inspect", "m", "--histogram", "--bins", "4")
    assert code == 0
    bars = [line.split() for line in output[output.index("'w'") :].splitlines()]
    assert bars == [
        ["'w'"],
        ["0", "█" * 25, "1"],
        ["1", "█" * 50, "2"],
        ["2", "0"],
        ["3", "█" * 25, "1"],
        ["4"],
    ]
    assert f"2.5  {'█' * 50}  3\n         2.5\n" in output


def test_inspect_values() -> None:
    """Values are printed on demand, those that are too many are not."""
    save("m")
    code, output = run("inspect", "m", "--values", "-t", "half", "-t", "s")
    assert code == 0
    assert output.endswith("\n'half'\n[1 2 4]\n\n's'\n[b'x' b'yy']\n")
    save("large", {"x": np.zeros(9 << 20)})
    assert "too much to be printed" in run("inspect", "large", "--values")[1]


def test_inspect_json() -> None:
    """JSON has everything, values and figures where they are asked for."""
    save("m")
    code, found = run_json("inspect", "m", "--stats", "--values")
    tensors = {item["name"]: item for item in found["tensors"]}
    assert (code, found["schema"], found["format"], found["integrity"]) == (0, "holdfast.inspect/1", "npz", "digest")
    assert found["ratio"] > 1
    assert tensors["bad"]["values"] == [1.0, "nan", "inf", 3.0]
    assert tensors["s"]["values"] == ["x", "yy"]
    assert tensors["c"]["values"] == [[0.0, 1.0]]
    assert tensors["w"]["statistics"]["histogram"] == [2] * 10
    assert run_json("inspect", "m")[1]["tensors"][0]["statistics"] is None


def test_verify() -> None:
    """One line a checkpoint; the status says whether all are intact."""
    save("m")
    save("n")
    code, output = run("verify", "m", "n.npz")
    assert code == 0
    assert output.splitlines()[0].startswith("intact    m.npz (npz, integrity: digest): 7 tensors, ")
    flip("n.npz", np.float32(19).tobytes(), b"xyy")
    code, output = run("verify", "m", "n")
    assert code == 1
    assert [line.split(":")[0] for line in output.splitlines()[2:]] == ["    tensor 'w'", "    tensor 's'"]
    assert run("verify", ".", "-q")[1].startswith("damaged   ./n.npz")
    assert run("verify", "m", "-q") == (0, "")


def test_verify_goes_on() -> None:
    """What is not there does not keep the others from being verified; damage says more than that."""
    save("m")
    code, output = run("verify", "nope", "m", "nor this")
    assert code == 2
    assert output.count("not verified: no") == 2
    assert "intact    m.npz" in output
    flip("m.npz", np.float32(19).tobytes())
    assert run("verify", "nope", "m")[0] == 1


def test_verify_json() -> None:
    """JSON lists checkpoints, faults, notes and what is not there."""
    series(".", 2)
    flip("m.ckpt-1.npz", np.full(3, 1).tobytes())
    code, found = run_json("verify", ".", "nope")
    assert (code, found["schema"], found["intact"], found["notes"]) == (1, "holdfast.verify/1", False, [])
    first, second = found["checkpoints"]
    assert (first["path"], first["state"], first["faults"][0]["tensor"]) == ("./m.ckpt-1.npz", "damaged", "w")
    assert (second["state"], second["faults"], second["caveat"]) == ("intact", [], "")
    assert [item["path"] for item in found["errors"]] == ["nope"]
    assert run_json("verify", "m.ckpt-2")[1]["intact"] is True


def test_diff() -> None:
    """The table has a line for each tensor that differs, and the status is that of diff."""
    save("a")
    save("b", {**TENSORS, "w": TENSORS["w"] + 1, "new": np.zeros(2)})
    code, output = run("diff", "a", "b")
    assert code == 1
    assert row(output, "changed")[1:] == ["w", "float32", "[4,", "5]", "20", "of", "20", "1", "1"]
    assert row(output, "added") == ["added", "new", "float64", "[2]"]
    assert output.endswith("0 tensors removed, 1 added, 1 changed, 6 the same\n")
    assert run("diff", "a", "b", "-q") == (1, "")
    assert run("diff", "a", "a.npz")[0] == 0
    assert run("diff", "a", "b", "-t", "w", "--atol", "1")[0] == 0
    assert run("diff", "a", "b", "-t", "w", "--rtol", "0.01")[0] == 1


def test_diff_of_metadata() -> None:
    """Metadata is compared on demand."""
    series(".", 2)
    code, output = run("diff", "m.ckpt-1", "m.ckpt-2", "--metadata")
    assert code == 1
    assert "metadata global_step: 1 → 2\nmetadata metrics/loss: 1.0 → 0.5\n" in output


def test_diff_trouble() -> None:
    """Trouble of any kind is 2, as diff has it: damage, nothing there, a wrong tolerance."""
    save("a")
    save("b")
    flip("b.npz", np.float32(19).tobytes())
    assert run("diff", "a", "b")[0] == 2
    assert run("diff", "a", "nope")[0] == 2
    assert run("diff", "a", "a", "--rtol", "-1")[0] == 2
    assert run("diff", "a", "a", "-t", "nope")[0] == 2


def test_diff_json() -> None:
    """JSON has each difference with its figures; integers are exact."""
    save("a", {"n": np.array([2**62, 0]), "x": np.array([np.inf, 1.0])})
    save("b", {"n": np.array([-(2**62), 0]), "x": np.array([0.0, 1.0])})
    code, found = run_json("diff", "a", "b")
    assert (code, found["schema"], found["equal"], found["same"], found["added"]) == (
        1,
        "holdfast.diff/1",
        False,
        0,
        [],
    )
    first, second = found["changed"]
    assert (first["name"], first["max_difference"], first["dtypes"]) == ("n", 2**63, ["int64", "int64"])
    assert (second["changed"], second["non_finite"], second["max_difference"]) == (1, 1, 0.0)


def test_convert() -> None:
    """Tensors are renamed, cast and left out; the file is in the format of its suffix."""
    save("a", {"l1/w": np.array([1.0, 1 + 2**-10], np.float32), "l1/Adam": np.zeros(2), "n": np.array(1)})
    code, output = run(
        "convert", "a", "b.npz", "--map", r"l(\d)/(.*)=layer\1.\2", "--cast", "float32=bfloat16", "--drop", "*/Adam",
        "--option", "compression=deflate", "--option", "level=1",
    )  # fmt: skip
    assert code == 0
    assert output.splitlines()[0].startswith("a.npz (")
    assert output.splitlines()[0].endswith("format npz: 2 tensors, 1 renamed, 1 left out")
    assert row(output, "l1/w")[1:] == ["float32", "→", "bfloat16", "1", "of", "2", "0.000977", "0", "0"]
    with open_checkpoint("b") as checkpoint:
        assert {name: entry.dtype.name for name, entry in checkpoint.entries.items()} == {
            "layer1.w": "bfloat16",
            "n": "int64",
        }


def test_convert_json() -> None:
    """JSON is the report."""
    save("a")
    code, found = run_json("convert", "a", "b", "--format", "npz", "--cast", "w=int8", "-t", "w", "-t", "b")
    assert (code, found["schema"], found["path"], found["tensors"]) == (0, "holdfast.convert/1", "b.npz", 2)
    assert found["dropped"] == ["s", "l/k", "half", "bad", "c"]
    assert [item["after"] for item in found["casts"]] == ["int8"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a", "a"],
        ["a", "there"],
        ["nope", "b"],
        ["a", "no/b"],
        ["a", "b", "--format", "nope"],
        ["a", "b", "--option", "level"],
        ["a", "b", "--format", "npz", "--option", "level=99"],
        ["a", "b", "--map", "no rule"],
        ["a", "b", "--map", "nope=x"],
        ["a", "b", "--cast", "w=nope"],
        ["a", "b", "--cast", "bad=int8"],
        ["a", "b", "--limit", "10"],
        ["a", "b", "--limit", "much"],
        ["a", "b", "-t", "nope"],
    ],
    ids=" ".join,
)
def test_convert_that_cannot_be(arguments: list[str]) -> None:
    """What cannot be done is a message without a traceback and status 2, and leaves nothing."""
    save("a")
    save("there")
    before = Path("there.npz").read_bytes()
    code, output = run("convert", *arguments)
    assert code == 2
    assert "Error: " in output
    assert "Traceback" not in output
    assert sorted(os.listdir()) == ["a.npz", "there.npz"]
    assert Path("there.npz").read_bytes() == before


def test_convert_by_force() -> None:
    """What is there is replaced with --force; overflow and large sizes have their switches; damage is status 1."""
    save("a")
    save("b", {"old": np.zeros(1)})
    assert run("convert", "a", "b.npz", "--force", "--limit", "1M")[0] == 0
    assert run("diff", "a", "b")[0] == 0
    assert run("convert", "a", "c.npz", "--cast", "bad=int8", "--allow-overflow", "--limit", "none")[0] == 0
    flip("a.npz", np.float32(19).tobytes())
    assert run("convert", "a", "d.npz")[0] == 1
    assert not Path("d.npz").exists()


def test_ls() -> None:
    """Checkpoints are listed with what they say, the latest marked; a damaged one does not fail."""
    series(".", 3)
    Path("m.ckpt-1.npz").write_bytes(b"")
    code, output = run("ls")
    assert code == 0
    assert row(output, "m.ckpt-2")[1:] == ["2", "0", "s", *row(output, "m.ckpt-2")[4:6], "npz", "loss", "0.5"]
    assert row(output, "m.ckpt-3")[-1] == "latest"
    assert row(output, "m.ckpt-1")[-1] == "damaged"
    assert "damaged: ./m.ckpt-1.npz: file length: found an empty file" in output
    assert "3 checkpoints" in output


def test_ls_dry_run() -> None:
    """Rules say what would be deleted, and why; nothing is."""
    series(".", 7)
    code, output = run("ls", ".", "--dry-run")
    assert code == 0
    assert "not one of the latest 5" in output
    assert "2 of them would be deleted" in output
    output = run("ls", "--keep", "2", "--keep-best", "1", "--metric", "loss", "--mode", "max")[1]
    assert "4 of them would be deleted" in output
    assert "one of the best 1 by loss (max)" in output
    assert "0 of them would be deleted" in run("ls", "--keep", "0")[1]
    assert len(os.listdir()) == 8
    code, output = run("ls", "--keep-best", "2")
    assert code == 2
    assert "--keep-best needs --metric NAME" in output
    assert run("ls", "nope")[0] == 2


def test_ls_json() -> None:
    """JSON has each checkpoint with the verdict of the rules."""
    series(".", 3)
    code, found = run_json("ls", "--keep", "1")
    assert (code, found["schema"], found["latest"], found["policy"]["latest"]) == (0, "holdfast.ls/1", "./m.ckpt-3", 1)
    assert [item["retention"] for item in found["checkpoints"]] == ["delete", "delete", "keep"]
    assert found["checkpoints"][0]["metrics"] == {"loss": 1.0}
    assert run_json("ls")[1]["policy"] is None
