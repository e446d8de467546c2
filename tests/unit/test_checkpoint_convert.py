from __future__ import annotations

import errno
import tracemalloc
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast import checkpoint
from holdfast.checkpoint import convert, diff, open_checkpoint, pin, tensor_source, verify, write_checkpoint
from holdfast.contracts import FormatSpec, Outputs, TensorSource
from holdfast.errors import (
    AlreadyExistsError,
    CheckpointLimitError,
    CorruptCheckpointError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from holdfast.testing.format_suite import DTYPES, SHAPES, same, values
from holdfast.testing.two_file_format import SPEC as TWO
from holdfast_npz import SPEC as NPZ
from tests.unit.checkpoint_files import BOTH, files, flip, save, series

TENSORS: dict[str, Any] = {"l1/w": np.arange(6.0).reshape(2, 3), "l1/b": np.zeros(3), "n": np.array(7)}


def names_in(path: Path | str) -> list[str]:
    """Return the names of the tensors of a checkpoint."""
    with open_checkpoint(path, formats=BOTH) as opened:
        return list(opened.entries)


def read(path: Path | str, name: str) -> Any:
    """Return a tensor."""
    with open_checkpoint(path, formats=BOTH) as opened:
        return opened.read(name)


@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}], ids=["stored", "deflate"])
def test_every_dtype_and_shape(tmp_path: Path, options: dict[str, Any]) -> None:
    """A copy has every tensor bit for bit, in the stored order, and so has a copy of the copy."""
    tensors = {f"{dtype}/{shape}": values(dtype, shape) for dtype in DTYPES for shape in SHAPES}
    save(tmp_path / "a", tensors)
    convert(tmp_path / "a", tmp_path / "b", format_options=options, formats=[NPZ])
    convert(tmp_path / "b", tmp_path / "c", formats=[NPZ])
    assert names_in(tmp_path / "c") == list(tensors)
    for copy in ("b", "c"):
        with open_checkpoint(tmp_path / copy, formats=[NPZ]) as opened:
            assert [name for name, array in tensors.items() if not same(opened.read(name), array)] == []


def test_what_was_done(tmp_path: Path) -> None:
    """The report names both files and their sizes; the file that is made is a sound checkpoint."""
    source = save(tmp_path / "a", TENSORS)
    found = convert(tmp_path / "a", tmp_path / "b", format="two-files", formats=BOTH)
    assert (found.source, found.path, found.prefix) == (source.path, f"{tmp_path}/b.tidx", f"{tmp_path}/b")
    assert (found.format, found.tensors, found.source_nbytes) == ("two-files", 3, source.nbytes)
    assert found.nbytes == sum((tmp_path / f"b{suffix}").stat().st_size for suffix in TWO.suffixes)
    assert (found.renamed, found.dropped, found.casts) == ((), (), ())
    assert verify(tmp_path / "b", formats=BOTH).intact


def test_the_suffix_says_the_format(tmp_path: Path) -> None:
    """A target with the suffix of a format is a file in it; another format that is asked for keeps the name."""
    save(tmp_path / "a", TENSORS)
    assert convert(tmp_path / "a", tmp_path / "b.tidx", formats=BOTH).path == f"{tmp_path}/b.tidx"
    found = convert(tmp_path / "a", tmp_path / "c.tidx", format="npz", formats=BOTH)
    assert found.path == f"{tmp_path}/c.tidx.npz"


def test_metadata_is_carried_over(tmp_path: Path) -> None:
    """Step, metrics, random streams and the user's come along; lineage, sequence and time are new."""
    said: dict[str, Any] = {"global_step": 3, "metrics": {"l": 0.5}, "random_streams": {"k": 1}, "user": {"a": [None]}}
    source = save(tmp_path / "a", TENSORS, **said)
    convert(tmp_path / "a", tmp_path / "b", formats=BOTH)
    with open_checkpoint(tmp_path / "b", formats=BOTH) as opened:
        found = opened.metadata
    assert (found.global_step, found.metrics, found.random_streams, found.user) == tuple(said.values())
    assert found.lineage not in {None, source.lineage}
    assert found.save_sequence > source.save_sequence


def test_trees(tmp_path: Path) -> None:
    """A tree stays one, with its plain values; where its names or other types change it is a dict of its tensors."""
    tree = {"w": np.array([1.0, 2.5]), "n": [3, "x"], "when": np.array("2020-01-01", "M8[s]"), "text": "x" * 100_000}
    checkpoint.save(tmp_path / "a", tree, format="npz")
    convert(tmp_path / "a", tmp_path / "b", cast={"float64": "float32"}, format="npz")
    found = checkpoint.load(tmp_path / "b")
    assert (found["w"].dtype, found["n"], found["when"], found["text"]) == (
        "float32",
        [3, "x"],
        tree["when"],
        tree["text"],
    )
    convert(tmp_path / "a", tmp_path / "c", mapping={"w": "v"}, format="npz")
    assert checkpoint.load(tmp_path / "c", names=["v"])["v"].tolist() == [1.0, 2.5]
    convert(tmp_path / "a", tmp_path / "d", cast={"when": "int32"}, format="npz")
    assert checkpoint.load(tmp_path / "d")["when"].dtype == "int32"


