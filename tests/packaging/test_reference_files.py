from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_reference_configuration_is_the_shipped_one() -> None:
    """plugins.toml explains exactly the settings that holdfast ships."""
    shipped = (ROOT / "core/holdfast/default_plugins.toml").read_text(encoding="utf-8")
    assert tomllib.loads((ROOT / "plugins.toml").read_text(encoding="utf-8")) == tomllib.loads(shipped)


def test_every_dependency_has_a_reason() -> None:
    """Behind each requirement in pyproject.toml stands what it is for."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = PYPROJECT["project"]
    requirements = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    assert [r for r in requirements if not re.search(rf'^  "{re.escape(r)}", +# \S', text, re.MULTILINE)] == []


def test_every_lint_exception_has_a_reason() -> None:
    """A rule that is switched off says why, beside it or together with the rules above it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = re.search(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert ignored is not None
    lines = [line.strip() for line in ignored[1].splitlines()]
    assert lines[0].startswith("#")
    assert [line for line in lines if not re.fullmatch(r'#.*|"[A-Z0-9]+",( +# .+)?', line)] == []


def test_the_digits_are_those_of_the_source() -> None:
    """The example data are the 1,797 images and labels whose digests their README gives."""
    folder = ROOT / "docs/examples/data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    with np.load(folder / "digits.npz", allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    assert (images.shape, images.dtype, int(images.max())) == ((1797, 64), np.uint8, 16)
    assert (labels.shape, labels.dtype, set(labels.tolist())) == ((1797,), np.uint8, set(range(10)))
    assert hashlib.sha256(images.tobytes()).hexdigest() in readme
    assert hashlib.sha256(labels.tobytes()).hexdigest() in readme
