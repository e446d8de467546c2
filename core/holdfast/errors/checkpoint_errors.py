"""Errors of checkpoint files."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors.message_text import sentences, show
from holdfast.errors.op_errors import (
    DATA_LOSS,
    OUT_OF_RANGE,
    RESOURCE_EXHAUSTED,
    UNIMPLEMENTED,
    CodedError,
    DataLossError,
    OutOfRangeError,
    ResourceExhaustedError,
    UnavailableError,
    UnimplementedError,
)

__all__ = [
    "CheckpointDurabilityError",
    "CheckpointLimitError",
    "CheckpointLockedError",
    "CorruptCheckpointError",
    "TruncatedCheckpointError",
    "UnsupportedCheckpointError",
]


class _CheckpointFacts(CodedError):
    """Constructor and message of the errors about one place in a checkpoint file.

    Parameters
    ----------
    path
        The file.
    field
        What in the file is meant: ``"magic"``, ``"index digest"``, ``"shape of tensor 'w'"``.
    found, expected
        The two facts that do not fit together; text or numbers.
    offset
        Byte offset in the file, where one is known.
    advice
        What the reader of the message can do; each class has a general one.
    """

    _problem: ClassVar[str]
    _advice: ClassVar[str]

    def __init__(
        self,
        *,
        path: object,
        field: str,
        found: object,
        expected: object,
        offset: int | None = None,
        advice: str | None = None,
    ) -> None:
        self.path = str(path)
        self.field = field
        self.found = found
        self.expected = expected
        self.offset = offset
        self.advice = self._advice if advice is None else advice
        super().__init__(None, None, sentences(f"{show(self.path)}: {self._problem}: {self.facts}", self.advice))

    @property
    def facts(self) -> str:
        """What was found where, and what was expected: the message without path and advice, for lists of errors."""
        at = "" if self.offset is None else f" at byte {self.offset}"
        return f"{show(self.field)}{at}: found {show(self.found)}, expected {show(self.expected)}"

    @property
    def general_advice(self) -> str:
        """The advice of the class, which every error of it begins with that has no advice of its own."""
        return self._advice

    def add_advice(self, more: str) -> None:
        """Add a sentence to the advice and the message: what only those know who see more than the one file."""
        self.advice = sentences(self.advice, more)
        self._message = sentences(self._message, more)


class CorruptCheckpointError(_CheckpointFacts, DataLossError):
    """A checkpoint file is damaged, or is not a checkpoint: nothing of it was used."""

    _code = DATA_LOSS
    _problem = "corrupt checkpoint"
    _advice = "Restore another checkpoint of the directory; `holdfast verify PATH` says whether one is intact"


class TruncatedCheckpointError(_CheckpointFacts, OutOfRangeError):
    """A checkpoint file ends before its contents do."""

    _code = OUT_OF_RANGE
    _problem = "truncated checkpoint"
    _advice = "The copy or download may be incomplete: copy it again, or restore an earlier checkpoint"


class UnsupportedCheckpointError(_CheckpointFacts, UnimplementedError):
    """A checkpoint file uses a version, codec or type that this installation cannot read."""

    _code = UNIMPLEMENTED
    _problem = "unsupported checkpoint"
    _advice = "Read it with the holdfast version or the plug-in that wrote it"


class CheckpointLimitError(_CheckpointFacts, ResourceExhaustedError):
    """A checkpoint file asks for more memory, entries or depth than the limits allow."""

    _code = RESOURCE_EXHAUSTED
    _problem = "checkpoint over a limit"
    _advice = "If you trust the file, raise the limit"


class CheckpointDurabilityError(_CheckpointFacts, DataLossError):
    """A checkpoint was written, but the system did not confirm that it is on the disk; nothing was deleted."""

    _code = DATA_LOSS
    _problem = "checkpoint may not be durable"
    _advice = "The new file is visible but may vanish in a power cut: check the disk and save again"


class CheckpointLockedError(UnavailableError):
    """Another save holds the lock of the checkpoint directory.

    Parameters
    ----------
    path
        The directory.
    holder
        Process id of the holder, where it is known.
    waited
        Seconds waited for it.
    """

    def __init__(self, *, path: object, holder: int | None = None, waited: float | None = None) -> None:
        self.path = str(path)
        self.holder = holder
        self.waited = waited
        who = "another process" if holder is None else f"process {holder}"
        after = "" if waited is None else f" after waiting {waited:g} s"
        advice = "Wait for that save to finish, or end that process, and save again"
        super().__init__(None, None, sentences(f"{show(self.path)}: checkpoint locked by {who}{after}", advice))
