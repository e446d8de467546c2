from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.errors import InvalidArgumentError
from holdfast_npz import SPEC


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6).reshape(2, 3)[:, ::-1],
        np.arange(6, dtype=">i4"),
        np.broadcast_to(np.float32(3), (2, 2)),
        np.array(5, ">f8"),
    ],
    ids=["fortran", "reversed", "swapped", "broadcast", "swapped scalar"],
)
def test_any_layout_is_read_contiguous_and_native(array: Any) -> None:
    """Layout and byte order of an array do not matter."""
    found = tensor_source("x", array).read()
    assert found.flags.c_contiguous
    assert found.dtype.isnative
    assert found.shape == array.shape
    assert np.array_equal(found, array)


def test_an_array_that_is_fine_is_not_copied() -> None:
    """A contiguous native array is handed on as it is."""
    array = np.arange(3.0)
    assert tensor_source("x", array).read() is array


@pytest.mark.parametrize(
    "array", [np.array(["a", "ü"]), np.array([b"a", "ü".encode()]), np.array(["a", "ü".encode()], object)], ids=repr
)
def test_strings_become_bytes(array: Any) -> None:
    """Strings of every kind of array are bytes, and their size is that of the bytes."""
    source = tensor_source("x", array)
    assert source.dtype == dtypes.string
    assert source.nbytes == 3
    assert source.read().tolist() == [b"a", b"\xc3\xbc"]


def test_what_is_no_string_is_refused() -> None:
    """An object array with anything but strings is refused."""
    with pytest.raises(InvalidArgumentError, match="holds int, expected bytes or str"):
        tensor_source("x", np.array([1, b"a"], object)).read()


def test_a_function_is_called_when_its_turn_comes(tmp_path: Path) -> None:
    """Values given by functions are asked for in order, each once."""
    calls: list[str] = []

    def values(name: str) -> Any:
        calls.append(name)
        return np.full((2,), len(calls), np.float32)

    sources = [tensor_source(name, partial(values, name), dtype=dtypes.float32, shape=(2,)) for name in ("b", "a")]
    assert calls == []
    write_checkpoint(f"{tmp_path}/m", sources, formats=[SPEC])
    assert calls == ["b", "a"]
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.read("a").tolist() == [2.0, 2.0]


def test_a_function_that_breaks_its_word_leaves_nothing(tmp_path: Path) -> None:
    """Values of another shape than announced are an error, and no file is left."""
    source = tensor_source("x", lambda: np.zeros(3), dtype=np.float64, shape=(2,))
    with pytest.raises(InvalidArgumentError, match=r"announced as float64 \[2\], and its values are float64 \[3\]"):
        write_checkpoint(f"{tmp_path}/m", [source], formats=[SPEC])
    assert list(tmp_path.iterdir()) == []


def test_a_function_needs_dtype_and_shape() -> None:
    """Values by a function without dtype and shape are refused."""
    with pytest.raises(TypeError, match="needs dtype= and shape="):
        tensor_source("x", lambda: np.zeros(2))


def test_types_that_no_array_holds() -> None:
    """A resource cannot be saved."""
    with pytest.raises(TypeError, match="no NumPy equivalent"):
        tensor_source("x", np.zeros(2), dtype=dtypes.resource)
