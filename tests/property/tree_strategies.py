"""Trees of every kind, and what it means that two are the same."""

from __future__ import annotations

import struct
from collections import OrderedDict, namedtuple
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from holdfast.testing.format_suite import DTYPES, values


class Moments(NamedTuple):
    """A named tuple as optimisers have them."""

    mean: Any
    square: Any


Renamed = namedtuple("Renamed", ["first", "def", "_x"], rename=True)  # noqa: PYI024  # fields _1 and _2

any_text = st.text(st.characters(exclude_categories=()), max_size=6)
keys = st.one_of(
    any_text, st.sampled_from(["~", "/", "~0", "~1", "~e", "a/b", "", "~{2f}", "0"]), st.integers(-(2**63), 2**63 - 1)
)
plain_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**6, 10**6 + 2000).map(lambda bits: (1 << (bits // 100)) - bits),
    st.floats(),
    st.complex_numbers(),
    any_text,
    st.binary(max_size=9),
    st.sampled_from(["ü" * 1100, b"\0" * 1500]),
)


@st.composite
def _numbers(draw: st.DrawFn) -> Any:
    """Draw an array of any dtype that checkpoints know, in any layout."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    array = values(draw(st.sampled_from(DTYPES)), shape, draw(st.integers(0, 1000)))
    layout = draw(st.sampled_from(["plain", "fortran", "reversed", "transposed"]))
    if array.ndim == 0 or layout == "plain":
        return array
    return {"fortran": np.asfortranarray(array), "reversed": array[..., ::-1], "transposed": array.T}[layout]


def _objects(items: list[Any]) -> Any:
    """Return an object array of items."""
    array = np.empty(len(items), np.object_)
    array[:] = items
    return array


_plain_characters = st.characters(exclude_characters="\0", exclude_categories=())
_texts = st.lists(st.text(_plain_characters, max_size=4), max_size=3)
arrays = st.one_of(
    _numbers(),
    hnp.arrays(hnp.datetime64_dtypes(endianness="=") | hnp.timedelta64_dtypes(endianness="="), st.integers(0, 3)),
    _texts.map(lambda texts: np.array(texts, "U4")),
    _texts.map(_objects),
    st.lists(st.binary(max_size=4), max_size=3).map(lambda items: np.array(items, "S4")),
    st.lists(st.text(max_size=4), max_size=3).map(lambda texts: np.array(texts, np.dtypes.StringDType())),
)
scalars = st.one_of(
    hnp.from_dtype(np.dtype(np.float32)),
    hnp.from_dtype(np.dtype(np.int64)),
    hnp.from_dtype(np.dtype(np.bool_)),
    hnp.from_dtype(np.dtype("U3")),
    hnp.from_dtype(np.dtype("M8[s]")),
)


def _has_one_name_each(branch: dict[Any, Any]) -> bool:
    """Whether no int key is named as a str key is."""
    return len(set(map(str, branch))) == len(branch)


def _branches(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return containers of children."""
    dicts = st.dictionaries(keys, children, max_size=3).filter(_has_one_name_each)
    lists = st.lists(children, max_size=3)
    return st.one_of(
        dicts,
        dicts.map(OrderedDict),
        lists,
        lists.map(tuple),
        st.builds(Moments, children, children),
        st.builds(Renamed, children, children, children),
    )


trees = st.recursive(st.one_of(plain_values, arrays, scalars), _branches, max_leaves=8)


def same_tree(first: Any, second: Any) -> bool:
    """Whether two trees are the same: containers, order of keys, types, dtypes, shapes and bits."""
    if isinstance(first, np.ndarray | np.generic):
        return _same_array(first, second)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        named = type(first).__name__, first._fields
        return named == (type(second).__name__, second._fields) and same_tree(tuple(first), tuple(second))
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        pairs = zip(first.items(), second.items(), strict=True) if len(first) == len(second) else [((0, 0), (1, 0))]
        return all(type(k) is type(j) and k == j and same_tree(a, b) for (k, a), (j, b) in pairs)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(same_tree(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, float | complex):
        return _bits(complex(first)) == _bits(complex(second))
    return bool(first == second)


def _bits(number: complex) -> bytes:
    """Return the bits of a number."""
    return struct.pack("dd", number.real, number.imag)


def _same_array(first: Any, second: Any) -> bool:
    """Whether two arrays, or two NumPy scalars, are the same bit for bit; in whatever byte order and layout."""
    ours, theirs = np.asarray(first), np.asarray(second)
    alike = isinstance(first, np.generic) == isinstance(second, np.generic) and ours.shape == theirs.shape
    if not alike or ours.dtype.kind != theirs.dtype.kind:
        return False
    if ours.dtype.kind in "OT":
        return bool(ours.tolist() == theirs.tolist() and [*map(type, ours.flat)] == [*map(type, theirs.flat)])
    native = ours.astype(ours.dtype.newbyteorder("="))
    return native.dtype == theirs.dtype and native.tobytes() == theirs.tobytes()
