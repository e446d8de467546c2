"""What may be on a disk after the power failed: every state that POSIX allows.

Until a file is synced, each of its writes may be there, be missing, be there by half, or have made room that holds
zeros; one that came later may be there without those before it, and each sector of a long one counts as a write.
Until a directory is synced, each change of its names may be there or not, each renaming as a whole. Only what was
synced before the power failed is sure. Source: POSIX.1-2017, ``fsync()`` and ``rename()``; such reorderings were found
in file systems by Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import itertools
import posixpath
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.testing.simulated_disk import DirectorySynced, Named, Step, Synced, Written

FATES = ("kept", "lost", "halved", "zeroed")
"""What may become of a write that was not synced."""

SECTOR = 512
"""Bytes that a disk writes at once: a longer write has a fate for each."""


@dataclass(slots=True)
class _File:
    """A file at one instant: what of it is sure, and what is not."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[bytes] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything sure."""
        self.durable += b"".join(self.pending)
        self.pending.clear()

    def after(self, fates: Sequence[str]) -> bytes:
        """Return the contents if the pending writes have these fates."""
        found, place = bytearray(self.durable), len(self.durable)
        for data, fate in zip(self.pending, fates, strict=True):
            there = {"kept": data, "lost": b"", "halved": data[: len(data) // 2], "zeroed": bytes(len(data))}[fate]
            if there:
                found.extend(bytes(place - len(found)))
                found += there
            place += len(data)
        return bytes(found)


class PowerLoss:
    """A disk that loses its power at one instant.

    Parameters
    ----------
    files
        What was on the disk, durably, before anything was done.
    journal
        What was done until then, from :class:`holdfast.testing.simulated_disk.SimulatedDisk`.
    """

    def __init__(self, files: Mapping[str, bytes], journal: Sequence[Step]) -> None:
        self._files = {inode: _File(bytearray(data)) for inode, data in enumerate(files.values())}
        self._names: dict[str, int] = {path: inode for inode, path in enumerate(files)}
        self._changes: list[Named] = []
        for step in journal:
            self._replay(step)

    def _replay(self, step: Step) -> None:
        """Do a step again."""
        match step:
            case Written(inode, data):
                sectors = range(0, len(data), SECTOR)
                self._files[inode].pending.extend(data[start : start + SECTOR] for start in sectors)
            case Synced(inode):
                self._files[inode].sync()
            case Named(changes):
                for _, named in changes:
                    if named is not None:
                        self._files.setdefault(named, _File())
                self._changes.append(step)
            case DirectorySynced(directory):
                # A renaming between directories is sure once either was synced.
                touched = [any(posixpath.dirname(p) == directory for p, _ in c.changes) for c in self._changes]
                self._names = self._named(list(itertools.compress(self._changes, touched)))
                self._changes = [c for c, sure in zip(self._changes, touched, strict=True) if not sure]

    def _named(self, changes: Sequence[Named]) -> dict[str, int]:
        """Return the names if these changes, and no others, are there."""
        names = dict(self._names)
        for change in changes:
            for path, inode in change.changes:
                if inode is None:
                    names.pop(path, None)
                else:
                    names[path] = inode
        return names

    @property
    def count(self) -> int:
        """How many outcomes there are, those that look alike counted each."""
        pending = sum(len(file.pending) for file in self._files.values())
        return int(2 ** len(self._changes) * len(FATES) ** pending)

    def states(self, most: int, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """Yield what may be found when the power is back: contents by path.

        Parameters
        ----------
        most
            If there are more outcomes than this, so many of them are drawn, and the two in which all that is not sure
            is there, or lost.
        rng
            Draws them.
        """
        writes = [inode for inode, file in self._files.items() for _ in file.pending]
        if self.count <= most:
            for kept in itertools.product((True, False), repeat=len(self._changes)):
                for fates in itertools.product(FATES, repeat=len(writes)):
                    yield self._state(kept, fates)
            return
        for everything in (True, False):
            yield self._state([everything] * len(self._changes), ["kept" if everything else "lost"] * len(writes))
        for _ in range(most):
            # Half of the draws lose little: a state in which everything is gone proves less.
            odds = rng.choice((0.9, 0.5))
            kept = tuple(rng.random() < odds for _ in self._changes)
            fates = tuple("kept" if rng.random() < odds else rng.choice(FATES) for _ in writes)
            yield self._state(kept, fates)

    def _state(self, kept: Sequence[bool], fates: Sequence[str]) -> dict[str, bytes]:
        """Return the files for one choice of what is kept."""
        names = self._named(list(itertools.compress(self._changes, kept)))
        rest = iter(fates)
        contents = {
            inode: file.after(list(itertools.islice(rest, len(file.pending)))) for inode, file in self._files.items()
        }
        return {path: contents[inode] for path, inode in names.items()}
