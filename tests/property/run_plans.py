"""Runs of random programs: what is fetched and fed, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.programs import SIZE, Program


@dataclass(frozen=True)
class RunPlan:
    """One run of a program."""

    predicates: tuple[bool, bool]
    index: int
    picks: list[int]
    fed_values: list[int]
    fed_variable: int | None
    how: str

    def fetches(self, program: Program) -> list[Any]:
        """Return what is fetched."""
        choices = [*program.values, *program.updates, *program.all_variables, *program.inner]
        return [choices[i % len(choices)] for i in self.picks]

    def feeds(self, program: Program) -> dict[Any, NDArray[Any]]:
        """Return the feeds: placeholders, perhaps an intermediate value and a variable."""
        feeds: dict[Any, NDArray[Any]] = {
            program.feed: np.array([0.5, -1.0, 2.0], np.float32),
            program.index: np.array(self.index, np.int32),
        }
        feeds.update({p: np.array(v) for p, v in zip(program.predicates, self.predicates, strict=True)})
        for i in self.fed_values:
            feeds[program.values[i % len(program.values)]] = np.array([4.0, 5.0, 6.0], np.float32)
        if self.fed_variable is not None:
            feeds[program.variables[self.fed_variable]] = np.array([-1.0, -2.0, -3.0], np.float32)
        return feeds


run_plans = st.lists(
    st.builds(
        RunPlan,
        predicates=st.tuples(st.booleans(), st.booleans()),
        # One of five indices is out of range: the run fails in its middle.
        index=st.integers(0, 4).map(lambda i: 9 if i == 4 else i % SIZE),
        picks=st.lists(st.integers(0, 40), min_size=1, max_size=5),
        fed_values=st.lists(st.integers(2, 20), max_size=1),
        fed_variable=st.sampled_from([None, None, None, 0, 1]),
        how=st.sampled_from(["run", "run", "callable", "read-only"]),
    ),
    min_size=1,
    max_size=4,
)
