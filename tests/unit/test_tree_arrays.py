from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import array_api_strict
import ml_dtypes
import numpy as np
import pytest

from holdfast.checkpoint import load, save
from holdfast.checkpoint.tree_sources import tree_sources
from holdfast.errors import InvalidArgumentError
from tests.property.tree_strategies import same_tree


class HostArray:
    """An array of a library that has DLPack and nothing else."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __dlpack__(self, **_: Any) -> Any:
        return self.values.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class DeviceArray:
    """An array on a GPU, as far as DLPack tells, that is handed out on the host when asked for."""

    def __init__(self, values: Any) -> None:
        self.values = values
        self.dtype, self.shape = f"library.{values.dtype}", values.shape
        self.fetched = 0

    def __dlpack__(self, *, dl_device: Any = None, **_: Any) -> Any:
        if dl_device != (1, 0):
            raise BufferError("it lies on a GPU")
        self.fetched += 1
        return self.values.copy().__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


class OlderDeviceArray(DeviceArray):
    """A library that knows no devices in DLPack yet, and has ``get``, as CuPy."""

    def __dlpack__(self, stream: Any = None) -> Any:  # type: ignore[override]
        raise AssertionError("NumPy asks with arguments that this has not")

    def get(self) -> Any:
        """Return a copy on the host."""
        self.fetched += 1
        return self.values.copy()


class Locked(HostArray):
    """An array that its library does not hand out."""

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("it requires grad")


@pytest.mark.parametrize("kind", [HostArray, DeviceArray, OlderDeviceArray, array_api_strict.asarray])
def test_arrays_of_other_libraries(tmp_path: Path, kind: Any) -> None:
    """Whatever has DLPack is saved, and comes back as NumPy's; with its values of the call in the background."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    save(f"{tmp_path}/a", {"x": kind(values)})
    assert same_tree(load(f"{tmp_path}/a"), {"x": values})
    changed = values.copy()
    pending = save(f"{tmp_path}/b", {"x": kind(changed)}, block=False)
    changed[:] = 9
    pending.result()
    assert same_tree(load(f"{tmp_path}/b"), {"x": values})


def test_arrays_without_dimensions_are_no_scalars(tmp_path: Path) -> None:
    """What another library has as an array comes back as one."""
    save(f"{tmp_path}/m", {"x": array_api_strict.asarray(2.0)})
    assert same_tree(load(f"{tmp_path}/m"), {"x": np.array(2.0)})


def test_a_device_is_asked_when_its_turn_comes() -> None:
    """A blocking save fetches one array at a time; one in the background fetches each once, at the call."""
    array = DeviceArray(np.ones(3))
    (source,) = tree_sources({"x": array}, copy=False).sources
    assert (source.dtype.name, source.shape, array.fetched) == ("float64", (3,), 0)
    assert source.read().tolist() == [1, 1, 1]
    (source,) = tree_sources({"x": array}, copy=True).sources
    assert array.fetched == 2
    array.values[:] = 5
    assert source.read().tolist() == [1, 1, 1]


def test_an_array_that_is_not_handed_out(tmp_path: Path) -> None:
    """The error says where it stands and what its library said."""
    with pytest.raises(InvalidArgumentError, match=r"at 'x' is a Locked that its library .*: it requires grad"):
        save(f"{tmp_path}/m", {"x": Locked(np.ones(1))})


@pytest.mark.parametrize(
    "array",
    [
        np.arange(4, dtype=">i4"),
        np.arange(4, dtype=ml_dtypes.bfloat16),
        ml_dtypes.bfloat16(1.5),
        np.arange(4, dtype=ml_dtypes.float8_e4m3fn),
        np.array([np.nan, -0.0, np.inf], np.float16),
        np.array([1 + 2j], np.complex64),
        np.arange(12).reshape(3, 4)[::2, ::-1],
        np.array(["ü", "x\udc80"]),
        np.array([b"a\0b", b""], object),
        np.array("2020-01-01T00:00", "M8[25m]"),
        np.timedelta64(3, "D"),
        np.str_("ü"),
        np.bytes_(b"ab"),
        np.array(["a", "b" * 40], np.dtypes.StringDType()),
        np.array(5),
        np.zeros((0, 3), np.int8),
    ],
    ids=lambda array: str(array.dtype),
)
def test_dtypes(tmp_path: Path, array: Any) -> None:
    """NumPy's arrays and scalars come back with their dtype, in native byte order."""
    save(f"{tmp_path}/m", [array])
    assert same_tree([array], load(f"{tmp_path}/m"))


def test_subclasses_of_arrays_come_back_as_arrays(tmp_path: Path) -> None:
    """A memory map and a matrix are saved for their values."""
    mapped = np.memmap(tmp_path / "data", np.int16, "w+", shape=(3,))
    with warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning):
        save(f"{tmp_path}/m", {"mapped": mapped, "matrix": np.asmatrix([[1, 2]])})
    loaded = load(f"{tmp_path}/m")
    assert type(loaded["mapped"]) is np.ndarray
    assert same_tree(loaded["matrix"], np.array([[1, 2]]))


def test_a_blocking_save_borrows() -> None:
    """Arrays of the host, of whatever library, are written from where they lie."""
    array = np.ones((3, 4))
    tree = {"a": array, "b": array_api_strict.asarray(array, copy=False), "c": HostArray(array)}
    assert all(np.shares_memory(source.read(), array) for source in tree_sources(tree, copy=False).sources)
    assert not any(np.shares_memory(source.read(), array) for source in tree_sources(tree, copy=True).sources)


def test_memory_of_saves(tmp_path: Path) -> None:
    """A blocking save needs little memory besides the arrays, one in the background one copy of them."""
    tree = {str(n): np.ones(1 << 20) for n in range(4)}  # 32 MiB
    save(f"{tmp_path}/m", tree)  # what is imported once
    assert _peak(lambda: save(f"{tmp_path}/m", tree)) < 12 << 20
    assert 32 << 20 <= _peak(lambda: save(f"{tmp_path}/m", tree, block=False).result()) < 44 << 20


def _peak(action: Any) -> int:
    """Return how much more memory an action took at its worst moment."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
