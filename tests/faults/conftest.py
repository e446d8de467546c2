"""What the fault tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.saved_directory import SavedDirectory


@pytest.fixture
def directory(tmp_path: Path) -> SavedDirectory:
    """Return an empty directory."""
    return SavedDirectory(tmp_path)
