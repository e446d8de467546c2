"""Which checkpoints stay: a pure function of the list, what is there, and the policy."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """One checkpoint that a saver answers for."""

    prefix: str
    """Its path without suffix."""
    time: float
    """When it was saved, in seconds since the epoch; infinity for one that the rule of hours always keeps."""
    save_sequence: int = 0
    """Its save sequence, where it is known."""
    lineage: str | None = None
    """Its lineage, where it is known."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of quality that were given when it was saved."""
    intact: bool = True
    """False if it is known to be damaged."""
    files: tuple[str, ...] = ()
    """Its files, the commit first; empty to have them looked up."""
    origin: float | None = None
    """When the run of saves began that it belongs to, where it is known."""
    global_step: int | None = None
    """Its training step, where one was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """What stays: the union of what the rules keep, and always the newest intact checkpoint."""

    latest: int | None = 5
    """How many of the latest; None or 0 keeps all."""
    every_n_hours: float | None = None
    """Besides those, one for each so many hours."""
    best: int | None = None
    """How many of the best by `metric`."""
    metric: str | None = None
    """Name of the metric by which checkpoints are good."""
    mode: Literal["min", "max"] = "min"
    """Whether a small or a large value of it is good."""
    pinned: frozenset[str] = frozenset()
    """Prefixes that stay in any case."""

    def __post_init__(self) -> None:
        if self.best and self.metric is None:
            raise ValueError(f"best={self.best} needs the name of a metric: metric='loss', mode='min'.")
        if self.mode not in {"min", "max"}:
            raise ValueError(f"mode is {self.mode!r}, expected 'min' or 'max'.")


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What a policy says of a list of checkpoints, each in the list's order."""

    keep: tuple[CheckpointRecord, ...]
    """Those that stay."""
    delete: tuple[CheckpointRecord, ...]
    """Those that go."""
    gone: tuple[CheckpointRecord, ...]
    """Those that are not there any more, whoever removed them."""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By prefix, why each of them stays, all reasons that there are; or why it goes."""


def plan_retention(
    records: Sequence[CheckpointRecord], on_disk: Collection[str], policy: RetentionPolicy, *, origin: float = 0.0
) -> RetentionPlan:
    """Decide which checkpoints stay.

    Parameters
    ----------
    records
        What the saver saved or adopted, in the order of their commits, each prefix once.
    on_disk
        The prefixes that are there.
    policy
        The rules.
    origin
        When the run of saves began, in seconds since the epoch: the rule of hours counts from there.

    Returns
    -------
    Only prefixes of `records` are in it: nothing else is ever deleted.
    """
    there = [record for record in records if record.prefix in on_disk]
    rules = {
        f"one of the latest {policy.latest}" if policy.latest else "all are kept": _latest(there, policy),
        f"one for each {policy.every_n_hours or 0:g} hours": _hourly(there, policy, origin),
        f"one of the best {policy.best} by {policy.metric} ({policy.mode})": _best(there, policy),
        PINNED: {record.prefix for record in there if record.prefix in policy.pinned},
        "the newest intact one": {record.prefix for record in [record for record in there if record.intact][-1:]},
    }
    why = {record.prefix: tuple(rule for rule, kept in rules.items() if record.prefix in kept) for record in there}
    keep = tuple(record for record in there if why[record.prefix])
    delete = tuple(record for record in there if not why[record.prefix])
    gone = tuple(record for record in records if record.prefix not in on_disk)
    return RetentionPlan(keep, delete, gone, reasons=why | _others(delete, gone, policy))


PINNED = "pinned"
"""The reason why what is pinned stays."""


def _others(
    delete: Sequence[CheckpointRecord], gone: Sequence[CheckpointRecord], policy: RetentionPolicy
) -> dict[str, tuple[str, ...]]:
    """Return why checkpoints do not stay: what they would have had to be."""
    rules = [f"not one of the latest {policy.latest}"]
    if policy.every_n_hours is not None and not math.isinf(policy.every_n_hours):
        rules.append(f"not the first after {policy.every_n_hours:g} hours")
    if policy.best:
        rules.append(f"not one of the best {policy.best} by {policy.metric}")
    return {record.prefix: tuple(rules) for record in delete} | {
        record.prefix: ("it is not there any more",) for record in gone
    }


def _latest(records: Sequence[CheckpointRecord], policy: RetentionPolicy) -> set[str]:
    """Return what the rule of the latest keeps."""
    return {record.prefix for record in (records[-policy.latest :] if policy.latest else records)}


def _hourly(records: Sequence[CheckpointRecord], policy: RetentionPolicy, origin: float) -> set[str]:
    """Return what the rule of hours keeps.

    Each pick is the first one that lies more than the interval after the pick before. What is picked once is picked
    again whenever the
    rule is applied to what was kept, also by another process, as long as the origin is the same.
    """
    if policy.every_n_hours is None:
        return set()
    interval = policy.every_n_hours * 3600
    picked, due = set(), origin + interval
    for record in records:
        if record.time > due:
            picked.add(record.prefix)
            due = due if math.isinf(record.time) else record.time + interval
    return picked


def _best(records: Sequence[CheckpointRecord], policy: RetentionPolicy) -> set[str]:
    """Return what the rule of the best keeps: of equals the later; what has no value, or NaN, is not good."""
    if not policy.best or policy.metric is None:
        return set()
    sign = 1 if policy.mode == "min" else -1
    scored = [
        (sign * value, -position, record.prefix)
        for position, record in enumerate(records)
        if (value := record.metrics.get(policy.metric)) is not None and not math.isnan(value)
    ]
    return {prefix for _, _, prefix in sorted(scored)[: policy.best]}
