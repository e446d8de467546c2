from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.contracts import FormatSpec
from holdfast.plugins import FormatRegistry, Origin

ORIGIN = Origin("holdfast-x", "holdfast-x", "1.0")
SOUND = FormatSpec("my-format", (".my",), ((0, b"MY"),), lambda _: None, "digest")  # type: ignore[arg-type,return-value]

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"suffixes": ()}, r"Format 'my-format' needs a tuple with at least one suffix, got \(\)"),
    ({"suffixes": ".my"}, "Format 'my-format' needs a tuple with at least one suffix, got '.my'"),
    ({"suffixes": ("my",)}, "'my' is no valid suffix of format 'my-format'; it must be a dot and a name"),
    ({"suffixes": (".a/../b",)}, "no valid suffix"),
    ({"suffixes": (".my", ".my")}, "Format 'my-format' names a suffix twice"),
    ({"magic": ((-1, b"MY"),)}, "needs as magic a tuple of"),
    ({"magic": ((0, b""),)}, "needs as magic a tuple of"),
    ({"magic": ((0, "MY"),)}, "needs as magic a tuple of"),
    ({"integrity": "md5"}, "Integrity of format 'my-format' is 'md5', expected one of"),
    ({"name": "a--b"}, "'a--b' is no valid format name; it must be kebab-case"),
    ({"name": "b\nc"}, "no valid format name"),
]


@pytest.mark.parametrize("fields,message", WRONG, ids=[str(fields) for fields, _ in WRONG])
def test_format_spec_is_checked_when_it_is_added(fields: dict[str, Any], message: str) -> None:
    """What could not work later is refused at registration."""
    registry = FormatRegistry(ORIGIN)
    with pytest.raises(ValueError, match=message):
        registry.add(replace(SOUND, **fields))
    assert registry.specs == {}


def test_factory_must_be_callable() -> None:
    """A class or function, not the format itself."""
    with pytest.raises(TypeError, match="The factory of format 'my-format' is not callable: 3"):
        FormatRegistry(ORIGIN).add(replace(SOUND, factory=3))  # type: ignore[arg-type]


def test_sound_spec_is_kept() -> None:
    """By its name."""
    registry = FormatRegistry(ORIGIN)
    registry.add(SOUND)
    assert registry.specs == {"my-format": SOUND}


def test_origin_compares_distributions_as_pip_does() -> None:
    """Case, dots, hyphens and underscores do not distinguish distributions."""
    assert Origin("x", "Holdfast_Torch", "1").is_from("holdfast.torch")
    assert not Origin("x", None, None).is_from(None)
    assert str(Origin("x", None, None)) == "x (unknown distribution)"
