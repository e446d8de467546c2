"""What training takes of memory: beyond its variables in one step, for ever, and all in all."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.bench.machine import ROOT
from tests.bench.row import Contestant, Factory, Row, Target, ready, single
from tests.bench.rows import perceptrons, updates
from tests.bench.workloads import mlp
from tests.bench.workloads.updates import ADAM_SIZE

_WARM_UP = 5
_STEPS = 500
_BATCH = 32
_FLOAT = 4


def _peak(contestant: Contestant) -> float:
    """Return the most bytes that a step of a warm loop holds beyond what was there before it."""
    tracemalloc.start()
    try:
        contestant.sample(_WARM_UP)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        contestant.sample(_WARM_UP)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _growth(contestant: Contestant) -> float:
    """Return how many bytes a step of a warm loop keeps."""
    tracemalloc.start()
    try:
        contestant.sample(_STEPS)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        contestant.sample(_STEPS)
        gc.collect()
        return max(0.0, (tracemalloc.get_traced_memory()[0] - before) / _STEPS)
    finally:
        tracemalloc.stop()


def _traced(factory: Factory, value: Callable[[Contestant], float]) -> Factory:
    """Return the factory of a contestant that measures another one's memory."""

    @contextmanager
    def traced() -> Iterator[Contestant]:
        with factory() as contestant:
            yield single(partial(value, contestant))

    return traced


def _resident(row: str, contestant: str) -> float:
    """Return the peak memory of a process that does nothing but a few steps of a contestant."""
    command = [sys.executable, "-m", "tests.bench.probe", row, contestant]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _processes(row: str, *names: str) -> dict[str, Factory]:
    """Return contestants that are processes of their own."""
    return {name: ready(partial(single, partial(_resident, row, name))) for name in names}


def _fixed(value: float) -> Factory:
    """Return a contestant that is a figure to compare with."""
    return ready(lambda: single(lambda: value))


_WEIGHTS = float(mlp.SIZES[0] * mlp.SIZES[1] * _FLOAT)
_NO_ARRAY = [Target(0.999, "a variable")]

ROWS = [
    Row(
        "allocated-sgd-step",
        f"most memory that an SGD step (batch {_BATCH}) allocates in a warm loop; baseline: the weights 784 x 200",
        {
            "a variable": _fixed(_WEIGHTS),
            "numpy": _traced(ready(partial(perceptrons.numpy_training, _BATCH)), _peak),
            "holdfast": _traced(partial(perceptrons.training, _BATCH), _peak),
        },
        baseline="a variable",
        targets=_NO_ARRAY,
        unit="B",
        group="Memory",
    ),
    Row(
        "allocated-adam-step",
        "most memory that an Adam step over 10 M parameters allocates in a warm loop; baseline: the parameters",
        {
            "a variable": _fixed(float(ADAM_SIZE * _FLOAT)),
            "holdfast": _traced(updates.adam, _peak),
        },
        baseline="a variable",
        targets=_NO_ARRAY,
        unit="B",
        group="Memory",
    ),
    Row(
        "kept-sgd-step",
        f"memory that an SGD step (batch {_BATCH}) keeps; the smallest variable has 40 bytes",
        {
            "numpy": _traced(ready(partial(perceptrons.numpy_training, _BATCH)), _growth),
            "holdfast": _traced(partial(perceptrons.training, _BATCH), _growth),
        },
        targets=[Target(40.0)],
        unit="B",
        group="Memory",
    ),
    Row(
        "resident-sgd",
        f"peak resident memory of a process that trains, batch {_BATCH}; baseline: hand-written",
        _processes(f"sgd-step-{_BATCH}", "numpy", "holdfast"),
        baseline="numpy",
        unit="B",
        group="Memory",
    ),
    Row(
        "resident-adam",
        "peak resident memory of a process that does Adam over 10 M parameters; baseline: hand-written",
        _processes("adam-10m", "numpy", "holdfast"),
        baseline="numpy",
        unit="B",
        group="Memory",
    ),
]
