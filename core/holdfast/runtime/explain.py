"""The plan of a run as a table for people."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from holdfast.checkpoint import escaped
from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    InitializedStep,
    MergeStep,
    Plan,
    ReadStep,
    Step,
    Stretch,
    UpdateStep,
)

if TYPE_CHECKING:
    from holdfast.graph import Operation

_KINDS: dict[type[Step], str] = {
    ReadStep: "read",
    AssignStep: "assign",
    UpdateStep: "update",
    InitializedStep: "initialized?",
    MergeStep: "merge",
    AnyStep: "either",
    CopyStep: "copy",
}
_HEADER = ("step", "op", "type", "device", "how", "bytes", "note")


def explain(plan: Plan) -> str:
    """Return the plan as text: one line a step, in blocks under their conditions."""
    rows: list[tuple[str, ...]] = [_HEADER]
    conditions: dict[int, str] = {}
    for stretch in plan.stretches:
        if stretch.guard or conditions:
            conditions[len(rows)] = _condition(stretch, plan)
        for step in stretch.steps:
            rows.append(_row(len(rows) - 1, step, plan))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    lines = [f"{len(rows) - 1} steps, {len(plan.feeds)} feeds, {len(plan.fetches)} fetches, {plan.folded} ops folded"]
    for i, row in enumerate(rows):
        if i in conditions:
            lines.append(conditions[i])
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    lines += [
        f"fetch {escaped(fetch.tensor.name)}: {'copied' if fetch.copy else 'handed out as it is'}"
        for fetch in plan.fetches
    ]
    return "\n".join(lines)


def _condition(stretch: Stretch, plan: Plan) -> str:
    """Return the line above the steps of a stretch."""
    terms = [f"{'' if wanted else 'not '}{escaped(plan.predicates[r])}" for r, wanted in stretch.guard]
    return f"if {' and '.join(terms)}:" if terms else "always:"


def _row(number: int, step: Step, plan: Plan) -> tuple[str, ...]:
    """Return the cells of one step."""
    return (
        str(number),
        escaped(step.op.name),
        escaped(step.op.type),
        f"{step.device.device_type}:{step.device.index}",
        f"{_KINDS.get(type(step), 'run')}{_how(step, plan)}",
        _bytes(step.op),
        escaped(plan.notes.get(step.op.name, "")),
    )


def _how(step: Step, plan: Plan) -> str:
    """Return what a step reads, or whether it writes in place, takes its value's memory or copies."""
    match step:
        case ReadStep():
            slot = plan.template[step.slot]
            return " a chosen variable" if slot is None else f" {escaped(slot.op.name)}"
        case AssignStep(steal=True):
            return " (takes the value's memory)"
        case AssignStep(in_place=True) | UpdateStep(in_place=True):
            return " (in place)"
        case AssignStep() | UpdateStep():
            return " (to other memory: the old value is still needed)"
    return ""


def _bytes(op: Operation) -> str:
    """Return the bytes of an op's outputs as far as their static shapes tell."""
    total = 0
    for tensor in op.outputs:
        dims = tensor.shape.as_tuple()
        dtype = tensor.dtype.base_dtype
        if dims is None or None in dims or not dtype.is_numpy_compatible or dtype.name == "string":
            return "?"
        total += prod(d for d in dims if d is not None) * dtype.size
    return f"{total:,}"
