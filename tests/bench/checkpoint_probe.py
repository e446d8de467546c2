"""``python -m tests.bench.checkpoint_probe save|restore|convert``: print the memory that it takes beyond the arrays."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.workloads import checkpoints

_STATUS = Path("/proc/self/status")


def _resident(field: str) -> int:
    """Return a figure of Linux's on this process in bytes: VmRSS now, VmHWM at most."""
    found = re.search(rf"{field}:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{_STATUS} has no {field}")
    return int(found[1]) * 1024


def _peak(work: Callable[[], object]) -> int:
    """Return by how much the process grew at most during some work."""
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high-water mark begins anew
    kept = work()
    grown = _resident("VmHWM") - before
    del kept
    return grown


def main(operation: str) -> None:
    """Print the figure for one operation."""
    import holdfast as tf
    from holdfast.checkpoint import convert
    from tests.bench.checkpoint_models import Model

    with checkpoints.directory() as place:
        prefix = f"{place}/model.ckpt"
        with Model(checkpoints.large(), prefix, {"level": 0}, sync=False) as model:
            if operation == "save":
                print(_peak(model.save))  # noqa: T201  (for the process that asked)
                return
            model.save()
            if operation == "restore":
                model.session.close()
                with tf.Session(graph=model.session.graph) as fresh:
                    nbytes = checkpoints.LARGE_COUNT * checkpoints.LARGE_SIZE * 4
                    print(_peak(lambda: model.restore_into(fresh)) - nbytes)  # noqa: T201
                return
        print(_peak(lambda: convert(prefix, f"{place}/converted", format="npz")))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
