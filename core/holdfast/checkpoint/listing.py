"""Listing a directory: its checkpoints, and what a policy of retention would make of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats
from holdfast.checkpoint.locate import UNREADABLE, Located, in_directory
from holdfast.checkpoint.manifest import read_manifest
from holdfast.checkpoint.metadata import CheckpointMetadata, decode_metadata
from holdfast.checkpoint.names import Path, base_name, path_text, printable
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.pins import PIN_SUFFIX
from holdfast.checkpoint.retention import CheckpointRecord, RetentionPlan, RetentionPolicy, plan_retention
from holdfast.checkpoint.state import STATE_FILE, named_latest
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.strays import strays
from holdfast.checkpoint.wording import counted, size_text, time_text
from holdfast.contracts import Storage
from holdfast.errors import NotFoundError, OpError


@dataclass(frozen=True, slots=True)
class ListedCheckpoint:
    """One checkpoint of a directory."""

    prefix: str
    """Its path without suffix, as it is: escape it before it is printed."""
    path: str
    """The file by which it is recognised."""
    format: str | None
    """Name of its format; None where it could not be told."""
    nbytes: int
    """Size of its files."""
    modified: float
    """When that file was last changed, in seconds since the epoch."""
    time: float | None = None
    """When it was saved, in seconds since the epoch, where it says so."""
    save_sequence: int = 0
    """Its save sequence; 0 where it says none."""
    global_step: int | None = None
    """Its training step, where one was given."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of quality that were given."""
    lineage: str | None = None
    """Id of the run of saves that it belongs to."""
    origin: float | None = None
    """When that run began, in seconds since the epoch."""
    latest: bool = False
    """Whether the state file names it as the latest."""
    pinned: bool = False
    """Whether it is pinned, so that no retention deletes it."""
    fault: str = ""
    """Why it cannot be opened; empty where it can. Values are not looked at: :func:`verify` does."""
    retention: Literal["keep", "delete"] | None = None
    """What the policy says; None where none was given, and where no saver takes it for its own."""
    reasons: tuple[str, ...] = ()
    """Why, as short texts."""

    @property
    def saved(self) -> float:
        """When it was saved, or its file was last changed."""
        return self.modified if self.time is None else self.time

    @property
    def _order(self) -> tuple[float, str]:
        """Sequences are microseconds since the epoch unless a clock went back."""
        return self.save_sequence or self.modified * 1e6, self.prefix


@dataclass(frozen=True, slots=True)
class CheckpointListing:
    """The checkpoints of a directory."""

    directory: str
    """The directory."""
    checkpoints: tuple[ListedCheckpoint, ...]
    """The checkpoints in the order in which they were saved."""
    policy: RetentionPolicy | None = None
    """The policy that was asked about."""
    notes: tuple[str, ...] = ()
    """What else is worth knowing, such as a state file that names what is not there."""

    @property
    def latest(self) -> ListedCheckpoint | None:
        """The checkpoint that the state file names as the latest; None if it names none that is there."""
        return next((item for item in self.checkpoints if item.latest), None)

    @property
    def to_delete(self) -> tuple[ListedCheckpoint, ...]:
        """The checkpoints that the policy would delete."""
        return tuple(item for item in self.checkpoints if item.retention == "delete")

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        rows = [
            (
                os.path.basename(item.prefix),
                item.global_step,
                time_text(item.saved),
                size_text(item.nbytes),
                item.format,
                ", ".join(f"{name} = {value:g}" for name, value in item.metrics.items()),
                ", ".join(word for word, said in (("latest", item.latest), ("pinned", item.pinned)) if said),
                item.fault or ": ".join(filter(None, (item.retention, ", ".join(item.reasons)))),
            )
            for item in self.checkpoints
        ]
        columns = ("name", "step", "saved", "size", "format", "metrics", "", "retention" if self.policy else "damage")
        facts = {"directory": self.directory, "notes": "; ".join(self.notes)}
        return table(counted(len(rows), "checkpoint").capitalize(), facts, columns, rows)