def test_mapping(tmp_path: Path) -> None:
    """Rules, a dict or a function give new names; None leaves a tensor out."""
    save(tmp_path / "a", TENSORS)
    mappings: list[Any] = [
        [(r"l(\d)/(.*)", r"layer\1.\2"), ("n", "count")],
        {"l1/w": "layer1.w", "l1/b": "layer1.b", "n": "count"},
        lambda name: name.replace("l1/", "layer1.").replace("n", "count"),
    ]
    for number, mapping in enumerate(mappings):
        found = convert(tmp_path / "a", f"{tmp_path}/b{number}", mapping=mapping, formats=BOTH)
        assert names_in(f"{tmp_path}/b{number}") == ["layer1.w", "layer1.b", "count"]
        assert found.renamed == (("l1/w", "layer1.w"), ("l1/b", "layer1.b"), ("n", "count"))
    found = convert(tmp_path / "a", tmp_path / "c", mapping={"n": None}, formats=BOTH)
    assert (found.dropped, found.tensors, found.renamed) == (("n",), 2, ())


def test_some_tensors(tmp_path: Path) -> None:
    """Patterns say which tensors are copied and which are left out; one that means nothing is an error."""
    save(tmp_path / "a", TENSORS)
    found = convert(tmp_path / "a", tmp_path / "b", names=["l1/*", "n"], drop=["*/b"], formats=BOTH)
    assert (names_in(tmp_path / "b"), found.dropped) == (["l1/w", "n"], ("l1/b",))
    for wrong in ({"names": ["l2/*"]}, {"drop": ["l2/*"]}):
        with pytest.raises(NotFoundError, match=r"No tensor of the checkpoint matches 'l2/\*'"):
            convert(tmp_path / "a", tmp_path / "c", formats=BOTH, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "mapping, message",
    [
        ({"l1/w": "x", "n": "x"}, "Tensors 'l1/w' and 'n' would both get the name 'x'"),
        ({"l1/v": "x"}, "The mapping rule 'l1/v' means no tensor"),
        ([("l1/v", "x")], "The mapping rule 'l1/v' means no tensor"),
        ([(".*", "x"), ("n", "y")], "The mapping rule 'n' means no tensor"),
        ([("(", "x")], "is no regular expression"),
        (lambda name: None, "Nothing is left to be converted"),
        ({"n": "x\n"}, "it contains a control character"),
    ],
)
def test_mappings_that_are_slips(tmp_path: Path, mapping: Any, message: str) -> None:
    """A rule that does nothing, names that meet, and names that no checkpoint may hold are refused."""
    save(tmp_path / "a", TENSORS)
    with pytest.raises(InvalidArgumentError, match=message.replace("(", r"\(")):
        convert(tmp_path / "a", tmp_path / "b", mapping=mapping, formats=BOTH)
    assert files(tmp_path) == ["a.npz"]


def test_casting(tmp_path: Path) -> None:
    """Tensors of a dtype, or of a name, get another; the first rule counts, and the report says what was lost."""
    tensors = {**TENSORS, "l1/w": np.array([1.0, 1 + 2**-10, 3.0]), "l2/w": np.array([1.0])}
    save(tmp_path / "a", tensors)
    found = convert(tmp_path / "a", tmp_path / "b", cast=[("l2/*", "float32"), ("float64", "bfloat16")], formats=BOTH)
    kept = {name: read(tmp_path / "b", name) for name in tensors}
    assert {name: str(array.dtype) for name, array in kept.items()} == {
        "l1/w": "bfloat16",
        "l1/b": "bfloat16",
        "n": "int64",
        "l2/w": "float32",
    }
    assert same(kept["l1/w"], tensors["l1/w"].astype(ml_dtypes.bfloat16))
    casts = {item.name: item for item in found.casts}
    assert list(casts) == ["l1/w", "l1/b", "l2/w"]
    first = casts["l1/w"]
    assert (first.before, first.after, first.elements, first.inexact) == ("float64", "bfloat16", 3, 1)
    assert (first.max_error, first.overflowed, first.underflowed) == (2**-10, 0, 0)
    assert casts["l1/b"].inexact == 0


