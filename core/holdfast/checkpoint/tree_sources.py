"""What of a tree is written: its arrays as tensors, the rest as a description."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from os import PathLike
from typing import Any

import numpy as np

from holdfast.checkpoint.leaf_arrays import StoredArray, is_array, stored_array
from holdfast.checkpoint.leaf_names import show_name
from holdfast.checkpoint.names import name_fault, printable
from holdfast.checkpoint.sources import ArraySource
from holdfast.checkpoint.tree_description import describe
from holdfast.checkpoint.tree_nodes import ArrayLeaf, BytesLeaf, StoredLeaf, ValueLeaf, outline
from holdfast.dtypes import uint8
from holdfast.errors import InvalidArgumentError

TREE_VERSION = 1
"""Version of the description of trees."""

TREE_TENSOR = "~tree"
"""Name of the tensor that holds a description too large for the metadata; no leaf is named so."""

MAX_DESCRIPTION_BYTES = 1 << 20
"""Most bytes that the description of a tree may take."""

_MOST_INLINE_BYTES = 64 << 10  # of the description; the metadata has to hold the user's own, too
_MOST_VALUE_BYTES = 1 << 10  # a plain value of more is stored as a tensor
_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})


@dataclasses.dataclass(frozen=True, slots=True)
class TreeSources:
    """A tree, ready to be written."""

    sources: list[ArraySource]
    """Its arrays."""
    tree: Mapping[str, Any]
    """What the metadata says about it."""


def tree_sources(tree: Any, *, copy: bool) -> TreeSources:
    """Return a tree, ready to be written.

    Parameters
    ----------
    tree
        The tree.
    copy
        Whether to copy all arrays now, so that the caller may change them; else they are borrowed until written.

    Raises
    ------
    InvalidArgumentError
        If the tree holds something that cannot be saved.
    """
    arrays: dict[str, StoredArray] = {}

    def leaf(name: str, value: Any) -> StoredLeaf:
        stored, array = _stored_leaf(name, value)
        if array is not None:
            _check_name(name)
            arrays[name] = array.copied() if copy else array
        return stored

    description = describe(outline(tree, leaf))
    text = json.dumps(description, separators=(",", ":"), allow_nan=False).encode("ascii")
    said = {"version": TREE_VERSION, "root": description}
    if len(text) > MAX_DESCRIPTION_BYTES:
        raise InvalidArgumentError(
            None,
            None,
            f"The structure of the tree, with its plain values, takes {len(text):,} bytes as JSON, expected at most "
            f"{MAX_DESCRIPTION_BYTES:,}. Save many numbers as an array instead of a list.",
        )
    if len(text) > _MOST_INLINE_BYTES:
        arrays[TREE_TENSOR] = _stored_bytes(text)
        said = {"version": TREE_VERSION, "tensor": TREE_TENSOR}
    sources = [ArraySource(name, array.values, array.dtype, array.shape, None) for name, array in arrays.items()]
    return TreeSources(sources, said)


def _stored_leaf(name: str, value: Any) -> tuple[StoredLeaf, StoredArray | None]:
    """Return how a leaf is stored: the leaf, and its tensor if it has one."""
    if type(value) in _PLAIN:
        return _stored_value(value)
    if not is_array(value):
        raise _unsupported(name, value)
    try:
        array = stored_array(value)
    except TypeError as error:
        raise InvalidArgumentError(None, None, f"The tree cannot be saved: at {show_name(name)} is {error}.") from error
    return array.leaf, array


def _stored_value(value: Any) -> tuple[StoredLeaf, StoredArray | None]:
    """Return how a plain value is stored; a large one as a tensor of its bytes."""
    if type(value) is bytes and len(value) > _MOST_VALUE_BYTES:
        return BytesLeaf("bytes"), _stored_bytes(value)
    if type(value) is str and len(value) > _MOST_VALUE_BYTES:
        return BytesLeaf("str"), _stored_bytes(value.encode("utf-8", "surrogatepass"))
    if type(value) is int and value.bit_length() > 8 * _MOST_VALUE_BYTES:
        length = value.bit_length() // 8 + 1
        return BytesLeaf("int"), _stored_bytes(value.to_bytes(length, "little", signed=True))
    return ValueLeaf(value), None


def _stored_bytes(data: bytes) -> StoredArray:
    """Return bytes as a tensor."""
    return StoredArray(ArrayLeaf(), uint8, (len(data),), np.frombuffer(data, np.uint8), owned=True)


def _check_name(name: str) -> None:
    """Refuse the path of an array that is too long for a name."""
    if fault := name_fault(name):
        raise InvalidArgumentError(
            None, None, f"The path of the array {printable(name)} cannot be its name: {fault}. Shorten the keys."
        )


def _unsupported(name: str, value: Any) -> InvalidArgumentError:
    """Return the error about something that is no array, plain value or container of a tree."""
    found = f"{type(value).__module__}.{type(value).__qualname__}"
    return InvalidArgumentError(
        None,
        None,
        f"The tree cannot be saved: at {show_name(name)} is a {found}, expected dict, OrderedDict, list, tuple, "
        f"named tuple, an array, or int, float, complex, bool, str, bytes or None. {advice_for(value)}.",
    )


def advice_for(value: Any) -> str:
    """Return what to do about something that a tree cannot hold."""
    if hasattr(value, "bit_generator"):
        return "Save its state, rng.bit_generator.state, and set that again after loading"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return "Save dataclasses.asdict(it)"
    for kind, advice in _ADVICE:
        if isinstance(value, kind):
            return advice
    return "Save what it is made of, as arrays and plain values"


_ADVICE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (np.random.RandomState, "Save its get_state(legacy=False), and set that again after loading"),
    (Mapping, "Save dict(it)"),
    (Enum, "Save its value"),
    ((set, frozenset), "Save sorted(it)"),
    ((bytearray, memoryview), "Save bytes(it)"),
    (tuple, "Save tuple(it)"),
    (list, "Save list(it)"),
    (PathLike, "Save str(it)"),
    (date, "Save its isoformat(), or numpy.datetime64(it)"),
    (timedelta, "Save its total_seconds(), or numpy.timedelta64(it)"),
    (int, "Save int(it)"),
    (float, "Save float(it)"),
    (str, "Save str(it)"),
    (bytes, "Save bytes(it)"),
)
