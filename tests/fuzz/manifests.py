"""Target ``manifest``: manifests of checkpoints of several parts, whose parts are sound."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np

from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.checkpoint.regions import verify_values
from holdfast.testing.simulated_disk import SimulatedDisk
from holdfast_npz import SPEC
from tests.formats.manifest_parts import seal, seal_text
from tests.fuzz.mutations import other_bytes, other_json, parse_json
from tests.fuzz.target import FOLDER, Target

_PATH = "d/m.manifest"
_PARTS = FOLDER / "parts"
_SEED = FOLDER / "corpus" / "manifest" / "two-parts"
_WORDS = ("npz", "msgpack-zstd", 1, 2**70, ["a"], {"dtype": "float32", "shape": [4], "parts": [["a", [0], [4]]]})


def seeds() -> dict[str, bytes]:
    """Return the manifest that was written with the parts."""
    return {"two-parts": _SEED.read_bytes()}


@cache
def _parts() -> dict[str, bytes]:
    """Return the parts. They are kept as files: the digests of all manifests that were found are theirs."""
    return {f"d/{path.name}": path.read_bytes() for path in _PARTS.iterdir()}


def write_parts() -> None:
    """Write a new checkpoint of two parts, one tensor of which lies in both; only where there is none yet."""
    if _PARTS.exists():
        return
    disk = SimulatedDisk()
    tensors = [tensor_source(name, np.arange(4, dtype=np.float32)) for name in "ab"]
    tensors += [tensor_source("c", np.arange(2), spec="4 0,2"), tensor_source("c", np.arange(2, 4), spec="4 2,2")]
    write_checkpoint("d/m", tensors, shards=[0, 1, 0, 1], formats=[SPEC], storage=disk)
    for folder in (_PARTS, _SEED.parent):
        folder.mkdir(parents=True)
    for path, data in disk.files.items():
        if path.startswith("d/m."):
            (_SEED if path == _PATH else _PARTS / path.removeprefix("d/")).write_bytes(data)


def read(data: bytes) -> None:
    """Open the checkpoint, check its files as wholes, and read all values."""
    with open_checkpoint(_PATH, storage=SimulatedDisk(_parts() | {_PATH: data}), formats=[SPEC]) as checkpoint:
        assert set(checkpoint.files) <= {_PATH, *_parts()}
        checkpoint.verify_files()
        verify_values(checkpoint)


def change(data: bytes, random: Random) -> bytes:
    """Change what a manifest says, or its text, and seal it again."""
    said = parse_json(data)
    if not isinstance(said, dict) or random.random() < 0.2:
        _, found, rest = data.partition(b'",\n')
        return (
            seal_text(other_bytes(b",\n" + rest, random, (b"{", b"[", b'"', b"NaN")))
            if found
            else other_bytes(data, random)
        )
    said.pop("holdfast_manifest", None), said.pop("digest", None)
    for _ in range(random.choice((1, 1, 2))):
        said = other_json(said, random, _WORDS)
    return seal(said)


TARGET = Target("manifest", seeds, read, change)
