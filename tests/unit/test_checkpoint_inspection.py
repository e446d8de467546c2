from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast.checkpoint import SaveMetadata, inspect, tensor_source, write_checkpoint
from holdfast.checkpoint.regions import pieces
from holdfast.contracts import Entry
from holdfast.errors import CorruptCheckpointError, NotFoundError
from holdfast.python.tools import inspect_checkpoint
from holdfast_npz import SPEC

TENSORS: dict[str, Any] = {
    "w": np.arange(20, dtype=np.float32).reshape(4, 5),
    "b": np.array(5, np.int32),
    "s": np.array([b"x", b"yy"], object),
    "e": np.zeros((2, 0)),
    "l/k": np.array([True, False]),
    "half": np.array([1, 2, 4], ml_dtypes.bfloat16),
    "bad": np.array([1.0, np.nan, np.inf, 3.0]),
    "c": np.array([1j]),
}


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    """Return a checkpoint of tensors of many kinds."""
    metadata = SaveMetadata(global_step=7, metrics={"loss": 0.25}, user={"note": "[red]\x1b[2J"})
    sources = [tensor_source(name, array) for name, array in TENSORS.items()]
    return write_checkpoint(f"{tmp_path}/m.ckpt", sources, metadata=metadata, formats=[SPEC]).prefix


def test_what_is_known_of_a_checkpoint(prefix: str) -> None:
    """The summary names file, format and metadata, and each tensor with dtype, shape and size."""
    found = inspect(prefix, formats=[SPEC])
    assert (found.path, found.prefix, found.format, found.integrity) == (f"{prefix}.npz", prefix, "npz", "digest")
    assert (found.nbytes, found.metadata.global_step) == (os.path.getsize(found.path), 7)
    tensors = {item.name: item for item in found.tensors}
    assert list(tensors) == sorted(TENSORS)
    assert (tensors["w"].dtype, tensors["w"].shape, tensors["w"].nbytes) == ("float32", (4, 5), 80)
    assert (tensors["s"].dtype, tensors["s"].nbytes, tensors["half"].dtype) == ("string", 3, "bfloat16")


def test_figures(prefix: str) -> None:
    """Minimum, mean, maximum and histogram are those of the finite values; the others are counted."""
    figures = {item.name: item.statistics for item in inspect(prefix, formats=[SPEC]).tensors}
    w, bad, scalar = figures["w"], figures["bad"], figures["b"]
    assert w is not None
    assert (w.zeros, round(w.deviation, 3)) == (1, 5.766)
    assert bad is not None
    assert scalar is not None
    assert (w.minimum, w.mean, w.maximum, w.non_finite, w.histogram) == (0.0, 9.5, 19.0, 0, (2,) * 10)
    assert (bad.minimum, bad.mean, bad.maximum, bad.non_finite) == (1.0, 2.0, 3.0, 2)
    assert (scalar.mean, sum(scalar.histogram)) == (5.0, 1)
    assert [name for name, item in figures.items() if item is None] == ["c", "e", "s"]


def test_patterns_and_bins(prefix: str) -> None:
    """Patterns say which tensors are described, and histograms have as many bars as are asked for."""
    found = inspect(prefix, names=["l/*", "w"], bins=4, formats=[SPEC])
    assert [item.name for item in found.tensors] == ["l/k", "w"]
    assert found.tensors[1].statistics is not None
    assert found.tensors[1].statistics.histogram == (5, 5, 5, 5)
    assert found.ratio == sum(item.stored_nbytes or 0 for item in found.tensors) / 82
    assert found.caveat == ""


def test_progress(prefix: str) -> None:
    """Progress goes up to the bytes of the values."""
    told: list[tuple[int, int]] = []
    inspect(prefix, progress=lambda *seen: told.append(seen), formats=[SPEC])
    assert told == sorted(told)
    assert told[-1] == (sum(item.nbytes for item in inspect(prefix, formats=[SPEC]).tensors),) * 2


def test_figures_of_nothing_finite(tmp_path: Path) -> None:
    """A tensor without a finite value has NaN for figures; one at the limits of float64 has a histogram."""
    tensors = {
        "nan": np.full(3, np.nan),
        "wide": np.array([-1.7e308, 1.7e308]),
        "tiny": np.array([1.0, np.nextafter(1, 2)]),
        "least": np.array([0.0, 5e-324]),
    }
    sources = [tensor_source(name, array) for name, array in tensors.items()]
    write_checkpoint(f"{tmp_path}/m", sources, formats=[SPEC])
    figures = {item.name: item.statistics for item in inspect(tmp_path / "m", formats=[SPEC]).tensors}
    assert figures["nan"] is not None
    assert figures["wide"] is not None
    assert figures["tiny"] is not None
    assert math.isnan(figures["nan"].mean)
    assert (figures["nan"].non_finite, figures["nan"].histogram) == (3, ())
    assert (figures["wide"].mean, sum(figures["wide"].histogram)) == (0.0, 2)
    assert sum(figures["tiny"].histogram) == 2
    assert figures["least"] is not None
    assert figures["least"].histogram == (1, 0, 0, 0, 0, 0, 0, 0, 0, 1)


