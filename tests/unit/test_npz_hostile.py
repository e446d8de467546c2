"""Files whose digests are right and whose contents mean harm."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast.errors import CheckpointLimitError, CorruptCheckpointError, OpError, UnsupportedCheckpointError
from holdfast.testing.memory_files import MemoryInputs
from holdfast_npz import SPEC, layout
from holdfast_npz.zip_records import DEFLATED, STORED
from tests.formats.archive_parts import Forge


def read(data: bytes) -> dict[str, Any]:
    """Open a file and read all of it."""
    reader = SPEC.factory({}).open(MemoryInputs(SPEC, {".npz": data}))
    return {name: reader.read(name) for name in reader.entries} | {"metadata": dict(reader.metadata)}


HEADER = layout.array_header("<f4", (3,))
VALUES = np.arange(3, dtype=np.float32).tobytes()
LINE = '["w","float32",[3]]\n'


def forge() -> Forge:
    """Begin a file with one good tensor."""
    return Forge().array("w.npy", HEADER, VALUES)


def test_an_honest_file_is_read() -> None:
    """What the other tests change is good before they change it."""
    found = read(forge().seal(LINE))
    assert found["w"].tolist() == [0.0, 1.0, 2.0]


LINES = [
    "",
    LINE * 2,
    '["w","float32",[3]]',
    '["w","float64",[3]]\n',
    '["w","int32",[3]]\n',
    '["w","float32",[4]]\n',
    '["w","float32",[1,3]]\n',
    '["w","float32",[-3]]\n',
    '["w","float32",[3.0]]\n',
    '["w","float32",[true]]\n',
    '["w","float32",[3],12]\n',
    '["w","float32","3"]\n',
    '["w","float32",[%s]]\n' % ",".join(["1"] * 65),  # noqa: UP031  # braces belong to the text
    '["w","float32",[0,%d]]\n' % 2**62,  # noqa: UP031
    '["w","float32",[%s]]\n' % ("9" * 5000),
    '["v","float32",[3]]\n',
    '["","float32",[3]]\n',
    '["%s","float32",[3]]\n' % ("w" * 1025),
    '[["w"],"float32",[3]]\n',
    '["w",1,[3]]\n',
    '["w","object",[3]]\n',
    '["w","string",[3]]\n',
    '["w","string",[3],12]\n',
    '{"w":"float32"}\n',
    "null\n",
    "NaN\n",
    "[" * 10_000 + "\n",
    " " * 20_000 + "\n",
    "\xff\n",
    '["w","float32",[3]]\n["w","float32",[3]]\n',
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line[:40]))
def test_hostile_indices(line: str) -> None:
    """Each lie in the index is a named error."""
    with pytest.raises((CorruptCheckpointError, UnsupportedCheckpointError)):
        read(forge().seal(line))


@pytest.mark.parametrize(
    "header",
    [
        layout.array_header("|O", (3,)),
        layout.array_header("<i4", (3,)),
        layout.array_header("<f4", (3, 1)),
        layout.array_header(">f4", (3,)),
        HEADER.replace(b"False", b"True "),
        HEADER[:-1] + b" ",
        b"\x93NUMPY\x02\x00" + HEADER[8:],
        HEADER[:10] + b" " * 20_000,
    ],
    ids=range(8),
)
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_array_headers(header: bytes, method: int) -> None:
    """An array whose header is not the one of its tensor (a pickled one, too large a header) is corrupt."""
    with pytest.raises(CorruptCheckpointError):
        read(Forge().array("w.npy", header, VALUES, method=method).seal(LINE))


def test_a_pickled_array_is_named() -> None:
    """An array of objects is refused as what it is, without unpickling."""
    header = HEADER.replace(b"<f4", b"|O ")
    with pytest.raises(CorruptCheckpointError, match="pickled"):
        read(Forge().array("w.npy", header, VALUES).seal(LINE))


def test_members_that_nobody_names() -> None:
    """A member without a tensor, as something could be hidden in, is corrupt."""
    with pytest.raises(CorruptCheckpointError, match="no member without a tensor"):
        read(forge().array("x.npy", HEADER, VALUES).seal(LINE))


def test_digests_that_nobody_needs() -> None:
    """Digests without a block, and blocks without a digest, are corrupt."""
    more, less = forge(), forge()
    more.digests += bytes(16)
    less.digests = b""
    for data in (more.seal(LINE), less.seal(LINE)):
        with pytest.raises(CorruptCheckpointError, match="digests"):
            read(data)


def test_duplicate_members() -> None:
    """Two members of one name, of which readers take different ones, are corrupt."""
    data = forge().array("w.npy", HEADER, VALUES).seal(LINE * 2)
    with pytest.raises(CorruptCheckpointError, match="name of a member"):
        read(data)


def _field(position: int, value: bytes) -> Callable[[bytes], bytes]:
    """Return a change of the second entry of the central directory."""

    def change(directory: bytes) -> bytes:
        start = directory.index(b"PK\x01\x02", 4) + position
        return directory[:start] + value + directory[start + len(value) :]

    return change


@pytest.mark.parametrize(
    "change, fault",
    [
        (_field(8, b"\1\0"), "encrypted"),
        (_field(10, b"\x0c\0"), "method 12"),
        (_field(10, b"\x08\0"), "member"),
        (_field(12, b"\1"), "entry of member"),
        (_field(16, b"\1"), "local header|entry of member|digest"),
        (_field(20, struct.pack("<L", 10)), "size of member"),
        (_field(24, struct.pack("<L", 10**9)), "size of member"),
        (_field(42, struct.pack("<L", 0)), "offset of member"),
        (_field(42, struct.pack("<L", 10**9)), "offset of member"),
        (_field(28, struct.pack("<H", 4)), "member|directory"),
        (_field(30, struct.pack("<H", 4)), "member|directory"),
        (_field(32, struct.pack("<H", 4)), "member|directory"),
        (_field(46, b"\xff"), "UTF-8"),
        (_field(46, b"../"), "members"),
        (lambda directory: b"", "central directory"),
        (lambda directory: directory[:-1], "central directory"),
        (lambda directory: directory + b"\0", "central directory"),
        (lambda directory: directory + directory, "name of a member"),
    ],
    ids=range(18),
)
def test_hostile_central_directories(change: Callable[[bytes], bytes], fault: str) -> None:
    """Each lie in the central directory is a named error that says what is wrong."""
    with pytest.raises(OpError, match=fault) as caught:
        read(forge().seal(LINE, change=change))
    assert isinstance(caught.value, CorruptCheckpointError | UnsupportedCheckpointError)


def test_a_bomb_is_refused_by_its_size() -> None:
    """A member that claims to unpack to more than deflate can is corrupt, before memory is taken."""
    header = layout.array_header("|u1", (10**12,))
    bomb = Forge().array("w.npy", header, bytes(10_000), method=DEFLATED, size=len(header) + 10**12)
    with pytest.raises(CorruptCheckpointError, match="size of member"):
        read(bomb.seal('["w","uint8",[1000000000000]]\n'))


@pytest.mark.parametrize("real", [0, 10, 9_999, 10_001, 1_000_000])
def test_a_member_of_another_size_than_it_says(real: int) -> None:
    """A deflated member that unpacks to less or more than it says is corrupt; no more than that is ever unpacked."""
    header = layout.array_header("|u1", (10_000,))
    data = Forge().array("w.npy", header, bytes(real), method=DEFLATED, size=len(header) + 10_000)
    with pytest.raises(CorruptCheckpointError):
        read(data.seal('["w","uint8",[10000]]\n'))


def test_deflate_that_is_none() -> None:
    """A member that is no deflate stream, or continues after its end, is corrupt."""
    for stored in (b"\xff" * 200, zlib.compress(HEADER + VALUES)[2:-4] + b"more"):
        made = Forge().record("w.npy", DEFLATED, 0, stored, len(HEADER) + 12).digest()
        with pytest.raises(CorruptCheckpointError, match=r"member w\.npy"):
            read(made.seal(LINE))


@pytest.mark.parametrize("offsets", [[1, 2, 3], [0, 4, 3], [0, 2, 4], [0, 2**63, 3], [3, 0, 3]], ids=str)
def test_offsets_of_strings(offsets: list[int]) -> None:
    """Offsets that do not grow from 0 to the end are corrupt."""
    made = Forge().array("s.npy", layout.array_header("|u1", (3,)), b"abc")
    made.array(layout.offsets_name(0), layout.array_header("<u8", (3,)), np.array(offsets, "<u8").tobytes())
    with pytest.raises(CorruptCheckpointError, match="offsets of tensor s"):
        read(made.seal('["s","string",[2],3]\n'))


def test_bools_that_are_none() -> None:
    """Bytes other than 0 and 1 in a tensor of bools are corrupt."""
    made = Forge().array("b.npy", layout.array_header("|b1", (2,)), b"\1\2")
    with pytest.raises(CorruptCheckpointError, match="0 or 1 for each bool"):
        read(made.seal('["b","bool",[2]]\n'))


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"[]",
        b"7",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"{" * 100_000,
        b'{"a":' + b"[" * 100_000,
        b"\xff",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=range(9),
)
def test_hostile_metadata(metadata: bytes) -> None:
    """Metadata that is no plain JSON object is corrupt."""
    with pytest.raises(CorruptCheckpointError, match="metadata"):
        read(forge().seal(LINE, metadata))


def test_too_much_metadata() -> None:
    """Metadata over the limit is not even decoded."""
    with pytest.raises(CheckpointLimitError, match="at most 1 MiB"):
        read(forge().seal(LINE, b'{"a":"' + b"x" * (7 << 20) + b'"}'))


def test_too_large_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index over the limit is not even read."""
    monkeypatch.setattr(layout, "MOST_TAIL_BYTES", 100)
    with pytest.raises(CheckpointLimitError, match="index"):
        read(forge().seal(LINE))


def test_later_versions() -> None:
    """A file of a later version of the layout is unsupported, and says which."""
    data = forge().seal(LINE).replace(b"holdfast-npz 1 ", b"holdfast-npz 2 ")
    with pytest.raises(UnsupportedCheckpointError, match=r"version of the npz layout at byte .* found 2, expected 1"):
        read(data)


@pytest.mark.parametrize("kind", ["leading", "trailing"])
def test_bytes_around_the_archive(kind: str) -> None:
    """Zip readers skip what is before and after an archive; here it is corrupt."""
    data = forge().seal(LINE)
    with pytest.raises(CorruptCheckpointError):
        read(b"MZ" + data if kind == "leading" else data + b"\n")
