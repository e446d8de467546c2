"""Loading a tree: which leaves are wanted, whether they fit, and then all of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.mismatches import restore_error
from holdfast.checkpoint.names import printable
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.requests import Mismatch, NameMapping, RestoreReport, TensorRequest, check_mapping, map_name
from holdfast.checkpoint.restore import RestorePlan
from holdfast.checkpoint.stored_tree import StoredTree
from holdfast.checkpoint.tree_nodes import ValueLeaf, assemble, branches_of, leaves_of, outline
from holdfast.checkpoint.tree_templates import Wanted, as_wanted, describe_node, fault_of, length_fault, wanted
from holdfast.errors import CheckpointLimitError, InvalidArgumentError

Strict = bool | Literal["exact"]


@dataclass(frozen=True, slots=True)
class RestoredTree:
    """A tree that was loaded."""

    tree: Any
    """The tree, its arrays fresh and writable, on the host."""
    report: RestoreReport
    """Which leaves were restored, and which were not."""
    metadata: CheckpointMetadata
    """What the checkpoint says about itself: step, metrics, the user's own."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One leaf or branch that is wanted."""

    name: str
    """Its name, as it was asked for."""
    target: str | None
    """Its name in the checkpoint; None if it is not to be restored."""
    want: Wanted
    """What is asked for."""
    node: Any = None
    """What is restored; None if nothing is."""


def restore_parts(
    checkpoint: OpenCheckpoint,
    *,
    names: str | Iterable[str] | None,
    like: Any,
    mapping: NameMapping,
    strict: Strict,
    max_bytes: int | None,
) -> RestoredTree:
    """Load all of a checkpoint, what some names stand for, or what a template asks for."""
    stored = StoredTree(checkpoint)
    faults: list[Mismatch] = []
    template: Any = None
    if like is not None:
        template = outline(like, wanted)
        asked = [(name, want) for name, want in leaves_of(template, "")]
        faults = _length_faults(template, stored) if mapping is None else []
    elif names is not None:
        asked = [(name, Wanted(None)) for name in ([names] if isinstance(names, str) else names)]
    else:
        asked = [("", Wanted(None))]
    parts, report = _compare(asked, faults, stored, mapping, strict)
    values = _read(parts, report, stored, max_bytes)
    if like is not None:
        tree = assemble(template, values)
    elif names is None or isinstance(names, str):
        tree = next(values)
    else:
        tree = {part.name: value for part, value in zip(parts, values, strict=True) if part.node is not None}
    return RestoredTree(tree, report, checkpoint.metadata)


def _length_faults(template: Any, stored: StoredTree) -> list[Mismatch]:
    """Return the lists and tuples of a template that have another length than those of the checkpoint."""
    if not stored.described:
        return []
    pairs = ((name, branch, stored.find(name)) for name, branch in branches_of(template, ""))
    return [fault for name, branch, found in pairs if (fault := length_fault(name, branch, found)) is not None]


def _compare(
    asked: Iterable[tuple[str, Wanted]],
    faults: Iterable[Mismatch],
    stored: StoredTree,
    mapping: NameMapping,
    strict: Strict,
) -> tuple[list[_Part], RestoreReport]:
    """Compare what is asked for with what is there; one error for everything that does not fit."""
    asked = list(asked)
    if strict and isinstance(mapping, Mapping):
        check_mapping(mapping, [name for name, _ in asked], stored)
    parts: list[_Part] = []
    missing: dict[str, TensorRequest] = {}
    mismatched = {fault.name: fault for fault in faults}
    for name, want in asked:
        target = map_name(name, mapping)
        node = None if target is None else stored.find(target)
        fault = None if target is None or node is None else fault_of(want, target, node, stored.entry(target))
        if target is not None and node is None:
            missing.setdefault(target, TensorRequest(target, want.dtype, want.shape, label=name))
        elif target is not None and fault is not None:
            mismatched.setdefault(target, fault)
        parts.append(_Part(name, target, want, None if fault is not None else node))
    report = _report(parts, missing, mismatched, stored)
    nothing = bool(parts) and all(part.node is None for part in parts) and bool(missing or mismatched)
    if (strict and (missing or mismatched)) or (strict == "exact" and report.unexpected) or nothing:
        plain = {name: describe_node(leaf, None) for name, leaf in stored.leaves.items() if stored.entry(name) is None}
        raise restore_error(report, missing, stored.checkpoint.entries, plain)
    return parts, report


def _report(
    parts: Sequence[_Part], missing: Mapping[str, Any], mismatched: Mapping[str, Mismatch], stored: StoredTree
) -> RestoreReport:
    """Gather the report."""
    notes = stored.checkpoint.metadata
    found = [part for part in parts if part.node is not None]
    restored = dict.fromkeys(name for part in found for name in stored.names_below(part.target or "", part.node))
    return RestoreReport(
        path=stored.checkpoint.path,
        prefix=stored.checkpoint.prefix,
        restored=tuple(restored),
        missing=tuple(missing),
        unexpected=tuple(name for name in stored.leaves if name not in restored and name not in mismatched),
        mismatched=tuple(mismatched.values()),
        renamed=tuple(
            (part.name, part.target) for part in found if part.target is not None and part.target != part.name
        ),
        skipped=tuple(part.name for part in parts if part.node is None),
        global_step=notes.global_step,
        metrics=notes.metrics,
        metadata=notes.user,
    )


def _read(parts: Sequence[_Part], report: RestoreReport, stored: StoredTree, max_bytes: int | None) -> Iterator[Any]:
    """Read and verify all leaves of the parts, and return what each part was; where there is nothing, its template."""
    names = [list(stored.names_below(part.target or "", part.node)) if part.node is not None else [] for part in parts]
    _check_size(sum(stored.nbytes(name) for group in names for name in group), stored, max_bytes)
    tensors = [name for group in names for name in group if not isinstance(stored.leaves[name], ValueLeaf)]
    plan = RestorePlan(stored.checkpoint, tuple(map(TensorRequest, tensors)), tuple(tensors), report)
    arrays = iter(plan.read())
    values = [
        [stored.value(name, None if isinstance(stored.leaves[name], ValueLeaf) else next(arrays)) for name in group]
        for group in names
    ]
    return iter([_part_value(part, group) for part, group in zip(parts, values, strict=True)])


def _part_value(part: _Part, values: list[Any]) -> Any:
    """Return what a part was, as it is wanted."""
    if part.node is None:
        return part.want.value
    try:
        return as_wanted(part.want, assemble(part.node, iter(values)))
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(
            None, None, f"{printable(part.name)} holds bytes that are no text in UTF-8; ask for bytes instead of str."
        ) from error


def _check_size(nbytes: int, stored: StoredTree, max_bytes: int | None) -> None:
    """Refuse to load more than a limit, or than this machine has memory."""
    limit = _physical_memory() if max_bytes is None else max_bytes
    if limit is not None and nbytes > limit:
        what = "this machine's memory" if max_bytes is None else "max_bytes"
        advice = "Load a part of it with names=, or, if you trust the file, raise max_bytes"
        raise CheckpointLimitError(
            path=stored.checkpoint.path,
            field="size of what is to be loaded",
            found=f"{nbytes:,} bytes",
            expected=f"at most {limit:,} bytes ({what})",
            advice=advice,
        )


def _physical_memory() -> int | None:
    """Return how much memory the machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
