"""A tree as JSON: its branches, its plain values, and how its arrays stand in it.

A text, a bool, null, a finite float and an integer of at most 53 bits stand for themselves. Everything else is a list
that begins with what it is: ``["d", keys, children]``.
"""

from __future__ import annotations

import base64
import keyword
import math
import re
import struct
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from holdfast.checkpoint.leaf_names import join_name, unescape_key
from holdfast.checkpoint.names import printable
from holdfast.checkpoint.tree_nodes import (
    MAX_DEPTH,
    MAX_KEY,
    ArrayLeaf,
    Branch,
    BranchKind,
    BytesLeaf,
    Plain,
    StoredLeaf,
    ValueLeaf,
    are_fields,
)
from holdfast.errors import CorruptCheckpointError

_EXACT_INT = 1 << 53  # what every reader of JSON keeps exactly
_BRANCHES: dict[str, BranchKind] = {"d": "dict", "o": "ordered dict", "l": "list", "t": "tuple", "n": "named tuple"}
_BRANCH_TAGS = {kind: tag for tag, kind in _BRANCHES.items()}
_BYTES_TAGS = {"str": "S", "bytes": "B", "int": "I"}
_BYTES_KINDS = {tag: kind for kind, tag in _BYTES_TAGS.items()}
_ARRAY_KINDS = re.compile(r"|str|T|[SU]\d{1,8}|[mM]8(\[(\d{1,9})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?", re.ASCII)
_FLOAT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_INT = re.compile(r"-?0x[0-9a-f]+", re.ASCII)


# ---- to JSON


def describe(node: Any) -> Any:
    """Return the JSON of a node."""
    if isinstance(node, ValueLeaf):
        return _describe_value(node.value)
    if isinstance(node, ArrayLeaf):
        tag = "s" if node.scalar else "a"
        return [tag, node.kind] if node.kind else [tag]
    if isinstance(node, BytesLeaf):
        return [_BYTES_TAGS[node.kind]]
    children = [describe(child) for child in node.children]
    tag = _BRANCH_TAGS[node.kind]
    if tag in "lt":
        return [tag, children]
    # Keys as they stand in names: those hold no character that JSON could not.
    keys = [component if type(key) is str else key for key, component in zip(node.keys, node.components, strict=True)]
    return ["n", _type_name(node), keys, children] if tag == "n" else [tag, keys, children]


