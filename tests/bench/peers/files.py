"""The rows on checkpoints of libraries that save a dict of arrays to a path and load it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from tests.bench.row import Contestant, Factory, Proof, stepping
from tests.bench.workloads import checkpoints
from tests.bench.workloads.checkpoints import Arrays

Save = Callable[[Any, str], object]
"""Saves what ``prepare`` made to a path, over what is there."""
Load = Callable[[str], dict[str, Any]]
"""Loads all arrays from a path into memory of their own."""


@contextmanager
def _saving(make: Callable[[], Arrays], prepare: Callable[[Arrays], Any], save: Save) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        state = prepare(make())
        yield stepping(lambda: save(state, f"{place}/saved"))


@contextmanager
def _loading(
    make: Callable[[], Arrays], prepare: Callable[[Arrays], Any], save: Save, load: Load
) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        names = list(make())
        save(prepare(make()), f"{place}/saved")

        def proof() -> Proof:
            loaded = load(f"{place}/saved")
            return [np.asarray(loaded[name]) for name in names]

        yield stepping(lambda: load(f"{place}/saved"), proof)


@contextmanager
def _loading_one(prepare: Callable[[Arrays], Any], save: Save, load: Callable[[str], Any]) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        save(prepare(checkpoints.large()), f"{place}/saved")
        yield stepping(lambda: load(f"{place}/saved"), lambda: [np.asarray(load(f"{place}/saved"))])


def rows(
    save: Save,
    load: Load,
    load_one: Callable[[str], Any] | None = None,
    prepare: Callable[[Arrays], Any] = dict,
) -> dict[str, Factory]:
    """Return the contestants of a library.

    Parameters
    ----------
    save, load
        What it does.
    load_one
        Loads the tensor :data:`checkpoints.ONE` alone; None where it cannot.
    prepare
        Turns arrays into what it saves; not measured.
    """
    found: dict[str, Factory] = {}
    for name, make in (
        ("checkpoint", checkpoints.large),
        ("checkpoint-small", checkpoints.small),
        ("weights", checkpoints.minilm),
    ):
        found[f"{name}-save"] = partial(_saving, make, prepare, save)
        found[f"{name}-restore"] = partial(_loading, make, prepare, save, load)
    if load_one is not None:
        found["checkpoint-one-tensor"] = partial(_loading_one, prepare, save, load_one)
    return found
