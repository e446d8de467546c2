"""A program in which processes save, delete and read: ``python -m tests.faults.contention DIRECTORY FORMAT SECONDS``.

It prints what each of them did as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np

from holdfast.checkpoint import (
    CheckpointHistory,
    RetentionPolicy,
    SaveMetadata,
    latest_checkpoint,
    open_checkpoint,
    tensor_source,
    write_checkpoint,
)
from holdfast.errors import NotFoundError

KEPT = 2


def save(directory: str, format: str, base: str, number: int, until: float) -> int:
    """Save series of one's own, and the prefix that all share, and keep the last few; return how often."""
    history = CheckpointHistory(RetentionPolicy(latest=KEPT))
    version = number
    while time.monotonic() < until:
        version += 2
        sources = [tensor_source(name, np.full(5_000, version)) for name in ("a", "b")]
        notes = SaveMetadata(global_step=version, lineage=base)
        write_checkpoint(f"{directory}/shared", sources, format=format, metadata=notes)
        history.add(write_checkpoint(f"{directory}/{base}-{version}", sources, format=format, metadata=notes))
        history.publish(directory, f"checkpoint-{base}")
        for record in history.records[-KEPT:]:
            read(record.prefix)
    return version // 2


def read(prefix: str) -> None:
    """Read a checkpoint; a mixture is an error."""
    with open_checkpoint(prefix) as checkpoint:
        a, b, step = checkpoint.read("a"), checkpoint.read("b"), checkpoint.metadata.global_step
    if not (a == step).all() or not (b == step).all():
        raise AssertionError(f"{prefix} is a mixture")


def read_shared(directory: str, until: float) -> int:
    """Read what the writers replace and the deleter deletes; return how often it was there."""
    found = 0
    while time.monotonic() < until:
        try:
            read(f"{directory}/shared")
            found += 1
        except NotFoundError:
            time.sleep(0)
    return found


def delete_shared(directory: str, until: float) -> int:
    """Delete what the writers share now and then, without asking anyone; return how often."""
    deleted = 0
    while time.monotonic() < until:
        for name in os.listdir(directory):
            if name.startswith("shared."):
                try:
                    os.unlink(f"{directory}/{name}")
                    deleted += 1
                except FileNotFoundError:
                    continue
        time.sleep(0.02)
    return deleted


def start(work: Callable[[], int]) -> tuple[int, int]:
    """Do something in a process of its own, which writes the number it gives to a pipe."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(writing, b"%d" % work())
            status = 0
        except BaseException:  # noqa: BLE001  # it is told, and the process ends
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    return pid, reading


def main(directory: str, format: str, seconds: float) -> None:
    """Let two writers, a deleter and a reader loose, and check what they leave."""
    until = time.monotonic() + seconds
    workers = {
        "one": start(lambda: save(directory, format, "one", 0, until)),
        "two": start(lambda: save(directory, format, "two", 1, until)),
        "read": start(lambda: read_shared(directory, until)),
        "deleted": start(lambda: delete_shared(directory, until)),
    }
    figures = {}
    for name, (pid, pipe) in workers.items():
        _, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(f"{name} failed")
        with open(pipe, encoding="ascii") as text:
            figures[name] = int(text.read())
    for base in ("one", "two"):
        latest = latest_checkpoint(directory, f"checkpoint-{base}")
        left = [name for name in os.listdir(directory) if name.startswith(f"{base}-")]
        if latest is None or not os.path.basename(latest).startswith(f"{base}-") or len(left) != KEPT:
            raise AssertionError(f"{base} was left with {left}, the latest is {latest}")
        read(latest)
    print(json.dumps(figures))  # noqa: T201  # what it is for


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
