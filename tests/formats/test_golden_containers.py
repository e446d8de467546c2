from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import Reader
from holdfast.dtypes import as_dtype
from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryInputs
from holdfast_msgpack import SPEC
from tests.formats.generate_golden import written
from tests.formats.golden_contents import FOLDER, FUTURE, WRITTEN, future_files, liberties, path
from tests.formats.page_reader import contents_of, read


def open_golden(data: bytes) -> Reader:
    """Open a file in memory."""
    return SPEC.factory({}).open(MemoryInputs(SPEC, {".holdfast": data}))


def golden_contents() -> list[Any]:
    """Return each golden file that is read, with its tensors and metadata."""
    cases = [pytest.param(name, golden.tensors, golden.metadata, id=name) for name, golden in WRITTEN.items()]
    return [*cases, pytest.param("liberties", lambda: liberties()[1], {"user": {"by": "hand"}}, id="liberties")]


def test_every_file_is_known() -> None:
    """No golden file lies there unread."""
    known = {*WRITTEN, *FUTURE, "liberties"}
    assert {file.name.removesuffix(".holdfast") for file in FOLDER.iterdir()} == known


@pytest.mark.parametrize("name,tensors,metadata", golden_contents())
def test_golden_files_are_read(name: str, tensors: Any, metadata: dict[str, Any]) -> None:
    """What a released version wrote, or may have written, is read with the same contents for ever."""
    reader = open_golden(path(name).read_bytes())
    expected: dict[str, NDArray[Any]] = tensors()
    assert reader.metadata == metadata
    assert list(reader.entries) == list(expected)
    for key, array in expected.items():
        assert reader.entries[key].dtype == as_dtype(array.dtype)
        assert same(reader.read(key), array), key
    reader.close()


@pytest.mark.parametrize("name,tensors,metadata", golden_contents())
def test_the_page_is_enough_to_read_them(name: str, tensors: Any, metadata: dict[str, Any]) -> None:
    """A reader that was written from the documentation alone finds the same in every file."""
    found, notes = read(path(name).read_bytes())
    expected: dict[str, NDArray[Any]] = tensors()
    assert notes == metadata
    assert found == {
        key: (as_dtype(array.dtype).name, array.shape, contents_of(array)) for key, array in expected.items()
    }


@pytest.mark.parametrize("name", FUTURE)
def test_files_of_later_versions_say_what_they_need(name: str) -> None:
    """A feature that this version lacks is named; the reader of the page refuses the file too."""
    _, error, words = FUTURE[name]
    data = path(name).read_bytes()
    assert data == future_files()[name]
    with pytest.raises(error, match=words) as caught:
        open_golden(data)
    assert "newer release" in str(caught.value)
    with pytest.raises((ValueError, KeyError, IndexError)):
        read(data)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_page_is_enough_to_read_what_is_written_now(name: str) -> None:
    """Both readers agree on what this version writes, which need not be what the golden file has."""
    data = written(name)
    found, _ = read(data)
    reader = open_golden(data)
    assert {key: contents_of(reader.read(key)) for key in reader.entries} == {
        key: contents for key, (_, _, contents) in found.items()
    }
    reader.close()


def test_golden_files_reach_every_codec() -> None:
    """The files that holdfast wrote hold raw chunks, frames and planes, in tensors of several chunks too."""
    codecs: set[str] = set()
    for name in WRITTEN:
        reader = open_golden(path(name).read_bytes())
        codecs |= {entry.codec for entry in reader.entries.values()}
        reader.close()
    assert {"", "raw", "zstd", "planes"} <= codecs


def test_liberties_are_taken() -> None:
    """The file that was made by hand has what its contents are meant to have: no part of it was lost in the making."""
    parts, tensors = liberties()
    assert parts.seal() == path("liberties").read_bytes()
    assert (parts.chunks, parts.tensors) == (3, 4)
    assert parts.index["codecs"][0] == "from the future"
    assert np.frombuffer(parts.index["start"], "<u8").tolist() == [232, 0, 0, 200]
    assert set(tensors) == set(parts.index["names"].split("\n"))
