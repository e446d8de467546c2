"""Every code block of README.md and docs/ runs, and prints what the document says.

A document's ``python`` blocks share one namespace and run from top to bottom in an empty working directory. A block
that starts with ``>>>`` is a doctest. An ``output`` block is compared with all that was printed since the last one.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.metadata
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sybil import Document, Example, Sybil
from sybil.evaluators.doctest import DocTestEvaluator
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from holdfast.plugins import load_plugins, use_plugins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sybil import Region

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DOCUMENTS = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]


class Blocks:
    """Parses ``python`` and ``output`` fences; keeps what the code prints."""

    def __init__(self) -> None:
        self._printed = io.StringIO()
        self._run = PythonEvaluator(["annotations"])
        self._code = CodeBlockParser("python", self._evaluate)
        self._output = CodeBlockParser("output", self._compare)
        self._doctest = DocTestStringParser(DocTestEvaluator(FLAGS))

    def __call__(self, document: Document) -> Iterable[Region]:
        for region in self._code(document):
            if region.parsed.startswith(">>>"):
                for inner in self._doctest(region.parsed, document.path):
                    inner.adjust(region, region.parsed)
                    yield inner
            else:
                yield region
        yield from self._output(document)

    def _evaluate(self, example: Example) -> None:
        with contextlib.redirect_stdout(self._printed):
            self._run(example)

    def _compare(self, example: Example) -> str | None:
        got = self._printed.getvalue()
        self._printed.seek(0)
        self._printed.truncate()
        want = str(example.parsed)
        if doctest.OutputChecker().check_output(want, got, FLAGS):
            return None
        return f"The document says:\n{want}\nbut the code above it printed:\n{got}"


def parse(path: Path) -> Document:
    """Return the document with its runnable blocks."""
    return Sybil([Blocks(), SkipParser()], path=str(ROOT)).parse(path)


def run(document: Document) -> None:
    """Evaluate the blocks from top to bottom; the first that fails raises."""
    for example in document:
        example.evaluate()


@pytest.fixture
def only_our_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let holdfast's own plug-ins be all that are installed, under the shipped configuration."""
    ours = importlib.metadata.distribution("holdfast").entry_points
    monkeypatch.setattr(importlib.metadata, "entry_points", ours.select)
    monkeypatch.delenv("HOLDFAST_CONFIG", raising=False)
    with use_plugins(load_plugins()):
        yield


@pytest.mark.usefixtures("only_our_plugins")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_code_of_a_document_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block runs after those above it, and what is printed is what the document shows."""
    monkeypatch.chdir(tmp_path)
    run(parse(path))


@pytest.mark.usefixtures("only_our_plugins")
def test_documents_do_not_see_what_else_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third party's plug-in in the environment changes no list that a document prints."""
    info = tmp_path / "another-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[holdfast]\nanother = json\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.metadata.version("another") == "1.0"
    assert {row.distribution for row in load_plugins().report()} == {"holdfast"}


def test_a_wrong_output_block_is_found(tmp_path: Path) -> None:
    """An output block that differs from what was printed fails, and the message shows both."""
    path = tmp_path / "wrong.md"
    path.write_text("```python\nprint(1 + 1)\n```\n\n```output\n3\n```\n", encoding="utf-8")
    with pytest.raises(SybilFailure, match=r"(?s)says:\n3\n.*printed:\n2\n"):
        run(parse(path))


def test_the_readme_shows_code_and_its_output() -> None:
    """README.md has a code block to run and an output block to compare."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```python\n" in text
    assert "```output\n" in text
