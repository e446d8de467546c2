from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from holdfast.checkpoint import LocalStorage
from holdfast.errors import CheckpointLockedError, CorruptCheckpointError, NotFoundError, TruncatedCheckpointError

STORAGE = LocalStorage()


def test_create_and_read_back(tmp_path: Path) -> None:
    """What is written is read back by position."""
    path = f"{tmp_path}/a"
    file = STORAGE.create(path)
    assert (file.write(b"abc"), file.write(memoryview(b"defg")), file.tell()) == (3, 4, 7)
    file.sync()
    file.close()
    file.close()
    opened = STORAGE.open(path)
    assert (opened.size, opened.read_at(2, 3)) == (7, b"cde")
    buffer = bytearray(2)
    opened.read_into(5, buffer)
    assert buffer == b"fg"
    opened.close()
    opened.close()


def test_create_refuses_what_exists(tmp_path: Path) -> None:
    """An existing file is not overwritten, and a symbolic link is not followed."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("a", "link"):
        with pytest.raises(FileExistsError):
            STORAGE.create(f"{tmp_path}/{name}")
    assert not (tmp_path / "nowhere").exists()


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that writes three bytes at a time loses none."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:3]))
    file = STORAGE.create(f"{tmp_path}/a")
    file.write(bytes(range(100)))
    file.close()
    assert (tmp_path / "a").read_bytes() == bytes(range(100))


def test_a_write_that_writes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes no bytes gives an error instead of an endless loop."""
    monkeypatch.setattr(os, "write", lambda *_: 0)
    file = STORAGE.create(f"{tmp_path}/a")
    with pytest.raises(OSError, match="nothing more could be written") as caught:
        file.write(b"abc")
    assert caught.value.errno == errno.EIO
    file.close()


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that reads three bytes at a time gives all of them."""
    (tmp_path / "a").write_bytes(bytes(range(100)))
    whole = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, offset: whole(fd, [buffers[0][:3]], offset))
    file = STORAGE.open(f"{tmp_path}/a")
    assert file.read_at(10, 50) == bytes(range(10, 60))
    file.close()


def test_reading_without_preadv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without positioned reads gives the same bytes."""
    (tmp_path / "a").write_bytes(bytes(range(100)))
    monkeypatch.delattr(os, "preadv")
    file = STORAGE.open(f"{tmp_path}/a")
    assert file.read_at(10, 50) == bytes(range(10, 60))
    file.close()


def test_reading_beyond_the_end(tmp_path: Path) -> None:
    """Reading beyond the end is a named error, before memory is taken for it."""
    (tmp_path / "a").write_bytes(b"abc")
    file = STORAGE.open(f"{tmp_path}/a")
    with pytest.raises(TruncatedCheckpointError, match="found 3 bytes, expected at least 1,000,000,000,000,001 bytes"):
        file.read_at(1, 10**15)
    with pytest.raises(TruncatedCheckpointError):
        file.read_into(2, bytearray(2))
    file.close()


def test_closed_files_say_so(tmp_path: Path) -> None:
    """Using a file after it was closed is a ValueError."""
    file = STORAGE.create(f"{tmp_path}/a")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")
    opened = STORAGE.open(f"{tmp_path}/a")
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        opened.read_into(0, bytearray(1))


def test_opening_what_is_no_file(tmp_path: Path) -> None:
    """Directories, FIFOs, sockets and devices are refused without blocking; what is missing is NotFound."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/s")
        for path, kind in ((tmp_path, "directory"), (tmp_path / "fifo", "FIFO"), (tmp_path / "s", "socket")):
            with pytest.raises(CorruptCheckpointError, match=kind):
                STORAGE.open(str(path))
    with pytest.raises(CorruptCheckpointError, match="device"):
        STORAGE.open("/dev/zero")
    for missing in ("nothing", "fifo/below", "x" * 300):
        with pytest.raises(NotFoundError, match="No such file"):
            STORAGE.open(f"{tmp_path}/{missing}")


def test_status_and_listing(tmp_path: Path) -> None:
    """Status tells files from directories, follows links, and is None for what is not there."""
    (tmp_path / "b").write_bytes(b"abc")
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "loop").symlink_to("loop")
    status = STORAGE.status(f"{tmp_path}/link")
    assert status is not None
    assert (status.size, status.is_regular, status.is_directory) == (3, True, False)
    directory = STORAGE.status(f"{tmp_path}/a")
    assert directory is not None
    assert directory.is_directory
    assert STORAGE.status(f"{tmp_path}/c") is None
    assert STORAGE.status(f"{tmp_path}/loop") is None
    assert STORAGE.list_directory(str(tmp_path)) == ["a", "b", "link", "loop"]
    assert STORAGE.list_directory(f"{tmp_path}/c") == []


def test_make_directories(tmp_path: Path) -> None:
    """Parents are made, and existing directories are fine."""
    for _ in range(2):
        STORAGE.make_directories(f"{tmp_path}/a/b/c")
    assert (tmp_path / "a/b/c").is_dir()


def test_paths() -> None:
    """A path without a directory lies in the working directory."""
    assert STORAGE.split("m.ckpt") == (".", "m.ckpt")
    assert STORAGE.split("a/b/m.ckpt") == ("a/b", "m.ckpt")
    assert STORAGE.join("a", "b") == "a/b"


def test_the_lock_is_re_entrant_within_a_thread(tmp_path: Path) -> None:
    """A thread that holds the lock takes it again, and it is free after the last release."""
    with STORAGE.lock(str(tmp_path), 0), STORAGE.lock(f"{tmp_path}/.", 0):
        assert _try_elsewhere(tmp_path) == os.getpid()
    assert _try_elsewhere(tmp_path) is None


def _try_elsewhere(path: Path) -> int | None:
    """Take the lock in another thread; return the holder's pid if it is held."""
    found: list[int | None] = []

    def take() -> None:
        try:
            with STORAGE.lock(str(path), 0.02):
                found.append(None)
        except CheckpointLockedError as error:
            found.append(error.holder)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return found[0]


_HOLD = """
import sys
from holdfast.checkpoint import LocalStorage
with LocalStorage().lock(sys.argv[1], 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_holds_across_processes(tmp_path: Path) -> None:
    """Another process that holds the lock is named by its pid; when it ends the lock is free."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointLockedError, match="locked by") as caught, STORAGE.lock(str(tmp_path), 0.05):
            pass
        assert caught.value.holder in {other.pid, None}
        other.communicate()
    with STORAGE.lock(str(tmp_path), 0):
        pass


def test_a_forked_child_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    """A child that was forked while the lock was held can end without releasing it, and waits for it like any other."""
    with STORAGE.lock(str(tmp_path), 0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads of the test run do not matter here
            child = os.fork()
        if child == 0:
            try:
                with STORAGE.lock(str(tmp_path), 0.02):
                    os._exit(1)
            except CheckpointLockedError:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert _try_elsewhere(tmp_path) == os.getpid()
