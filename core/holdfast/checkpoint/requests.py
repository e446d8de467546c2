"""What a restore asks for, how names are mapped, and the report on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from holdfast.checkpoint.slices import SliceSpec
from holdfast.dtypes import DType
from holdfast.errors import InvalidArgumentError

NameMapping: TypeAlias = "Mapping[str, str | None] | Sequence[tuple[str, str]] | Callable[[str], str | None] | None"
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
    kind: Literal["dtype", "shape"]
    """What differs."""
    found: str
    """What the checkpoint has: ``float32 [2]``."""
    expected: str
    """What was asked for."""
    first_line: str
    """TensorFlow's message."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, by names in the checkpoint."""

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


def map_name(name: str, mapping: NameMapping) -> str | None:
    """Return the name in the checkpoint that a wanted name stands for."""
    if mapping is None:
        return name
    if callable(mapping):
        return mapping(name)
    if isinstance(mapping, Mapping):
        return mapping.get(name, name)
    for pattern, replacement in mapping:
        try:
            match = re.fullmatch(pattern, name)
            if match is not None:
                return match.expand(replacement)
        except re.error as error:
            raise InvalidArgumentError(
                None,
                None,
                f"The mapping rule {(pattern, replacement)!r} is no regular expression and replacement: {error}.",
            ) from error
    return name
