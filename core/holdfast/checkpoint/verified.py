"""What verifying found, and the verifying of one checkpoint that is open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from holdfast.checkpoint.locate import UNREADABLE
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.progress import Meter, Progress
from holdfast.checkpoint.regions import region_size, stored_regions
from holdfast.contracts import Entry
from holdfast.errors import CorruptCheckpointError, NotFoundError, OpError, TruncatedCheckpointError

_DAMAGE = (CorruptCheckpointError, TruncatedCheckpointError)
FAULTS = (*UNREADABLE, NotFoundError, OSError)
"""What stands in the way of reading a checkpoint."""

CAVEATS = {
    "digest": "",
    "crc": "The format's checksums miss some damage to values, and do not cover names: damage may be there unseen.",
    "none": "The format has no digests: only its structure was checked, and damage to values cannot be seen.",
}
"""What an integrity of a format leaves unseen."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a checkpoint, or with one of its tensors."""

    tensor: str | None
    """The tensor, as it is: escape it before it is printed. None for the checkpoint as a whole."""
    error: str
    """Name of the error's class, such as ``CorruptCheckpointError``."""
    message: str
    """What the error says."""
    damage: bool
    """True for damage; False where it could not be checked, such as for want of a package or of permission."""


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """One checkpoint that was verified."""

    path: str
    """The file by which it is recognised."""
    format: str | None
    """Name of its format; None where that could not be told."""
    integrity: Literal["digest", "crc", "none"] | None
    """What notices damage to its values."""
    tensors: int
    """How many tensors it holds."""
    nbytes: int
    """Bytes of the values that were read."""
    faults: tuple[Fault, ...]
    """All that is wrong; empty if nothing is."""

    @property
    def state(self) -> Literal["intact", "damaged", "unchecked"]:
        """What it is: ``unchecked`` if no damage was found, but not everything could be checked."""
        if any(fault.damage for fault in self.faults):
            return "damaged"
        return "unchecked" if self.faults else "intact"

    @property
    def caveat(self) -> str:
        """What its format leaves unseen, as a sentence; empty for a format whose digests cover everything."""
        return CAVEATS[self.integrity or "digest"]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What verifying a path found."""

    path: str
    """The path, as it was given."""
    checkpoints: tuple[VerifiedCheckpoint, ...]
    """The checkpoints that it stands for."""
    notes: tuple[str, ...] = ()
    """What else is worth knowing, such as files with a checkpoint's name that are none."""

    @property
    def intact(self) -> bool:
        """Whether everything could be checked, and is whole."""
        return all(item.state == "intact" for item in self.checkpoints)

    @property
    def damaged(self) -> tuple[VerifiedCheckpoint, ...]:
        """The checkpoints that are damaged."""
        return tuple(item for item in self.checkpoints if item.state == "damaged")

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        rows = [
            (item.path, item.format, item.integrity, item.tensors, item.state, fault.tensor or "", fault.message)
            if fault is not None
            else (item.path, item.format, item.integrity, item.tensors, item.state, "", item.caveat)
            for item in self.checkpoints
            for fault in item.faults or (None,)
        ]
        columns = ("file", "format", "integrity", "tensors", "state", "tensor", "what is wrong")
        return table("Verified", {"path": self.path, "notes": "; ".join(self.notes)}, columns, rows)


def verify_open(checkpoint: OpenCheckpoint, progress: Progress | None) -> VerifiedCheckpoint:
    """Verify an open checkpoint, going on after damage."""
    entries = checkpoint.entries
    meter = Meter(progress, sum(entry.nbytes for entry in entries.values()))
    faults = [fault for name, entry in entries.items() if (fault := _check_tensor(checkpoint, name, entry, meter))]
    try:
        checkpoint.verify_files()
    except FAULTS as error:
        faults.append(fault_of(None, error))
    return VerifiedCheckpoint(
        path=checkpoint.path,
        format=checkpoint.spec.name,
        integrity=checkpoint.integrity,
        tensors=len(entries),
        nbytes=meter.done,
        faults=tuple(faults),
    )


def _check_tensor(checkpoint: OpenCheckpoint, name: str, entry: Entry, meter: Meter) -> Fault | None:
    """Read one tensor to its end, or to what is wrong with it."""
    start, seen, elements = meter.done, 0, max(1, math.prod(entry.shape))
    try:
        for region in stored_regions(entry):
            checkpoint.read(name, index=region)
            seen += region_size(region, entry.shape)
            meter.reach(start + entry.nbytes * seen // elements)
    except FAULTS as error:
        return fault_of(name, error)
    finally:
        meter.reach(start + entry.nbytes)
    return None


def fault_of(tensor: str | None, error: OpError | OSError) -> Fault:
    """Return an error as a fault."""
    if isinstance(error, UNREADABLE):
        # Beside a path, and in a list of many, the path and the general advice would say nothing.
        general = tensor is not None or error.advice.startswith(error.general_advice)
        message = error.facts if general else f"{error.facts}. {error.advice}"
    elif isinstance(error, OpError):
        message = error.message
    else:
        message = f"{error.strerror or error} (errno {error.errno})"
    # A file that the directory or another file of the checkpoint promises, and that is not there, is damage as well.
    damage = isinstance(error, (*_DAMAGE, NotFoundError))
    return Fault(tensor, type(error).__name__, message, damage)
