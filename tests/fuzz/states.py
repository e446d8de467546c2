"""Target ``state``: the file ``checkpoint`` of a directory with two sound checkpoints."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np

from holdfast.checkpoint import get_checkpoint_state, latest_checkpoint, tensor_source, write_checkpoint
from holdfast.testing.simulated_disk import SimulatedDisk
from holdfast_npz import SPEC
from tests.fuzz.mutations import other_bytes
from tests.fuzz.target import Target

_WORDS = (
    *(b"model_checkpoint_path", b"all_model_checkpoint_paths", b": ", b'"', b"'", b"\\", b"\\x", b"\\377", b"#", b"\n"),
    *(b'"m-1"', b'"m-2"', b'"../d/m-1"', b'"/d/m-1"', b'"memory://d/m-1"', b'"s3://x"', b'"file:///d/m-1"', b'""'),
    *(b"-inf", b"1.5e9", b" { } ", b"last_preserved_timestamp", b"\0", b'"\xff"', b'"."', b'"m-3"', b'"..\\\\m-1"'),
)


def seeds() -> dict[str, bytes]:
    """Return what is written, and forms that are read besides."""
    both = b'all_model_checkpoint_paths: "m-1"\nall_model_checkpoint_paths: "m-2"\n'
    return {
        "written": b'model_checkpoint_path: "m-2"\n' + both,
        "forms": b"# by hand\nmodel_checkpoint_path: 'm' \"\\x2d\\062\"; last_preserved_timestamp: -inf\n" + both,
        "elsewhere": b'model_checkpoint_path: "/tmp/m-1"\nall_model_checkpoint_paths: "../m-1"',
    }


@cache
def _files() -> dict[str, bytes]:
    """Return the files of two checkpoints."""
    disk = SimulatedDisk()
    for step in (1, 2):
        write_checkpoint(f"d/m-{step}", [tensor_source("a", np.array(step))], formats=[SPEC], storage=disk)
    return {path: data for path, data in disk.files.items() if path.startswith("d/m-")}


def read(data: bytes) -> None:
    """Whatever it says, a checkpoint is found, and only in the directory."""
    disk = SimulatedDisk(_files() | {"d/checkpoint": data})
    latest = latest_checkpoint("d", storage=disk, formats=[SPEC])
    assert latest is not None
    assert disk.split(latest)[1] in {"m-1", "m-2"}, latest
    state = get_checkpoint_state("d", storage=disk, formats=[SPEC])
    for path in (state.model_checkpoint_path, *state.all_model_checkpoint_paths):
        assert path.startswith("d/"), path
        assert ".." not in path.split("/"), path


def change(data: bytes, random: Random) -> bytes:
    """Change the text, or one line of it; a state file has no digest."""
    lines = data.splitlines(keepends=True)
    if not lines or random.random() < 0.4:
        return other_bytes(data, random, _WORDS)
    path = random.choice((b"m-1", b"m-2", b"m-3", b"../d/m-1", b"s3://x/m-1", b"/d/m-1", b"d/../m-1"))
    if random.random() < 0.5:
        path = other_bytes(path, random, (b"\\", b"\xff", b"/", b"..", b"\\377", b"\\0"))
    field = random.choice((b"model_checkpoint_path", *[b"all_model_checkpoint_paths"] * 3, b"other"))
    position = random.randrange(len(lines))
    lines[position : position + random.randrange(2)] = [field + b': "' + path + b'"\n']
    return b"".join(lines)


TARGET = Target("state", seeds, read, change, ())  # it warns, and looks what is there
