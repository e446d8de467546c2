"""Recipes with one step wrong: the tests of power cuts must notice each of them."""

from __future__ import annotations

import posixpath

from holdfast.checkpoint.manifest import split_part_name
from holdfast.contracts import WritableFile
from holdfast.testing.simulated_disk import SimulatedDisk


def _final(path: str) -> str:
    """Return what a temporary file is going to be called."""
    directory, name = posixpath.split(path)
    return posixpath.join(directory, name[1:].split(".tmp-")[0])


def _is_state(path: str) -> bool:
    """Whether a path is the state file, or will be."""
    return posixpath.basename(_final(path) if ".tmp-" in path else path) == "checkpoint"


class NoFileSync(SimulatedDisk):
    """Files are never synced."""

    def sync(self, inode: int) -> None:
        """Do nothing."""


class NoDirectorySync(SimulatedDisk):
    """Directories are never synced."""

    def sync_directory(self, path: str) -> None:
        """Do nothing."""


class SyncAfterRename(SimulatedDisk):
    """A file is synced only when it has got its name."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[int] = []

    def sync(self, inode: int) -> None:
        """Sync it later."""
        self._waiting.append(inode)

    def rename(self, source: str, target: str) -> None:
        """Move a file over another, and then sync it."""
        super().rename(source, target)
        for inode in self._waiting:
            super().sync(inode)
        self._waiting.clear()


class DeleteBeforeRename(SimulatedDisk):
    """What stands at the target is removed before the new file takes its name."""

    def rename(self, source: str, target: str) -> None:
        """Remove the target, then move the file."""
        if target in self.files:
            self.remove(target)
        super().rename(source, target)


class DeleteBeforeWrite(SimulatedDisk):
    """The checkpoints that there are make room before the new one is written."""

    def create(self, path: str) -> WritableFile:
        """Remove the checkpoints, then create the file."""
        if not _is_state(path):
            for name in list(self.files):
                if ".tmp-" not in name and not _is_state(name):
                    self.remove(name)
        return super().create(path)

    def remove(self, path: str) -> None:
        """Remove a file; one that went too early is gone already."""
        if path in self.files:
            super().remove(path)


class StateBeforeData(SimulatedDisk):
    """The state file is committed before the checkpoint that it names gets its name."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[str, str]] = []

    def rename(self, source: str, target: str) -> None:
        """Move a file over another; data waits for the state file."""
        if not _is_state(target):
            self._waiting.append((source, target))
            return
        super().rename(source, target)
        super().sync_directory(posixpath.dirname(target))
        for pair in self._waiting:
            super().rename(*pair)
        self._waiting.clear()


class WrittenInPlace(SimulatedDisk):
    """Files are written under their own names."""

    def create(self, path: str) -> WritableFile:
        """Create the file where it belongs."""
        final = _final(path)
        if final in self.files:
            self.remove(final)
        file = super().create(final)
        file.path = path
        return file

    def rename(self, source: str, target: str) -> None:
        """Do nothing: it has its name."""


class StateInPlace(WrittenInPlace):
    """The state file is written under its own name, checkpoints are not."""

    def create(self, path: str) -> WritableFile:
        """Create the state file where it belongs."""
        return super().create(path) if _is_state(path) else SimulatedDisk.create(self, path)

    def rename(self, source: str, target: str) -> None:
        """Move checkpoints only."""
        if not _is_state(target):
            SimulatedDisk.rename(self, source, target)


class ManifestBeforeParts(SimulatedDisk):
    """The names of parts are not made durable before the manifest that names them gets its own."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""

    def rename(self, source: str, target: str) -> None:
        """Move a file over another."""
        super().rename(source, target)
        self._last = posixpath.basename(target)

    def sync_directory(self, path: str) -> None:
        """Make the names durable, unless the last one was that of a part."""
        if split_part_name(self._last) is None:
            super().sync_directory(path)


MUTANTS = [
    NoFileSync,
    NoDirectorySync,
    SyncAfterRename,
    DeleteBeforeRename,
    DeleteBeforeWrite,
    StateBeforeData,
    WrittenInPlace,
    StateInPlace,
    ManifestBeforeParts,
]