def ls(
    directory: Path,
    *,
    policy: RetentionPolicy | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> CheckpointListing:
    """List the checkpoints of a directory. Only what they say about themselves is read, no values.

    Parameters
    ----------
    directory
        The directory.
    policy
        Rules of retention, to be told what they would delete; nothing is deleted. They are applied as by a saver that
        restored the latest checkpoint of a base name and lineage, and so answers for all of them.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    The checkpoints, damaged ones marked; an empty list if there are none.

    Raises
    ------
    NotFoundError
        If there is no such directory.
    """
    place = path_text(directory)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    status = storage.status(place)
    if status is None or not status.is_directory:
        what = "There is no directory" if status is None else "This is a file, not a directory:"
        raise NotFoundError(None, None, f"{what} {printable(place, 500)}.")
    latest = named_latest(place, STATE_FILE, storage)
    located = {item.path: item for item in in_directory(place, formats, storage)}
    found = [listed for item in located.values() if (listed := _listed(item, formats, storage)) is not None]
    found += _damaged(place, located, latest, formats, storage)
    names = frozenset(storage.list_directory(place))
    marked = [
        replace(item, latest=item.prefix == latest, pinned=storage.split(item.prefix)[1] + PIN_SUFFIX in names)
        for item in found
    ]
    marked.sort(key=lambda item: item._order)
    notes = []
    if latest is not None and not any(item.latest for item in marked):
        notes.append(
            f"The state file names {printable(latest, 500)} as the latest checkpoint, which is not there: a restore "
            "of the directory takes the newest intact one."
        )
    if policy is not None:

        def fault(item: ListedCheckpoint) -> str:
            return _fault(located[item.path], formats, storage)

        marked = _planned(marked, policy, fault)
    return CheckpointListing(place, tuple(marked), policy, tuple(notes))


def _listed(item: Located, formats: FormatChoice, storage: Storage) -> ListedCheckpoint | None:
    """Return what a checkpoint says about itself; None if it was deleted just now."""
    status = storage.status(item.path)
    if status is None:
        return None
    format = None if item.spec is None else item.spec.name
    said, fault, others = CheckpointMetadata(), "", 0
    try:
        if item.spec is None:
            manifest = read_manifest(item.path, storage)
            said, format = decode_metadata(manifest.metadata, item.path), manifest.format
            others = sum(file.length for part in manifest.parts for file in part)
        else:
            said, others = item.metadata(formats, storage), _size(item.files(storage)[1:], storage)
    except (*UNREADABLE, NotFoundError, OSError) as error:
        if isinstance(error, NotFoundError) and storage.status(item.path) is None:
            return None
        fault = _text(error)
    return ListedCheckpoint(
        prefix=item.prefix,
        path=item.path,
        format=format,
        nbytes=status.size + others,
        modified=status.modified,
        time=said.time,
        save_sequence=said.save_sequence,
        global_step=said.global_step,
        metrics=said.metrics,
        lineage=said.lineage,
        origin=said.origin,
        fault=fault,
    )


def _fault(item: Located, formats: FormatChoice, storage: Storage) -> str:
    """Return why a checkpoint cannot be opened; empty if it can."""
    try:
        item.open(formats, storage).close()
    except (*UNREADABLE, NotFoundError, OSError) as error:
        return _text(error)
    return ""


def _damaged(
    directory: str, known: Collection[str], latest: str | None, formats: FormatChoice, storage: Storage
) -> Iterator[ListedCheckpoint]:
    """Yield what was a checkpoint and cannot be recognised any more."""
    for stray in strays(directory, known, latest, formats, storage):
        status = storage.status(stray.path)
        if stray.damaged and status is not None:
            yield ListedCheckpoint(
                prefix=stray.prefix,
                path=stray.path,
                format=None,
                nbytes=status.size,
                modified=status.modified,
                fault=_text(stray.error),
            )


def _size(paths: Iterable[str], storage: Storage) -> int:
    """Return the bytes of some files, those that are there."""
    return sum(status.size for path in paths if (status := storage.status(path)) is not None)


def _text(error: OpError | OSError) -> str:
    """Return what is wrong, without the path."""
    if isinstance(error, UNREADABLE):
        return error.facts
    return error.message if isinstance(error, OpError) else str(error.strerror or error)


_Fault: TypeAlias = Callable[[ListedCheckpoint], str]
_Verdict: TypeAlias = tuple[Literal["keep", "delete"], tuple[str, ...]]


def _planned(items: Sequence[ListedCheckpoint], policy: RetentionPolicy, fault: _Fault) -> list[ListedCheckpoint]:
    """Return the checkpoints with what a policy says of them, series by series."""
    policy = replace(policy, pinned=policy.pinned | {item.prefix for item in items if item.pinned})
    series: dict[tuple[str, str], dict[str, ListedCheckpoint]] = {}
    for item in items:
        if item.lineage is not None and not _outside(item):
            series.setdefault((base_name(item.prefix), item.lineage), {})[item.prefix] = item
    faults: dict[str, str] = {}
    verdicts: dict[str, _Verdict] = {}
    for group in series.values():
        # A saver keeps the newest one that can be opened: so from the newest on, as far as that.
        for item in reversed(group.values()):
            faults[item.prefix] = fault(item)
            if not faults[item.prefix]:
                break
        plan = _plan(list(group.values()), faults, policy)
        verdicts |= {record.prefix: ("keep", plan.reasons[record.prefix]) for record in plan.keep}
        verdicts |= {record.prefix: ("delete", plan.reasons[record.prefix]) for record in plan.delete}
    return [_with_verdict(item, faults.get(item.prefix, ""), verdicts) for item in items]


def _outside(item: ListedCheckpoint) -> str:
    """Return why no saver takes a checkpoint for its own, and so deletes it; empty where one does."""
    if item.lineage is None:
        return "damaged: whose it is cannot be told" if item.fault else "not saved by holdfast"
    if os.path.basename(item.prefix) == base_name(item.prefix):
        return "not one of a series: its name ends with no step"
    return ""


def _plan(group: Sequence[ListedCheckpoint], faults: Mapping[str, str], policy: RetentionPolicy) -> RetentionPlan:
    """Return what a policy says of one series."""
    records = [
        CheckpointRecord(
            item.prefix,
            item.saved,
            item.save_sequence,
            item.lineage,
            item.metrics,
            intact=not faults.get(item.prefix),
        )
        for item in group
    ]
    origin = next((item.origin for item in group if item.origin is not None), 0.0)
    return plan_retention(records, {item.prefix for item in group}, policy, origin=origin)


def _with_verdict(item: ListedCheckpoint, fault: str, verdicts: Mapping[str, _Verdict]) -> ListedCheckpoint:
    """Return a checkpoint with what the plan of its series says of it."""
    if why := _outside(item):
        return replace(item, reasons=(why,))
    verdict, reasons = verdicts[item.prefix]
    return replace(item, fault=item.fault or fault, retention=verdict, reasons=reasons)
