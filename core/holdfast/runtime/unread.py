"""Products that nobody reads: optimisers ask for all gradients of an op at once, also for those no variable needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from holdfast.runtime.plan import Fetch, RunStep, Step, reads

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation

_PRODUCTS = frozenset({"BatchMatMul", "Conv2DBackpropFilter", "Conv2DBackpropInput", "MatMul"})
"""Ops that cost much, and that do nothing but return what they compute."""


def without_unread(steps: Sequence[Step], fetches: Sequence[Fetch], targets: Collection[Operation]) -> list[Step]:
    """Return the steps without products that are neither read, fetched nor asked for, but only came along."""
    if _PRODUCTS.isdisjoint([step.op.type for step in steps]):
        return list(steps)
    needed = {fetch.register for fetch in fetches}
    needed.update(register for fetch in fetches for register, _ in fetch.guard)
    kept = []
    for step in reversed(steps):
        product = isinstance(step, RunStep) and step.op.type in _PRODUCTS and step.op not in targets
        if product and isinstance(step, RunStep) and needed.isdisjoint(step.outputs):
            continue
        needed.update(reads(step))
        kept.append(step)
    return kept[::-1]
