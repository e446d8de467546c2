"""The public face: every name resolves, the stub agrees, and importing holdfast costs nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import holdfast as tf

STUB = Path(tf.__file__).with_name("__init__.pyi")


def stub_names() -> set[str]:
    """Return the public names that the stub declares."""
    names: set[str] = set()
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names - {"__all__"}


@pytest.mark.parametrize("name", tf.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """Each name of ``__all__`` is found in its room."""
    assert hasattr(tf, name)


def test_the_stub_declares_what_is_there() -> None:
    """Type checkers and Python see the same names, and the stub's list pins them."""
    assert stub_names() == set(tf.__all__)
    pinned = re.findall(r'^    "(\w+)",$', STUB.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(pinned) == set(tf.__all__)


def test_dir_lists_the_public_names() -> None:
    """``dir(holdfast)`` shows what there is, resolved or not."""
    assert dir(tf) == sorted(tf.__all__)


@pytest.mark.parametrize("room", [tf.errors, tf.train])
def test_dir_of_a_room_lists_its_public_names(room: ModuleType) -> None:
    """Modules that a room is made of, and what it imports, do not show."""
    assert dir(room) == sorted(room.__all__)


def test_the_message_of_a_saver_is_found_under_train() -> None:
    """``tf.train.SaverDef`` is the message class, and other names stay unknown."""
    assert tf.train.SaverDef.V2 == 2
    assert "SaverDef" in dir(tf.train)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = tf.train.Nothing


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there says so."""
    with pytest.raises(AttributeError, match="module 'holdfast' has no attribute 'flux_capacitor'"):
        _ = tf.flux_capacitor  # type: ignore[attr-defined]


def test_importing_holdfast_imports_nothing_heavy() -> None:
    """``import holdfast`` loads no room, no NumPy and no protocol buffers."""
    code = (
        "import sys, holdfast\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in {'numpy', 'google', 'holdfast'}))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['holdfast']"


def test_building_and_running_a_graph_needs_no_protocol_buffers() -> None:
    """Messages are built at first use: a graph, a session and a variable do without."""
    code = (
        "import sys, holdfast as tf\n"
        "v = tf.Variable([1.0])\n"
        "s = tf.Session()\n"
        "s.run(tf.global_variables_initializer())\n"
        "assert s.run(v + 1.0).tolist() == [2.0]\n"
        "print('google.protobuf' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "False"
