"""Orbax with arrays of NumPy, as its documentation shows for a state that is no JAX array."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orbax.checkpoint as ocp

from tests.bench.peers.files import rows
from tests.bench.row import Contestant, Factory, single
from tests.bench.workloads import checkpoints


def facts() -> dict[str, str]:
    """Return the version."""
    return {"orbax-checkpoint": ocp.__version__}


_checkpointer = ocp.PyTreeCheckpointer()


def _save(arrays: dict[str, Any], path: str) -> None:
    _checkpointer.save(os.path.abspath(path), arrays, force=True)


def _load(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = _checkpointer.restore(os.path.abspath(path))
    return loaded


@contextmanager
def _blocked() -> Iterator[Contestant]:
    """Measure how long its asynchronous save blocks."""
    arrays = checkpoints.large()
    with checkpoints.directory() as place, ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:

        def blocked() -> float:
            start = time.perf_counter()
            checkpointer.save(os.path.abspath(f"{place}/saved"), arrays, force=True)
            took = time.perf_counter() - start
            checkpointer.wait_until_finished()
            return took

        yield single(blocked)


ROWS: dict[str, Factory] = {**rows(_save, _load), "checkpoint-blocked": _blocked}
