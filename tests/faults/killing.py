"""A program that kills processes while they save: ``python -m tests.faults.killing DIRECTORY FORMAT KILLS SEED``.

It prints what happened as JSON. The savers are forked from it, so that one costs milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback

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

NAMES = ("a", "b", "c", "step")


def save_for_ever(directory: str, format: str, version: int, acknowledged: int) -> None:
    """Resume, and save one version after the other; each is announced before, and acknowledged after it was saved."""
    history = CheckpointHistory(RetentionPolicy(latest=2))
    if version:
        history.adopt(f"{directory}/m.ckpt-{version}", lineage="killed")
    noise = np.random.default_rng(version).integers(0, 255, 1 << 18, np.uint8)
    while True:
        version += 1
        os.write(acknowledged, b"begin %d\n" % version)
        values = [noise + np.uint8(version % 251)] * 3 + [np.array(version)]
        sources = [tensor_source(name, value) for name, value in zip(NAMES, values, strict=True)]
        notes = SaveMetadata(global_step=version, lineage="killed")
        saved = write_checkpoint(f"{directory}/m.ckpt-{version}", sources, format=format, metadata=notes)
        history.add(saved)
        history.publish(directory)
        os.write(acknowledged, b"done %d\n" % version)
        np.sort(noise)  # some work between the saves, as training would be


def kill_one(directory: str, format: str, version: int, seconds: float) -> tuple[int, bool]:
    """Let a process save for some time, kill it, and return what it had acknowledged and whether it was saving."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            save_for_ever(directory, format, version, writing)
        except BaseException:  # noqa: BLE001  # it is told, and the process ends
            traceback.print_exc()
        finally:
            os._exit(1)  # it is to be killed, not to return
    os.close(writing)
    # The first announcement says that it has begun.
    if not select.select([reading], [], [], 30)[0]:
        raise TimeoutError("the saving process does not begin")
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
        raise RuntimeError("the saving process ended by itself")
    with open(reading, encoding="ascii") as lines:
        words = [line.split() for line in lines]
    done = [int(number) for word, number in words if word == "done"]
    return (done[-1] if done else version), words[-1][0] == "begin"


def restored(directory: str) -> int:
    """Return the version of the latest checkpoint, 0 if there is none; a mixture is an error."""
    latest = latest_checkpoint(directory)
    if latest is None:
        return 0
    with open_checkpoint(latest) as checkpoint:
        found = {name: checkpoint.read(name) for name in checkpoint.entries}
        step = checkpoint.metadata.global_step
    version = int(found["step"])
    same = all(np.array_equal(found["a"], found[name]) for name in ("b", "c"))
    if tuple(found) != NAMES or not same or step != version:
        raise AssertionError(f"{latest} is a mixture")
    return version


def main(directory: str, format: str, kills: int, seed: int) -> None:
    """Kill so many savers, and check after each what can be restored."""
    rng = random.Random(seed)  # noqa: S311
    # As long as two saves take here, or so, that some of the killed got something done.
    version, _ = kill_one(directory, format, 0, 0.5)
    longest = 2 * 0.5 / max(1, version)
    version = restored(directory)
    during = unacknowledged = 0
    for _ in range(kills):
        acknowledged, saving = kill_one(directory, format, version, rng.uniform(0, longest))
        version = restored(directory)
        if not acknowledged <= version <= acknowledged + 1:
            raise AssertionError(f"{acknowledged} was acknowledged, {version} is restored")
        during += saving
        unacknowledged += version > acknowledged
    left = [name for name in os.listdir(directory) if ".tmp-" in name]
    figures = {"kills": kills, "during": during, "unacknowledged": unacknowledged, "left": len(left), "last": version}
    print(json.dumps(figures))  # noqa: T201  # what it is for


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