def test_large_tensors_are_read_in_pieces(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of a tensor that is read row by row are those of the whole."""
    whole = inspect(prefix, names=["w"], formats=[SPEC]).tensors
    monkeypatch.setattr("holdfast.checkpoint.inspection._PIECE_BYTES", 20)
    entry = Entry(TENSORS["w"].dtype, (4, 5), 80)
    assert list(pieces(entry, 20)) == [(slice(n, n + 1), slice(0, 5)) for n in range(4)]
    expected, found = whole[0].statistics, inspect(prefix, names=["w"], formats=[SPEC]).tensors[0].statistics
    assert found is not None
    assert expected is not None
    assert (found.minimum, found.maximum, found.histogram) == (expected.minimum, expected.maximum, expected.histogram)
    np.testing.assert_allclose([found.mean, found.deviation], [expected.mean, expected.deviation])


def test_without_figures_no_value_is_read(prefix: str) -> None:
    """Damage to values is found by reading them, and not without."""
    data = bytearray(Path(f"{prefix}.npz").read_bytes())
    data[data.index(np.float32(19).tobytes())] ^= 1
    Path(f"{prefix}.npz").write_bytes(data)
    assert all(item.statistics is None for item in inspect(prefix, statistics=False, formats=[SPEC]).tensors)
    with pytest.raises(CorruptCheckpointError):
        inspect(prefix, formats=[SPEC])


def test_a_name_that_is_not_there(prefix: str) -> None:
    """Asking for a tensor that is not there is a NotFoundError."""
    with pytest.raises(NotFoundError, match="Key nope not found in checkpoint"):
        inspect(prefix, names=["nope"], formats=[SPEC])


def tool(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """Print tensors as TensorFlow's tool does."""
    inspect_checkpoint.print_tensors_in_checkpoint_file(*arguments)
    return capsys.readouterr().out


def test_the_tool_lists(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing chosen the tensors are listed as TensorFlow does."""
    output = tool(capsys, prefix, "", False)
    assert output.startswith("b (DT_INT32) []\nbad (DT_DOUBLE) [4]\nc (DT_COMPLEX128) [1]\ne (DT_DOUBLE) [2,0]\n")
    assert output.endswith("w (DT_FLOAT) [4,5]\n\n")


def test_the_tool_prints_values(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One tensor or all are printed after their names, with two spaces."""
    assert tool(capsys, prefix, "l/k", False) == "tensor_name:  l/k\n[ True False]\n"
    assert tool(capsys, prefix, "", True).startswith("tensor_name:  b\n5\ntensor_name:  bad\n")


def test_the_tool_prints_errors(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is printed, not raised, with a hint where a file was given for a prefix."""
    assert tool(capsys, prefix, "nope", False) == "tensor_name:  nope\nKey nope not found in checkpoint\n"
    output = tool(capsys, f"{prefix}-9.meta", "", False)
    assert "Failed to find any matching files" in output
    assert output.endswith(f"Try:\ninspect checkpoint --file_name = {prefix}-9\n")


def test_the_tools_command_line(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """TensorFlow's flags work, print options included."""
    flags = ["--file_name", prefix, "--tensor_name=w", "--printoptions", "threshold=3", "edgeitems=1"]
    with np.printoptions():
        assert inspect_checkpoint.main(flags) == 0
    assert capsys.readouterr().out == "tensor_name:  w\n[[ 0. ...  4.]\n ...\n [15. ... 19.]]\n"
    assert inspect_checkpoint.main([]) == 1
    assert capsys.readouterr().out.startswith("Usage: inspect_checkpoint --file_name=")
    assert inspect_checkpoint.main(["--file_name", prefix, "--tensor_name=typo"]) == 1
    assert capsys.readouterr().out == "tensor_name:  typo\nKey typo not found in checkpoint\n"
    for wrong in ("precision", "nothing=1", "precision='a'"):
        with pytest.raises(SystemExit):
            inspect_checkpoint.main(["--file_name", prefix, "--printoptions", wrong])


def test_the_tool_is_a_program(prefix: str) -> None:
    """It runs with python -m, at TensorFlow's place."""
    command = [sys.executable, "-m", "holdfast.python.tools.inspect_checkpoint", "--file_name", prefix, "--all_tensors"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("tensor_name:  b\n5\n")
