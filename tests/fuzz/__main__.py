"""Run the targets under atheris: ``python -m tests.fuzz --seconds 60 [--target container]``; `make fuzz` does it.

Inputs that reach something new are kept in ``.fuzz/``, which git ignores. What fails is put into
``tests/fuzz/crashes``, which the ordinary tests replay: commit it with its repair. ``--seed`` writes the sound files
of the corpus.
"""

from __future__ import annotations

import argparse
import logging
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.target import Target  # which imports what is to be instrumented

FOLDER = Path(__file__).parent
NAMES = ("container", "npz", "manifest", "state", "metadata", "graph")
_LARGEST = 16_384
_MOST_MEMORY = 1 << 30
_MOST_AT_ONCE = 120
"""Seconds of one process: code that atheris instruments loses some memory."""
_PACKAGES = ["holdfast", "holdfast_msgpack", "holdfast_npz"]


def write_seeds() -> None:
    """Write the sound files that every corpus begins with."""
    from tests.fuzz.catalogue import TARGETS
    from tests.fuzz.manifests import write_parts

    write_parts()
    for target in TARGETS.values():
        folder = FOLDER / "corpus" / target.name
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in target.seeds().items():
            (folder / name).write_bytes(data)


def changer(target: Target) -> Callable[[bytes, int, int], bytes]:
    """Return what atheris calls for the next input: mostly the target's own changes, at times libFuzzer's."""
    import atheris

    def change(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311  # no secrets here
        if random.random() < 0.1:
            return bytes(atheris.Mutate(data, most))
        changed = target.changed(data, random)
        return changed if len(changed) <= most else bytes(atheris.Mutate(data, most))

    return change


def fuzz(name: str, seconds: int) -> None:
    """Run one target; does not return."""
    import atheris

    logging.disable()  # the readers' warnings about what they skip
    with atheris.instrument_imports(include=_PACKAGES), redirect_stderr(StringIO()):  # a line for each module
        from tests.fuzz.catalogue import TARGETS

        target = TARGETS[name]
        for data in target.seeds().values():  # imports what is imported at first use
            target.attempt(data)
    found, crashes = FOLDER.parents[1] / ".fuzz" / name, FOLDER / "crashes" / name
    found.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    options = {
        "max_total_time": seconds,
        "max_len": _LARGEST,
        "timeout": 10,
        "rss_limit_mb": _MOST_MEMORY >> 20,
        "artifact_prefix": f"{crashes}/",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    arguments = [f"-{key}={value}" for key, value in options.items()]
    folders = [str(found), str(FOLDER / "corpus" / name)]
    atheris.Setup([sys.argv[0], *arguments, *folders], target.attempt, custom_mutator=changer(target))
    atheris.Fuzz()


def main() -> int:
    """Run the targets one after the other, each in a process of its own; return how many failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the readers.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=NAMES, action="append", help="this one only; may be repeated")
    parser.add_argument("--seed", action="store_true", help="write the sound files of the corpus and stop")
    parser.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.seed:
        write_seeds()
        return 0
    if given.one:
        fuzz(given.one, given.seconds)
    failed = []
    for name in given.target or NAMES:
        print(f"======== {name}, {given.seconds} s", flush=True)  # noqa: T201  # a program that talks
        for start in range(0, given.seconds, _MOST_AT_ONCE):
            seconds = min(_MOST_AT_ONCE, given.seconds - start)
            command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(seconds)]
            if subprocess.run(command, cwd=FOLDER.parents[1], check=False).returncode:
                failed.append(name)
                break
    if failed:
        print(f"failed: {', '.join(failed)}; the inputs are in {FOLDER / 'crashes'}", file=sys.stderr)  # noqa: T201
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
