from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np

from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.plugins.registry import FormatRegistry, Origin
from holdfast.testing.format_conformance import FormatConformance
from holdfast.testing.format_suite import DTYPES

PATH = Path(__file__).resolve().parents[2] / "docs/examples/holdfast_flat.py"


def _load() -> ModuleType:
    """Import the plug-in of the documentation."""
    spec = importlib.util.spec_from_file_location("holdfast_flat", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FLAT = _load()


class TestFlat(FormatConformance):
    """The format that docs/plugins/formats.md builds does what every format must do."""

    spec = FLAT.SPEC
    without: ClassVar = {dtype: "not among what it holds" for dtype in DTYPES if dtype not in FLAT.HELD}


def test_its_hook_registers_it(tmp_path: Path) -> None:
    """The hook adds the spec, with which the engine saves and restores."""
    registry = FormatRegistry(Origin("holdfast-flat", None, None))
    FLAT.register_formats(registry)
    specs = list(registry.specs.values())
    assert [spec.name for spec in specs] == ["flat"]
    write_checkpoint(tmp_path / "m", [tensor_source("w", np.arange(3))], formats=specs)
    with open_checkpoint(tmp_path / "m.flat", formats=specs) as checkpoint:
        assert checkpoint.read("w").tolist() == [0, 1, 2]