def _describe_value(value: Plain) -> Any:
    """Return the JSON of a plain value."""
    if type(value) is int and not -_EXACT_INT <= value <= _EXACT_INT:
        return ["i", hex(value)]
    if type(value) is float and not math.isfinite(value):
        return ["f", _float_bits(value)]
    if type(value) is complex:
        return ["c", _float_bits(value.real), _float_bits(value.imag)]
    if type(value) is bytes:
        return ["b", base64.b64encode(value).decode("ascii")]
    if type(value) is str and not is_json_text(value):
        return ["u", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")]
    return value


def is_json_text(text: str) -> bool:
    """Whether JSON in UTF-8 can hold a text: it has no surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _float_bits(value: float) -> str:
    """Return the bits of a float."""
    return struct.pack(">d", value).hex()


def _type_name(node: Branch) -> str:
    """Return the name of a named tuple's type."""
    name: str = getattr(getattr(node.make, "__self__", None), "__name__", "")
    return name if _is_type_name(name) else "NamedTuple"


# ---- from JSON


class DescriptionReader:
    """Reads the description of a tree, entry by entry, and believes nothing.

    Parameters
    ----------
    path
        The file, for messages.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def fault(self, name: str, found: object, expected: str) -> CorruptCheckpointError:
        """Return the error about what stands under a name."""
        field = f"description of the tree at {printable(name)}" if name else "description of the tree"
        return CorruptCheckpointError(path=self._path, field=field, found=found, expected=expected)

    def node(self, described: Any, name: str = "", depth: int = 0) -> Any:
        """Return the node that stands under a name."""
        if not isinstance(described, list):
            return self._value(described, name)
        tag, *rest = described or [None]
        if not isinstance(tag, str) or not all(isinstance(item, str | list) for item in rest):
            raise self.fault(name, described, "a list that begins with what it is")
        if tag in _BRANCHES:
            return self._branch(tag, rest, name, depth)
        texts = [item for item in rest if isinstance(item, str)]
        leaf = self._leaf(tag, texts, name) if len(texts) == len(rest) else None
        if leaf is None:
            raise self.fault(name, described, "a leaf or branch of a known kind")
        return leaf

    def _value(self, value: Any, name: str) -> ValueLeaf:
        """Return a value that stands for itself."""
        if value is None or isinstance(value, bool | str):
            return ValueLeaf(value)
        if isinstance(value, int) and -_EXACT_INT <= value <= _EXACT_INT:
            return ValueLeaf(value)
        if isinstance(value, float) and math.isfinite(value):
            return ValueLeaf(value)
        raise self.fault(name, value, "a plain value")

    def _leaf(self, tag: str, texts: Sequence[str], name: str) -> StoredLeaf | None:
        """Return a leaf; None for one of no known kind."""
        if tag in {"a", "s"} and len(texts) <= 1:
            kind = texts[0] if texts else ""
            if _ARRAY_KINDS.fullmatch(kind):
                return ArrayLeaf(tag == "s", kind)
        elif tag in _BYTES_KINDS and not texts:
            return BytesLeaf(cast("Any", _BYTES_KINDS[tag]))
        elif tag in _DECODERS and len(texts) == (2 if tag == "c" else 1):
            try:
                return ValueLeaf(_DECODERS[tag](*texts))
            except ValueError as error:
                raise self.fault(name, texts, "a value in its encoding") from error
        return None

    def _branch(self, tag: str, rest: Sequence[Any], name: str, depth: int) -> Branch:
        """Return a branch and all that is under it."""
        kind, form = _BRANCHES[tag], {"l": (list,), "t": (list,), "n": (str, list, list)}.get(tag, (list, list))
        if tuple(map(type, rest)) != form:
            raise self.fault(name, f"a {kind} of {len(rest)} parts", "its keys and its children")
        if depth >= MAX_DEPTH:
            raise self.fault(name, f"a branch below {depth} others", f"at most {MAX_DEPTH} levels")
        children = rest[-1]
        described = rest[-2] if len(form) > 1 else range(len(children))
        keys = tuple(self._key(key, tag, name) for key in described)
        components = tuple(map(str, described))  # as keys stand in names, so they stand here
        if len(keys) != len(children):
            raise self.fault(name, f"{len(keys):,} keys for {len(children):,} children", "a key for each child")
        if len(set(components)) != len(components):
            raise self.fault(name, "two keys that are written the same", "keys that differ")
        make = self._named_tuple(rest[0], keys, name) if tag == "n" else None
        nodes = tuple(
            self.node(child, join_name(name, component), depth + 1)
            for component, child in zip(components, children, strict=True)
        )
        return Branch(kind, keys, components, nodes, make)

    def _key(self, key: Any, tag: str, name: str) -> str | int:
        """Return one key of a branch."""
        if type(key) is int and tag != "n" and -MAX_KEY <= key < MAX_KEY:
            return key
        if not isinstance(key, str):
            raise self.fault(name, key, "a key that is a text or an integer")
        try:
            return unescape_key(key)
        except ValueError as error:
            raise self.fault(name, key, "a key, escaped as keys are") from error

    def _named_tuple(self, type_name: Any, fields: Sequence[Any], name: str) -> Callable[[Sequence[Any]], Any]:
        """Return what makes a named tuple."""
        if not _is_type_name(type_name) or not are_fields(fields):
            raise self.fault(name, [type_name, *fields], "a named tuple's name and fields")
        return cast("Callable[[Sequence[Any]], Any]", _named_tuple_type(type_name, tuple(fields))._make)


def _is_type_name(name: str) -> bool:
    """Whether a type may have this name."""
    return name.isidentifier() and not keyword.iskeyword(name)


@lru_cache(maxsize=256)
def _named_tuple_type(type_name: str, fields: tuple[str, ...]) -> Any:
    """Return the type of a named tuple, the same one each time."""
    return namedtuple(type_name, fields, rename=True)  # noqa: PYI024  # known from a file only


def _decode_int(text: str) -> int:
    """Read an integer of any size."""
    if not _INT.fullmatch(text):
        raise ValueError("no hexadecimal integer")
    return int(text, 16)


def _decode_float(text: str) -> float:
    """Read the bits of a float."""
    if not _FLOAT.fullmatch(text):
        raise ValueError("not the bits of a float")
    return cast("float", struct.unpack(">d", bytes.fromhex(text))[0])


def _decode_complex(real: str, imaginary: str) -> complex:
    """Read a complex number."""
    return complex(_decode_float(real), _decode_float(imaginary))


def _decode_bytes(text: str) -> bytes:
    """Read bytes."""
    return base64.b64decode(text, validate=True)


def _decode_text(text: str) -> str:
    """Read a text that JSON could not hold."""
    return _decode_bytes(text).decode("utf-8", "surrogatepass")


_DECODERS: dict[str, Callable[..., Plain]] = {
    "i": _decode_int,
    "f": _decode_float,
    "c": _decode_complex,
    "b": _decode_bytes,
    "u": _decode_text,
}
