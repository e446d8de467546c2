from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from holdfast.checkpoint import SaveMetadata, tensor_source, write_checkpoint
from holdfast.cli import main
from tests.unit.checkpoint_files import series

MARKUP = "[red]x[/red][link=http://evil]y[/link] [bold"
CONTROLS = "\x1b[2J\x1b]0;title\x07\r\x9b31m\u202egpj.exe\u2066\ud800"
SCRIPT = Path(sys.executable).parent / "holdfast"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(prefix: str, **tensors: object) -> None:
    """Write a checkpoint in which every text that a program may give is hostile."""
    said = SaveMetadata(metrics={MARKUP + "\x1b": 1.0}, user={"\x1b[2J": [MARKUP, "\u202e"]}, global_step=1)
    sources = [tensor_source(name, np.asarray(array)) for name, array in tensors.items()]
    write_checkpoint(prefix, sources, metadata=said, format="npz")


def run(*arguments: str) -> tuple[int, str]:
    """Run the command line; return its status and all that it printed, which no terminal would act on."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert [c for c in result.output if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}] == []
    return result.exit_code, result.output


def test_names_are_shown_as_they_are() -> None:
    """Markup in names, metadata and paths is text, and nothing that moves a cursor gets out."""
    save("a", **{MARKUP: np.arange(3.0), "n" * 1000: 1, "s": np.array(CONTROLS.encode("utf-8", "surrogatepass"))})
    save("b", **{MARKUP: np.arange(3.0) + 1, "new" + MARKUP: 1})
    for arguments in (
        ["inspect", "a", "--stats", "--values", "--histogram"],
        ["diff", "a", "b", "--metadata"],
        ["convert", "a", "c", "--format", "npz", "--cast", "float64=float32"],
        ["inspect", "a", "--json", "--values"],
        ["diff", "a", "b", "--json"],
    ):
        output = run(*arguments)[1]
        assert MARKUP in output, arguments
        assert "n" * 130 not in output or "--json" in arguments
    assert "\\x1b" in run("inspect", "a")[1]


def test_paths_are_escaped() -> None:
    """Names of files come from whoever made them."""
    hostile = f"{CONTROLS.replace(chr(0xD800), '')}{MARKUP.replace('/', '')}-1"
    save(hostile, w=1)
    save("b", w=2)
    for arguments in (
        ["ls"],
        ["ls", "--dry-run"],
        ["verify", "."],
        ["verify", hostile],
        ["inspect", hostile],
        ["diff", hostile, "b"],
        ["convert", hostile, hostile + "2"],
    ):
        assert "\\x1b[2J" in run(*arguments)[1], arguments
    Path(f"{hostile}.npz").write_bytes(b"\x1b[2J")
    for arguments in (["ls"], ["verify", "."], ["verify", hostile], ["inspect", hostile], ["inspect", f"no{hostile}"]):
        assert "\\x1b[2J" in run(*arguments)[1], arguments


@pytest.mark.parametrize("command", ["inspect", "verify", "diff", "convert", "ls"])
def test_help(command: str) -> None:
    """Each command explains itself, with examples and its exit statuses; what it names as an option, it has."""
    code, output = run(command, "--help")
    assert code == 0
    assert "Examples:\n    holdfast" in output
    assert "Exits " in output
    described = set(re.findall(r"(?<![\w-])--[a-z-]+", output.split("Options:")[1]))
    used = set(re.findall(r"(?<![\w-])--[a-z-]+", output))
    assert used <= described | {"--json"}


def test_examples_of_the_help_parse() -> None:
    """No example is a wrong command line: what fails is that there is no such checkpoint."""
    for command in ("inspect", "diff", "convert", "ls"):
        lines = re.findall(rf"^    holdfast {command} (.*)$", run(command, "--help")[1], re.MULTILINE)
        assert lines
        for line in lines:
            words = shlex.split(line.split(" | ")[0].split(" && ")[0])
            code, output = run(command, *words)
            assert code == 2
            assert "Usage:" not in output, output


def holdfast(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_program() -> None:
    """Each command runs as a program of its own: output on the one stream, errors on the other, and a status."""
    series(".", 3)
    assert "3 checkpoints" in holdfast("ls").stdout
    found = holdfast("inspect", ".", "--json")
    assert (found.returncode, json.loads(found.stdout)["metadata"]["global_step"], found.stderr) == (0, 3, "")
    found = holdfast("diff", "m.ckpt-1", "m.ckpt-2")
    assert (found.returncode, found.stderr) == (1, "")
    found = holdfast("convert", "m.ckpt-1", "copy.npz")
    assert (found.returncode, found.stderr) == (0, "")
    assert holdfast("verify", ".", "--quiet").returncode == 0
    Path("copy.npz").write_bytes(Path("copy.npz").read_bytes()[:-5])
    assert holdfast("verify", ".", "--quiet").returncode == 1
    found = holdfast("inspect", "nope")
    assert (found.returncode, found.stdout, found.stderr.count("Traceback")) == (2, "", 0)


_INTERRUPTED = """
import os, signal, sys
from holdfast.cli import convert, main

class Interrupts:
    def __enter__(self):
        return lambda done, total: os.kill(os.getpid(), signal.SIGINT)
    def __exit__(self, *_):
        return None

convert.progress = lambda what: Interrupts()
main(["convert", "a", "b.npz"])
"""


def test_an_interruption_leaves_nothing() -> None:
    """Ctrl-C in the middle of a conversion: a word on it, the status of shells, no traceback, no file."""
    save("a", w=np.zeros(1000))
    command = [sys.executable, "-c", _INTERRUPTED]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (130, "")
    assert found.stderr == "Interrupted: nothing was left behind.\n"
    assert sorted(os.listdir()) == ["a.npz"]


def test_a_reader_that_has_seen_enough() -> None:
    """``holdfast ls | head`` ends without a traceback."""
    series(".", 3)
    command = f"{SCRIPT} ls --json | head -c 1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (found.stdout, found.stderr) == ("{", "")


_SLOW = """
from holdfast.cli import progress
from holdfast.cli.progress import progress as bar

progress._PATIENCE = 0
with bar("[red]what\\x1b[2J") as tell:
    for done in range(3 if tell else 0):
        tell(done, 2)
print("done")
"""


def test_progress_on_a_terminal() -> None:
    """A bar is drawn on standard error if that is a terminal; standard output has none of it."""
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", _SLOW]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, check=True, timeout=60, env=environment)
    os.close(follower)
    drawn = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert found.stdout == b"done\n"
    assert "[red]what\\x1b[2J" in drawn
    assert "100%" in drawn
    quiet = subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment)
    assert (quiet.stdout, quiet.stderr) == (b"done\n", b"")
