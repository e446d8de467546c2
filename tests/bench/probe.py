"""``python -m tests.bench.probe ROW CONTESTANT``: do the work a few times and print the process's peak memory."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STEPS = 5
_STATUS = Path("/proc/self/status")


def main(row_name: str, contestant: str) -> None:
    """Print the most bytes of memory that the process had."""
    from tests.bench.catalogue import ROWS

    row = next(row for row in ROWS if row.name == row_name)
    with row.contestants[contestant]() as ready:
        ready.sample(_STEPS)
    print(_peak())  # noqa: T201  (for the process that asked)


def _peak() -> int:
    """Return the most bytes that were resident at once."""
    if _STATUS.exists():
        # Linux's ru_maxrss begins with the size of the process that started this one; VmHWM does not.
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        if found is not None:
            return int(found[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
