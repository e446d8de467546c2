"""What a restore asks for, how names are mapped, and the report on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from holdfast.checkpoint.names import escaped, printable
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.slices import SliceSpec
from holdfast.dtypes import DType
from holdfast.errors import InvalidArgumentError

NameMapping: TypeAlias = (
    "Mapping[str, str | None] | Sequence[tuple[str, str | None]] | Callable[[str], str | None] | None"
)
"""How wanted names become names of the checkpoint: a dict, rules of regular expressions of which the first that
matches the whole name counts, or a
function; a name that is mapped to None is not restored."""


@dataclass(frozen=True, slots=True)
class TensorRequest:
    """One tensor that is to be restored."""

    name: str
    """Its name in the checkpoint, before mapping."""
    dtype: DType | None = None
    """What it must be; None for whatever is stored."""
    shape: tuple[int, ...] | None = None
    """Shape of what is wanted: with `part`, of the part. None for whatever is stored."""
    part: SliceSpec | None = None
    """Which part of it is wanted; None for all of it."""
    label: str = ""
    """What it is for, such as a variable's name, where that is not `name`: for messages."""
    reshape: bool = False
    """Whether another shape with as many elements is fine."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One tensor that cannot be restored as it was asked for."""

    name: str
    """Its name in the checkpoint."""
    kind: Literal["dtype", "shape", "type", "structure"]
    """What differs: of a tree also the type of a plain value, or the kind or length of a container."""
    found: str
    """What the checkpoint has: ``float32 [2]``."""
    expected: str
    """What was asked for."""
    first_line: str
    """TensorFlow's message."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, by names in the checkpoint; ``print`` shows it line by line."""

    path: str
    """The file."""
    prefix: str
    """Prefix of the checkpoint."""
    restored: tuple[str, ...] = ()
    """Tensors that were restored."""
    missing: tuple[str, ...] = ()
    """Tensors that were asked for and are not there."""
    unexpected: tuple[str, ...] = ()
    """Tensors that are there and nobody asked for."""
    mismatched: tuple[Mismatch, ...] = ()
    """Tensors of another dtype or shape than was asked for."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Wanted name and name in the checkpoint, where the mapping made a difference."""
    skipped: tuple[str, ...] = ()
    """What was not restored and is as it was, by its own name, such as a variable's: what is missing or does not fit
    with ``strict=False``, and what the mapping leaves out."""
    global_step: int | None = None
    """The training step of the checkpoint, where one was given."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of quality that were given when it was saved."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The user's metadata that was given when it was saved."""

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was restored, and everything that is there."""
        return not self.skipped and not self.unexpected

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        sources = {source: wanted for wanted, source in self.renamed}
        rows: list[tuple[str, str, str]] = [
            *((item.name, "does not fit", f"{item.found}, wanted was {item.expected}") for item in self.mismatched),
            *((name, "missing", "") for name in self.missing),
            *((name, "left as it was", "") for name in self.skipped),
            *((name, "restored", f"as {sources[name]}" if name in sources else "") for name in self.restored),
            *((name, "in the checkpoint, not asked for", "") for name in self.unexpected),
        ]
        facts = {
            "file": self.path,
            "global step": self.global_step,
            "restored": f"{len(self.restored):,} of {len(self.restored) + len(self.unexpected):,} in the checkpoint",
            "metrics": ", ".join(f"{name} = {value:g}" for name, value in self.metrics.items()),
        }
        return table("Restored", facts, ("name", "state", ""), rows)

    def __str__(self) -> str:
        """Return what was done: counts, and the names of all that is not simply as it was saved."""
        step = "" if self.global_step is None else f", step {self.global_step}"
        lines = [f"Restored {_counted(len(self.restored))} from {printable(self.path, 500)}{step}."]
        lines += _lines("renamed", [f"{escaped(wanted)} from {escaped(name)}" for wanted, name in self.renamed])
        lines += _lines("missing in the checkpoint", list(map(escaped, self.missing)))
        lines += _lines(
            "of another dtype or shape",
            [f"{escaped(item.name)} is {item.found}, wanted was {item.expected}" for item in self.mismatched],
        )
        lines += _lines("left as they were", list(map(escaped, self.skipped)))
        lines += _lines("in the checkpoint, not asked for", list(map(escaped, self.unexpected)))
        return "\n".join(lines)


_MOST_NAMES = 20


def _counted(count: int) -> str:
    """Return ``3 tensors``."""
    return f"{count:,} tensor" + ("" if count == 1 else "s")


def _lines(title: str, items: Sequence[str]) -> list[str]:
    """Return a title with a line for each item, of many the first; nothing if there are none."""
    if not items:
        return []
    more = [f"    and {len(items) - _MOST_NAMES:,} more"] if len(items) > _MOST_NAMES else []
    return [f"  {title}:", *(f"    {item}" for item in items[:_MOST_NAMES]), *more]


def check_mapping(mapping: Mapping[str, str | None], wanted: Sequence[str], stored: Container[str]) -> None:
    """Refuse a dict that names what nobody wants: a slip, or the wrong way round."""
    known = set(wanted)
    name = next((name for name in mapping if name not in known), None)
    if name is None:
        return
    advice = "leave it out, or restore with strict=False"
    target = mapping[name]
    if name in stored and target in known:
        advice = f"write {{{printable(target or '')}: {printable(name)}}}"
    elif close := get_close_matches(name, wanted, n=1):
        advice = f"did you mean {printable(close[0])}?"
    raise InvalidArgumentError(
        None,
        None,
        f"The mapping has {printable(name)}, and no such tensor is asked for. It goes from names that are wanted to "
        f"names in the checkpoint: {advice}{'' if advice.endswith('?') else '.'}",
    )


def map_name(name: str, mapping: NameMapping) -> str | None:
    """Return the name in the checkpoint that a wanted name stands for."""
    if mapping is None:
        return name
    if callable(mapping):
        target = mapping(name)
    elif isinstance(mapping, Mapping):
        target = mapping.get(name, name)
    else:
        target = _by_rules(name, mapping)
    if target is not None and not isinstance(target, str):
        raise InvalidArgumentError(
            None,
            None,
            f"The mapping gives {target!r} for {printable(name)}, expected a name in the checkpoint, or None.",
        )
    return target


def _by_rules(name: str, rules: Sequence[tuple[str, str | None]]) -> str | None:
    """Return what the first rule that matches the whole name makes of it; without one, the name itself."""
    for rule in rules:
        try:
            pattern, replacement = rule
            match = re.fullmatch(pattern, name)
            if match is not None:
                return None if replacement is None else match.expand(replacement)
        except (re.error, TypeError, ValueError, IndexError) as error:
            raise InvalidArgumentError(
                None,
                None,
                f"The mapping rule {rule!r} is no regular expression and replacement: {error}. Give a dict from wanted "
                "names to names in the checkpoint, pairs of a regular expression and its replacement, or a function.",
            ) from error
    return name
