"""Build the wheel, install it into a clean environment outside the repository, and run the tests against it there.

A package that the wheel lacks, or a file that only an editable install has, shows here and nowhere else.
Run by ``make wheel-test``; arguments are passed on to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
# What the tests read besides themselves. None of it is importable as holdfast.
COPIED = ("tests", "docs", "README.md", "plugins.toml", "pyproject.toml")
LOAD_ENTRY_POINTS = """
import importlib.metadata, pathlib, sys
import holdfast
where = pathlib.Path(holdfast.__file__).resolve()
assert where.is_relative_to(pathlib.Path(sys.prefix).resolve()), f"holdfast was imported from {where}"
entries = [entry for group in ("holdfast", "console_scripts")
           for entry in importlib.metadata.distribution("holdfast").entry_points.select(group=group)]
assert len(entries) >= 3, entries
for entry in entries:
    entry.load()
    print(f"  {entry.group}: {entry.name} = {entry.value}")
"""


def run(arguments: Sequence[str | Path], cwd: Path, **environment: str) -> None:
    """Run a command in ``cwd``, without what the calling environment says about Python; stop if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    subprocess.run([str(argument) for argument in arguments], cwd=cwd, env=kept | environment, check=True)


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the working tree into ``folder`` and return its path."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], cwd=folder)
    (wheel,) = folder.glob("holdfast-*.whl")
    return wheel


def main(arguments: list[str]) -> None:
    """Build, install, load every entry point, run the tests."""
    with tempfile.TemporaryDirectory(prefix="holdfast-wheel-") as name:
        folder = Path(name).resolve()
        wheel = build_wheel(folder)
        print(f"built {wheel.name}", flush=True)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        run([python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", f"{wheel}[test]"], cwd=folder)
        print("entry points:", flush=True)
        run([python, "-c", LOAD_ENTRY_POINTS], cwd=folder)
        outside = folder / "outside"
        outside.mkdir()
        for item in COPIED:
            source = ROOT / item
            if source.is_dir():
                shutil.copytree(source, outside / item, ignore=shutil.ignore_patterns("__pycache__", "_build"))
            else:
                shutil.copy2(source, outside / item)
        # The layout is the repository's, not the wheel's.
        options = ["-q", "-n", "2", "--dist", "loadfile", "--ignore=tests/packaging"]
        run([python, "-m", "pytest", *options, *arguments], cwd=outside)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"failed with exit status {error.returncode}: {' '.join(error.cmd)}")
