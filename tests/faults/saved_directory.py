"""What the fault tests share: a directory that is saved to, and what may be found in it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint import (
    CheckpointHistory,
    CheckpointRecord,
    RetentionPolicy,
    SaveMetadata,
    latest_checkpoint,
    local_storage,
    open_checkpoint,
    tensor_source,
    write_checkpoint,
)
from holdfast.contracts import FormatSpec, Storage
from holdfast_npz import SPEC


def tensors(version: int) -> dict[str, NDArray[Any]]:
    """Return the tensors of one version of a model: all of them name it."""
    return {
        "w": np.random.default_rng(version).random((40, 20), np.float32),
        "step": np.array(version),
        "name": np.array([b"v%d" % version], object),
    }


class SavedDirectory:
    """A directory with checkpoints of versions, and the ways to save another one."""

    def __init__(self, path: Path | str, storage: Storage | None = None, spec: FormatSpec = SPEC) -> None:
        self.path = str(path)
        self.storage = storage or local_storage()
        self.spec = spec
        self.prefix = f"{path}/m.ckpt"
        self._kept: list[CheckpointRecord] = []

    def save(
        self, version: int, prefix: str | None = None, storage: Storage | None = None, *, sharded: bool = False
    ) -> CheckpointRecord:
        """Write one version, in one file or in as many parts as there are tensors."""
        saved = write_checkpoint(
            prefix or self.prefix,
            [tensor_source(name, array) for name, array in tensors(version).items()],
            shards=list(tensors(version)) if sharded else None,
            metadata=SaveMetadata(global_step=version, lineage="one"),
            formats=[self.spec],
            storage=storage or self.storage,
        )
        return saved.record()

    def save_and_publish(
        self, version: int, keep: int, storage: Storage | None = None, *, sharded: bool = False
    ) -> None:
        """Write one version under a prefix with its number, name it in the state file and delete what falls out."""
        used = storage or self.storage
        history = CheckpointHistory(RetentionPolicy(latest=keep), storage=used, formats=[self.spec])
        history.replace(self._kept)
        with used.lock(self.path, 1.0):
            history.add(self.save(version, f"{self.prefix}-{version}", storage, sharded=sharded))
            history.publish(self.path)
        self._kept = list(history.records)

    def version_at(self, prefix: str) -> int:
        """Read a checkpoint wholly and return its version; a mixture fails."""
        with open_checkpoint(prefix, formats=[self.spec], storage=self.storage) as checkpoint:
            found = {name: checkpoint.read(name) for name in checkpoint.entries}
        version = int(found["step"])
        expected = tensors(version)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
        return version

    def latest_version(self) -> int | None:
        """Return the version of what the directory gives as its latest checkpoint."""
        latest = latest_checkpoint(self.path, formats=[self.spec], storage=self.storage)
        return None if latest is None else self.version_at(latest)

    def names(self, *, temporary: bool) -> Sequence[str]:
        """Return the names in the directory, either temporary or final."""
        return [name for name in self.storage.list_directory(self.path) if (".tmp-" in name) == temporary]
