"""What every test has: an empty default graph, no default session, and hypothesis without deadlines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
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