@pytest.mark.parametrize(
    "cast, message",
    [
        ({"l9/*": "float32"}, "The rule of casting 'l9/*' means no tensor"),
        ({"n": "float99"}, "cannot be cast to 'float99'"),
        ({"n": "string"}, "Tensor 'n' is int64 and cannot be cast to string"),
        ({"n": "resource"}, "cannot be cast to 'resource'"),
        ({"big": "float16"}, "Tensor 'big' holds 1e+30, which does not fit into float16"),
    ],
)
def test_casts_that_are_refused(tmp_path: Path, cast: Any, message: str) -> None:
    """A rule for nothing, a dtype that is none, and a value that does not fit leave nothing behind."""
    save(tmp_path / "a", {**TENSORS, "big": np.array([1.0, 1e30])})
    with pytest.raises(InvalidArgumentError) as caught:
        convert(tmp_path / "a", tmp_path / "b", cast=cast, formats=BOTH)
    assert message in caught.value.message
    assert files(tmp_path) == ["a.npz"]


def test_a_dtype_that_no_tensor_has(tmp_path: Path) -> None:
    """A rule for a dtype may mean no tensor: scripts convert many checkpoints by the same rules."""
    save(tmp_path / "a", {"n": np.array(7)})
    assert convert(tmp_path / "a", tmp_path / "b", cast={"float32": "float16"}, formats=BOTH).casts == ()


def test_overflow_may_be_allowed(tmp_path: Path) -> None:
    """Then values become infinite, and are counted."""
    save(tmp_path / "a", {"x": np.array([1.0, 1e30, 1e-30, np.inf])})
    (found,) = convert(tmp_path / "a", tmp_path / "b", cast={"x": "float16"}, allow_overflow=True, formats=BOTH).casts
    assert read(tmp_path / "b", "x").tolist() == [1.0, np.inf, 0.0, np.inf]
    assert (found.overflowed, found.underflowed, found.inexact) == (1, 1, 2)


