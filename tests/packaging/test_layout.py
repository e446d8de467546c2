from __future__ import annotations

import ast
import importlib
import importlib.metadata
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOTS = [ROOT / name for name in ("core", "backends", "formats")]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "misc", "common"}
MOST_LINES = 500


def sources() -> list[Path]:
    """Return every Python file of the packages and the tests."""
    found = [path for root in (*ROOTS, ROOT / "tests") for suffix in ("*.py", "*.pyi") for path in root.rglob(suffix)]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def test_the_wheel_lists_every_package() -> None:
    """A package that is missing in the wheel's list would work only in an editable install."""
    here = {path.parent.relative_to(ROOT).as_posix() for root in ROOTS for path in root.glob("*/__init__.py")}
    assert here == set(PACKAGES)


def face_imports(path: Path) -> list[str]:
    """Return the names of ``holdfast`` itself, not of its rooms, that a file imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name == "holdfast"]
        elif isinstance(node, ast.ImportFrom) and node.module == "holdfast" and node.level == 0:
            rooms = {entry.stem for entry in (ROOT / "core/holdfast").iterdir()}
            names += [alias.name for alias in node.names if alias.name not in rooms]
    return names


def test_nothing_inside_uses_the_face() -> None:
    """Rooms and plug-ins import from rooms; the face is above all floors, where the import contracts do not see it."""
    inside = [path for path in sources() if ROOT / "tests" not in path.parents and path.suffix == ".py"]
    assert {str(path.relative_to(ROOT)): names for path in inside if (names := face_imports(path))} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(package: str) -> None:
    """A type checker ignores the annotations of a package without py.typed."""
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_a_package(package: str) -> None:
    """A folder of modules without __init__.py is invisible to the import contracts."""
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("group", ["holdfast", "console_scripts"])
def test_every_entry_point_loads(group: str) -> None:
    """What pyproject.toml registers is installed under that name and can be imported."""
    table = PYPROJECT["project"]["scripts" if group == "console_scripts" else "entry-points"]
    declared = table if group == "console_scripts" else table[group]
    installed = {
        entry.name: entry for entry in importlib.metadata.distribution("holdfast").entry_points.select(group=group)
    }
    assert {name: entry.value for name, entry in installed.items()} == declared
    for entry in installed.values():
        entry.load()


def test_no_file_is_long() -> None:
    """A file of more than 500 lines is two files; only the stub of the face, a list of names, may be longer."""
    lengths = {p: p.read_text(encoding="utf-8").count("\n") for p in sources() if p.suffix == ".py"}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_module_is_named_after_nothing() -> None:
    """A module is named after what it knows."""
    named = [path for path in sources() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES]
    assert [str(path.relative_to(ROOT)) for path in named] == []


def test_the_version_has_one_source() -> None:
    """The version stands in the face alone, and the installed distribution has it (else run ``make -B test``)."""
    version = importlib.import_module("holdfast").__version__
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert importlib.metadata.version("holdfast") == version
    inside = [path for path in sources() if ROOT / "tests" not in path.parents]
    holders = [path for path in inside if f'"{version}"' in path.read_text("utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in holders] == ["core/holdfast/__init__.py"]
