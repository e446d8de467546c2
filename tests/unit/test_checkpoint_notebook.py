from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    Mismatch,
    RestoreReport,
    RetentionPolicy,
    convert,
    diff,
    inspect,
    ls,
    open_checkpoint,
    verify,
)
from holdfast.checkpoint.notebook import MOST_ROWS, table
from tests.unit.checkpoint_files import BOTH, save

HOSTILE = "<script>alert(1)</script><img src=x onerror=y>'\"&amp;</td>"
_TAGS = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}


class _Reader(HTMLParser):
    """Collects what a browser would see: tags, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= set(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def read(shown: Any) -> str:
    """Check that an object's HTML is only a table, and return its text."""
    found = _Reader(shown._repr_html_())
    assert found.open == []
    assert set(found.tags) <= _TAGS
    assert found.attributes <= {("style", "text-align:left")}
    return found.text


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    """Return a checkpoint in which everything that can be is hostile."""
    name = f"{tmp_path}/{HOSTILE.replace('/', '')}-1"
    said: dict[str, Any] = {"global_step": 7, "metrics": {HOSTILE: 0.5}, "user": {HOSTILE: ["\x1b[2J\u202e", HOSTILE]}}
    return save(name, {HOSTILE: np.arange(3.0), "w": np.zeros(2), "s": np.array([b"x"], object)}, **said).prefix


def test_a_checkpoint(prefix: str) -> None:
    """An open checkpoint and its summary are tables of tensors, with what it says about itself."""
    with open_checkpoint(prefix, formats=BOTH) as checkpoint:
        text = read(checkpoint)
    for shown in (text, read(inspect(prefix, formats=BOTH))):
        assert f"{HOSTILE}\nfloat64\n[3]\n24\nstored\n" in shown
        assert "global step\n7\n" in shown
        assert "Checkpoint of 3 tensors" in shown
        assert "\\u001b[2J\\u202e" in shown
    assert "\n0\n1\n2\n" in read(inspect(prefix, formats=BOTH))


def test_a_save_and_a_restore(tmp_path: Path) -> None:
    """What was saved, and what was restored, are tables too."""
    text = read(save(f"{tmp_path}/m", {HOSTILE: np.zeros(1)}, global_step=3, metrics={HOSTILE: 1.0}))
    assert f"metrics\n{HOSTILE} = 1\n" in text
    mismatch = Mismatch(HOSTILE, "shape", "float32 [1]", HOSTILE, "")
    report = RestoreReport(
        HOSTILE, "p", (HOSTILE, "b"), ("m",), ("u",), (mismatch,), ((HOSTILE, "b"),), skipped=("k",), global_step=0
    )
    text = read(report)
    assert f"{HOSTILE}\ndoes not fit\nfloat32 [1], wanted was {HOSTILE}\n" in text
    assert f"b\nrestored\nas {HOSTILE}\n" in text
    assert "global step\n0\n" in text
    for line in (
        "m\nmissing\n",
        "u\nin the checkpoint, not asked for\n",
        "k\nleft as it was\n",
        "2 of 3 in the checkpoint",
    ):
        assert line in text


def test_the_reports_of_the_tools(prefix: str, tmp_path: Path) -> None:
    """So are the reports of verify, diff, convert and ls."""
    directory = Path(prefix).parent
    assert "intact" in read(verify(prefix, formats=BOTH))
    converted = convert(prefix, directory / "b-2", cast={"float64": "float16"}, formats=BOTH)
    assert f"{HOSTILE}\nfloat64\nfloat16\n0 of 3\n0\n" in read(converted)
    save(directory / "c-3", {"w": np.ones(2), "new": np.zeros(1)})
    text = read(diff(prefix, directory / "c-3", metadata=True, formats=BOTH))
    assert f"{HOSTILE}\nremoved\n" in text
    assert "w\nchanged\nvalues\nfloat64\n[2]\n2 of 2\n1\n1\n" in text
    assert "global_step\nmetadata\n7 → None\n" in text
    assert "No differences" in read(diff(prefix, prefix, formats=BOTH))
    Path(f"{directory}/c-3.npz").write_bytes(b"")
    for found in (ls(directory, formats=BOTH), ls(directory, policy=RetentionPolicy(), formats=BOTH)):
        assert "3 checkpoints" in read(found)
        assert "an empty file" in read(found)
    assert "damaged" in read(verify(directory, formats=BOTH))


def test_long_tables_are_cut() -> None:
    """Of many rows the first are shown, and of long texts the beginning."""
    found = _Reader(table("t", {"a": 0, "b": None, "c": ""}, ["n"], [[number] for number in range(MOST_ROWS + 5)]))
    assert found.tags.count("tr") == MOST_ROWS + 2
    assert "and 5 more" in found.text
    assert "a\n0\n" in found.text
    assert len(re.findall("x", table("x" * 10_000, {}))) == 299
