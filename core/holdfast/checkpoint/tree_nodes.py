"""What a tree is made of: branches, and leaves that are arrays or plain values."""

from __future__ import annotations

import keyword
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from holdfast.checkpoint.leaf_names import ROOT, escape_key, join_name, show_name
from holdfast.checkpoint.names import printable
from holdfast.errors import InvalidArgumentError

MAX_DEPTH = 100
"""How deep branches may be nested."""

MAX_KEY = 1 << 63
"""Keys that are integers are smaller than this, and not smaller than its negative."""

Plain: TypeAlias = "int | float | complex | bool | str | bytes | None"
"""The plain values that a tree may hold, besides arrays."""

BranchKind: TypeAlias = Literal["dict", "ordered dict", "list", "tuple", "named tuple"]
"""The containers that a tree may have."""


@dataclass(frozen=True, slots=True)
class ArrayLeaf:
    """An array, stored as a tensor of the leaf's name."""

    scalar: bool = False
    """Whether it is a NumPy scalar instead of an array."""
    kind: str = ""
    """NumPy's own type where the tensor has another: ``U5``, ``S3``, ``M8[ns]``, ``T``; ``str`` for an object array of
    texts."""


@dataclass(frozen=True, slots=True)
class BytesLeaf:
    """A plain value too large for the description: its bytes are stored as a tensor of the leaf's name."""

    kind: Literal["str", "bytes", "int"]
    """What they mean."""


@dataclass(frozen=True, slots=True)
class ValueLeaf:
    """A plain value, stored in the description."""

    value: Plain
    """The value."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A container."""

    kind: BranchKind
    """Which one."""
    keys: tuple[str | int, ...]
    """Keys of a dict, names of fields, or positions."""
    components: tuple[str, ...]
    """What each key is in names."""
    children: tuple[Any, ...]
    """What stands under each key: branches and leaves."""
    make: Callable[[Sequence[Any]], Any] | None = None
    """Makes a named tuple of its values."""

    def build(self, values: Sequence[Any]) -> Any:
        """Return a container of this kind with other values under its keys."""
        if self.make is not None:
            return self.make(values)
        if self.kind == "dict":
            return dict(zip(self.keys, values, strict=True))
        if self.kind == "ordered dict":
            return OrderedDict(zip(self.keys, values, strict=True))
        return list(values) if self.kind == "list" else tuple(values)

    def __str__(self) -> str:
        return f"{self.kind} of {len(self.keys):,}"


StoredLeaf: TypeAlias = ArrayLeaf | BytesLeaf | ValueLeaf
"""A leaf of a checkpoint."""


def outline(tree: Any, leaf: Callable[[str, Any], Any]) -> Any:
    """Return a tree's branches, with what `leaf` makes of the name and value of each leaf.

    Raises
    ------
    InvalidArgumentError
        For a key that is neither a str nor an int, two keys of one name, or branches that are nested too deeply.
    """
    return _outline(tree, "", leaf, 0)


def _outline(tree: Any, name: str, leaf: Callable[[str, Any], Any], depth: int) -> Any:
    """Return what stands under a name."""
    branch = _branch_of(tree, name)
    if branch is None:
        return leaf(name or ROOT, tree)
    kind, keys, values, make = branch
    if depth >= MAX_DEPTH:
        raise InvalidArgumentError(
            None,
            None,
            f"A tree is nested deeper than {MAX_DEPTH} levels at {show_name(name)}; does a container contain itself?",
        )
    components = component_names(kind, keys, name)
    children = [
        _outline(value, join_name(name, component), leaf, depth + 1)
        for component, value in zip(components, values, strict=True)
    ]
    return Branch(kind, keys, components, tuple(children), make)


def _branch_of(
    tree: Any, name: str
) -> tuple[BranchKind, tuple[Any, ...], Sequence[Any], Callable[[Sequence[Any]], Any] | None] | None:
    """Return kind, keys and values of a container, and what makes a named tuple; None for a leaf."""
    if type(tree) is dict or type(tree) is OrderedDict:
        return "dict" if type(tree) is dict else "ordered dict", tuple(tree), list(tree.values()), None
    if type(tree) is list or type(tree) is tuple:
        return "list" if type(tree) is list else "tuple", tuple(range(len(tree))), tree, None
    fields = getattr(tree, "_fields", None) if isinstance(tree, tuple) else None
    if isinstance(fields, tuple) and len(fields) == len(tree) and are_fields(fields):
        return "named tuple", fields, tree, type(tree)._make
    return None


def are_fields(names: Sequence[Any]) -> bool:
    """Whether a named tuple can have fields of these names; those that were renamed are called ``_0``, ``_1``."""
    return len(set(names)) == len(names) and all(
        type(name) is str
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and (name[0] != "_" or name == f"_{position}")
        for position, name in enumerate(names)
    )


def component_names(kind: str, keys: Sequence[Any], name: str) -> tuple[str, ...]:
    """Return what the keys of a branch are in names; InvalidArgumentError for keys that it cannot have."""
    if kind in {"list", "tuple"}:
        return tuple(map(str, keys))
    components = tuple(_component(key, name) for key in keys)
    if len(set(components)) != len(components):
        twice = next(key for key in keys if type(key) is int and str(key) in keys)
        raise InvalidArgumentError(
            None,
            None,
            f"The dict at {show_name(name)} has both the keys {twice} and '{twice}', which get the same name.",
        )
    return components


def _component(key: Any, name: str) -> str:
    """Return what a key of a dict is in names."""
    if type(key) is str:
        return escape_key(key)
    if type(key) is int:
        if -MAX_KEY <= key < MAX_KEY:
            return str(key)
        raise InvalidArgumentError(
            None, None, f"The dict at {show_name(name)} has an int key outside of 64 bits. Make it a str."
        )
    raise InvalidArgumentError(
        None,
        None,
        f"The dict at {show_name(name)} has the key {printable(repr(key))} of type {type(key).__name__}, expected str "
        "or int. Convert the keys.",
    )


def leaves_of(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield name and leaf of all leaves under a node, in order."""
    if not isinstance(node, Branch):
        yield name or ROOT, node
        return
    for component, child in zip(node.components, node.children, strict=True):
        yield from leaves_of(child, join_name(name, component))


def branches_of(node: Any, name: str) -> Iterator[tuple[str, Branch]]:
    """Yield name and branch of all branches from a node on."""
    if isinstance(node, Branch):
        yield name, node
        for component, child in zip(node.components, node.children, strict=True):
            yield from branches_of(child, join_name(name, component))


def assemble(node: Any, values: Iterator[Any]) -> Any:
    """Return the tree of a node, its leaves taken from values in order."""
    if not isinstance(node, Branch):
        return next(values)
    return node.build([assemble(child, values) for child in node.children])
