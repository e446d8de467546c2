"""What every test has: an empty default graph, no default session, hypothesis without deadlines, and a counter.

The counter is for tests that try many cases in a loop: their numbers are printed at the end of the run.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them send to themselves.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


@pytest.fixture(autouse=True)
def fresh_default_graph() -> Iterator[None]:
    """Start each test with an empty default graph and no default session, and leave none behind."""
    from holdfast.graph import reset_default_graph
    from holdfast.graph.sessions import reset_default_sessions

    reset_default_graph()
    reset_default_sessions()
    yield
    reset_default_sessions()
    reset_default_graph()


@pytest.fixture
def count_cases(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Return a function that takes what was tried and how often, for the end of the run."""
    return lambda what, number: record_property(f"{_CASES}{what}", number)


_CASES = "cases: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases the tests counted; it works across workers, whose reports carry the properties."""
    totals: dict[str, int] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, number in getattr(report, "user_properties", ()) if report.when == "call" else ():
            if name.startswith(_CASES):
                totals[name.removeprefix(_CASES)] = totals.get(name.removeprefix(_CASES), 0) + number
    if totals:
        terminalreporter.section("cases tried in loops")
        for what, number in sorted(totals.items()):
            terminalreporter.write_line(f"{number:>10,}  {what}")
