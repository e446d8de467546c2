"""The plan of a run as a table for people."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    InitializedStep,
    MergeStep,
    Plan,
    ReadStep,
    Step,
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


def explain(plan: Plan) -> str:
    """Return the plan as text: one line a step, indented under its condition."""
    count = sum(len(stretch.steps) for stretch in plan.stretches)
    lines = [f"{count} steps, {len(plan.feeds)} feeds, {len(plan.fetches)} fetches, {plan.folded} ops folded"]
    rows: list[tuple[str, ...]] = [("step", "op", "type", "device", "how", "bytes", "note")]
    number = 0
    conditions: dict[int, str] = {}
    for stretch in plan.stretches:
        if stretch.guard:
            terms = " and ".join(f"{'' if wanted else 'not '}r{register}" for register, wanted in stretch.guard)
            conditions[len(rows)] = f"if {terms}:"
        for step in stretch.steps:
            rows.append(_row(number, step, plan))
            number += 1
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i, row in enumerate(rows):
        if i in conditions:
            lines.append(conditions[i])
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    lines.extend(f"fetch {fetch.name}: {'copied' if fetch.copy else 'handed out as it is'}" for fetch in plan.fetches)
    return "\n".join(lines)


def _row(number: int, step: Step, plan: Plan) -> tuple[str, ...]:
    """Return the cells of one step."""
    device = f"{step.device.device_type}:{step.device.index}"
    kind = _KINDS.get(type(step), "run")
    return (
        str(number),
        _printable(step.op.name),
        step.op.type,
        device,
        f"{kind}{_how(step)}",
        _bytes(step.op),
        plan.notes.get(step.op.name, ""),
    )


def _how(step: Step) -> str:
    """Return whether a step writes in place, steals or copies."""
    match step:
        case AssignStep(steal=True):
            return " (takes the value's memory)"
        case AssignStep(in_place=True) | UpdateStep(in_place=True):
            return " (in place)"
        case AssignStep() | UpdateStep():
            return " (to fresh memory: the old value is still needed)"
    return ""


def _bytes(op: Operation) -> str:
    """Return the bytes of an op's outputs as far as their static shapes tell."""
    total = 0
    for tensor in op.outputs:
        dims = tensor.shape.as_tuple()
        dtype = tensor.dtype.base_dtype
        if dims is None or None in dims or not dtype.is_numpy_compatible or dtype.name == "string":
            return "?"
        total += prod(dims) * dtype.size  # type: ignore[arg-type]  # no None left
    return f"{total:,}"


def _printable(name: str) -> str:
    """Return an op's name without characters that a terminal would act on."""
    return name.encode("unicode_escape").decode()
