"""Which checkpoints a directory has, and what retention would do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats
from holdfast.checkpoint.locate import UNREADABLE, Located, in_directory
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.names import Path, base_name, path_text
from holdfast.checkpoint.pins import PIN_SUFFIX
from holdfast.checkpoint.retention import CheckpointRecord, RetentionPlan, RetentionPolicy, plan_retention
from holdfast.checkpoint.state import latest_checkpoint
from holdfast.checkpoint.storages import choose_storage
from holdfast.contracts import Storage
from holdfast.errors import NotFoundError


def records_in(directory: Path, *, storage: Storage | None = None, formats: Formats = None) -> list[CheckpointRecord]:
    """Return the checkpoints of a directory, in the order of their commits.

    Parameters
    ----------
    directory
        The directory.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    A record for each prefix. Of what can be read only in part, ``intact`` is False: those whose metadata are readable
    have their place, the others come first. Values are not read: damage to them is not noticed.
    """
    place = path_text(directory)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    found: dict[str, CheckpointRecord] = {}
    for located in in_directory(place, formats, storage):
        record = _record(located, formats, storage)
        known = found.get(located.prefix)
        if record is not None and (known is None or known.save_sequence <= record.save_sequence):
            found[located.prefix] = record
    return sorted(found.values(), key=lambda record: record.save_sequence)


def _record(located: Located, formats: FormatChoice, storage: Storage) -> CheckpointRecord | None:
    """Return what is known of a checkpoint; None if it went away."""
    said, intact = CheckpointMetadata(), True
    try:
        with located.open(formats, storage) as checkpoint:
            said = checkpoint.metadata
    except NotFoundError:
        return None
    except (OSError, *UNREADABLE):
        intact = False
        try:
            said = located.metadata(formats, storage)
        except (OSError, NotFoundError, *UNREADABLE):
            pass  # then nothing is known of it
    return CheckpointRecord(
        prefix=located.prefix,
        time=said.time or 0.0,
        save_sequence=said.save_sequence,
        lineage=said.lineage,
        metrics=said.metrics,
        intact=intact,
        files=tuple(located.files(storage)),
        origin=said.origin,
        global_step=said.global_step,
    )


def is_of_series(record: CheckpointRecord, base: str, lineage: str | None, storage: Storage) -> bool:
    """Whether a checkpoint belongs to a series: the same base name, with a step, and the same lineage."""
    name = storage.split(record.prefix)[1]
    # Without a step it is a checkpoint that was given a name, not one of a series.
    return lineage is not None and record.lineage == lineage and base_name(name) == base != name


@dataclass(frozen=True, slots=True)
class RetentionSurvey:
    """What retention would do in a directory."""

    plan: RetentionPlan
    """What it would do with the checkpoints of one series, and why."""
    others: tuple[CheckpointRecord, ...]
    """All other checkpoints of the directory: a saver of that series never touches them."""


def explain_retention(
    directory: Path,
    policy: RetentionPolicy,
    *,
    prefix: Path | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> RetentionSurvey:
    """Say what a saver would delete in a directory after its next save, and why. Nothing is done.

    Parameters
    ----------
    directory
        The directory.
    policy
        The rules; checkpoints that are pinned stay in any case.
    prefix
        A checkpoint of the series that is meant: what it would be if a saver restored it and went on. None for the
        latest checkpoint of the directory.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    The plan for that series as it is now, without the checkpoint that the next save adds; and all others.
    """
    place = path_text(directory)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    records = records_in(place, storage=storage, formats=formats)
    chosen = latest_checkpoint(place, storage=storage, formats=formats) if prefix is None else path_text(prefix)
    name = None if chosen is None else storage.split(chosen)[1]
    lineage = next((record.lineage for record in records if storage.split(record.prefix)[1] == name), None)
    series = [record for record in records if name and is_of_series(record, base_name(name), lineage, storage)]
    names = set(storage.list_directory(place))
    pinned = {record.prefix for record in series if storage.split(record.prefix)[1] + PIN_SUFFIX in names}
    origin = next((record.origin for record in series if record.origin is not None), 0.0)
    plan = plan_retention(
        series,
        {record.prefix for record in series},
        replace(policy, pinned=policy.pinned | pinned),
        origin=origin,
    )
    return RetentionSurvey(plan, tuple(record for record in records if record not in series))