def test_the_source_is_never_written_to(tmp_path: Path) -> None:
    """Its own prefix is refused as target, in any format and however it is written."""
    save(tmp_path / "a", TENSORS)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    before = (tmp_path / "a.npz").read_bytes()
    for target in ("a", "a.npz", "a.tidx", "link/a", f"../{tmp_path.name}/a", "./a"):
        for source in ("a", "a.npz"):
            with pytest.raises(InvalidArgumentError, match="is the checkpoint that is to be converted itself"):
                convert(tmp_path / source, f"{tmp_path}/{target}", overwrite=True, formats=BOTH)
    assert (tmp_path / "a.npz").read_bytes() == before


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A target that exists is replaced only if that is asked for; what is no checkpoint, or is pinned, never is."""
    save(tmp_path / "a", TENSORS)
    save(tmp_path / "b", {"old": np.zeros(1)}, "two-files")
    with pytest.raises(AlreadyExistsError, match="To replace it: overwrite=True, or --force"):
        convert(tmp_path / "a", tmp_path / "b", formats=BOTH)
    assert names_in(tmp_path / "b") == ["old"]
    convert(tmp_path / "a", tmp_path / "b", overwrite=True, formats=BOTH)
    assert names_in(tmp_path / "b") == list(TENSORS)
    assert files(tmp_path) == ["a.npz", "b.npz"]
    (tmp_path / "c.npz").write_text("mine")
    with pytest.raises(AlreadyExistsError, match="is no checkpoint that could be replaced"):
        convert(tmp_path / "a", tmp_path / "c", overwrite=True, formats=BOTH)
    assert (tmp_path / "c.npz").read_text() == "mine"
    pin(tmp_path / "b", formats=BOTH)
    with pytest.raises(FailedPreconditionError, match="is pinned"):
        convert(tmp_path / "a", tmp_path / "b", overwrite=True, formats=BOTH)


def test_the_state_file_stays_as_it_is(tmp_path: Path) -> None:
    """A copy is not the latest checkpoint of its directory."""
    series(tmp_path, 2)
    state = (tmp_path / "checkpoint").read_bytes()
    convert(tmp_path, tmp_path / "copy", formats=BOTH)
    assert (tmp_path / "checkpoint").read_bytes() == state
    assert diff(tmp_path, tmp_path / "copy", formats=BOTH).equal


def test_failures_leave_nothing(tmp_path: Path) -> None:
    """Damage, a missing directory, a limit, an interruption: nothing new is there afterwards."""
    save(tmp_path / "a", {**TENSORS, "last": np.arange(99)})
    with pytest.raises(NotFoundError, match=r"There is no directory .*no'. Make it first|for the new checkpoint"):
        convert(tmp_path / "a", tmp_path / "no/b", formats=BOTH)
    with pytest.raises(NotFoundError):
        convert(tmp_path / "z", tmp_path / "b", formats=BOTH)
    with pytest.raises(CheckpointLimitError) as caught:
        convert(tmp_path / "a", tmp_path / "b", limit=871, formats=BOTH)
    assert (caught.value.found, caught.value.expected) == ("872 bytes", "at most 871")

    def stop(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "a", tmp_path / "b", progress=stop, formats=BOTH)
    flip(tmp_path / "a.npz", np.int64(98).tobytes())
    with pytest.raises(CorruptCheckpointError):
        convert(tmp_path / "a", tmp_path / "b", formats=BOTH)
    assert files(tmp_path) == ["a.npz"]


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk passes through with its number."""
    save(tmp_path / "a", TENSORS)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("holdfast.checkpoint.storage_local.LocalWritableFile.write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        convert(tmp_path / "a", tmp_path / "b", formats=BOTH)
    assert caught.value.errno == errno.ENOSPC
    assert files(tmp_path) == ["a.npz"]


def test_parts(tmp_path: Path) -> None:
    """Parts that are not the whole stay parts, also when they are cast; several files become one."""
    parts = [
        tensor_source("x", np.array([1.0, 2.5]), spec="9 0,2"),
        tensor_source("x", np.array([3.0, 4.0]), spec="9 5,2"),
        tensor_source("s", np.array([b"a", b"bc"], object), spec="9 5,2"),
    ]
    write_checkpoint(tmp_path / "a", parts, formats=[NPZ])
    (found,) = convert(tmp_path / "a", tmp_path / "b", cast={"float64": "int8"}, formats=[NPZ]).casts
    assert (found.elements, found.inexact, found.max_error) == (4, 1, 0.5)
    with open_checkpoint(tmp_path / "b", formats=[NPZ]) as opened:
        assert opened.entries["x"].slices == (
            (opened.entries["x"].slices[0]),
            opened.entries["x"].slices[1],
        )
        assert opened.read("x", index=(slice(5, 7),)).tolist() == [3, 4]
        assert opened.read("s", index=(slice(5, 7),)).tolist() == [b"a", b"bc"]
    whole = [tensor_source("x", np.arange(4.0)), tensor_source("y", np.arange(3))]
    write_checkpoint(tmp_path / "c", whole, shards=[0, 1], formats=[NPZ])
    assert convert(tmp_path / "c", tmp_path / "d", formats=[NPZ]).path == f"{tmp_path}/d.npz"
    assert diff(tmp_path / "c", tmp_path / "d", formats=[NPZ]).equal


class _Backwards:
    """A format that reads its tensors from the end, whole and in pieces, as a format may."""

    def __init__(self) -> None:
        self._inner = NPZ.factory({})

    def write(self, outputs: Outputs, tensors: Any, metadata: Any) -> None:
        for source in reversed(tensors):
            _read_backwards(source)
        self._inner.write(outputs, tensors, metadata)

    def open(self, inputs: Any) -> Any:
        return self._inner.open(inputs)


def _read_backwards(source: TensorSource) -> None:
    """Read a source in the order that suits it least."""
    for start in (2, 1, 0):
        source.read_range(start, start + 1)  # type: ignore[attr-defined]
    source.read()


def test_formats_may_read_in_any_order(tmp_path: Path) -> None:
    """What casting lost is counted once for each element, in whatever order a format reads."""
    spec = FormatSpec("back", NPZ.suffixes, NPZ.magic, lambda options: _Backwards(), "digest")
    save(tmp_path / "a", {"x": np.array([0.5, 1.5, 2.0])})
    (found,) = convert(tmp_path / "a", tmp_path / "b", cast={"x": "int32"}, formats=[spec]).casts
    assert (found.elements, found.inexact, found.max_error) == (3, 2, 0.5)


@pytest.mark.parametrize("cast", [None, {"float32": "bfloat16"}], ids=["copy", "cast"])
@pytest.mark.parametrize("options", [{}, {"compression": "deflate", "level": 1}], ids=["stored", "deflate"])
def test_memory_stays_bounded(tmp_path: Path, cast: Any, options: dict[str, Any]) -> None:
    """A tensor of 40 MiB with one long dimension is converted in much less memory than it takes."""
    array = np.zeros((1, 10 << 20), np.float32)
    array[0, ::1000] = np.arange(array[0, ::1000].size)
    save(tmp_path / "a", {"x": array})
    del array
    tracemalloc.start()
    try:
        convert(tmp_path / "a", tmp_path / "b", cast=cast, format_options=options, formats=[NPZ])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
    (tmp_path / "a.npz").unlink()
    assert verify(tmp_path / "b", formats=[NPZ]).intact
