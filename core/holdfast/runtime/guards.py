"""Guards: under which predicates a value exists. Recovered from the dataflow of Switch and Merge alone.

A guard is closed: with a predicate it has those under which that predicate itself is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.runtime.plan import Guard, Literal


def conjunction(guards: Iterable[Guard]) -> Guard:
    """Return the guard that holds where all the given ones hold."""
    present = {guard for guard in guards if guard}
    if len(present) == 1:
        return present.pop()
    literals: set[Literal] = set()
    for guard in present:
        literals.update(guard)
    return tuple(sorted(literals))


def common(guards: Iterable[Guard]) -> Guard:
    """Return the literals that stand in all the guards."""
    sets = [set(guard) for guard in guards]
    return tuple(sorted(set.intersection(*sets))) if sets else ()


def without(guard: Guard, base: Guard) -> Guard:
    """Return the literals of ``guard`` that are not in ``base``."""
    return tuple(literal for literal in guard if literal not in base)


def exhaustive(rests: Sequence[Guard]) -> bool:
    """Whether one of the guards is sure to hold: the two sides of one predicate, or one that always does."""
    if any(not rest for rest in rests):
        return True
    if len(rests) != 2 or any(len(rest) != 1 for rest in rests):
        return False
    (first,), (second,) = rests
    return first[0] == second[0] and first[1] != second[1]
