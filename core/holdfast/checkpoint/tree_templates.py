"""Templates: what a caller wants at each leaf of a tree, and whether what is stored fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.leaf_arrays import foreign_dtype, is_array, stored_array
from holdfast.checkpoint.leaf_names import show_name
from holdfast.checkpoint.mismatches import check_request
from holdfast.checkpoint.requests import Mismatch, TensorRequest
from holdfast.checkpoint.tree_nodes import ArrayLeaf, Branch, BytesLeaf, StoredLeaf, ValueLeaf
from holdfast.checkpoint.tree_sources import advice_for
from holdfast.contracts import Entry
from holdfast.dtypes import DType, as_dtype, string
from holdfast.errors import InvalidArgumentError

_PLAIN = frozenset({bool, int, float, complex, str, bytes})


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Shape and dtype of an array, to stand for one in a template; None stands for whatever is stored."""

    shape: Sequence[int] | None = None
    """Its shape."""
    dtype: Any = None
    """Its dtype: whatever :func:`holdfast.as_dtype` takes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a leaf of a template asks for."""

    value: Any
    """The leaf itself: what stays where nothing fits."""
    plain: type | None = None
    """Type of the plain value that it asks for."""
    leaf: ArrayLeaf | None = None
    """The array that it asks for."""
    dtype: DType | None = None
    """DType of its tensor; None for any."""
    shape: tuple[int, ...] | None = None
    """Its shape; None for any."""

    @property
    def is_anything(self) -> bool:
        """Whether it takes whatever is stored, also a whole branch."""
        return self.plain is None and self.leaf is None

    def __str__(self) -> str:
        if self.plain is not None:
            return self.plain.__name__
        return describe_array(self.leaf or ArrayLeaf(), self.dtype, self.shape)


def wanted(name: str, value: Any) -> Wanted:
    """Return what a leaf of a template asks for; InvalidArgumentError for what cannot be in a tree."""
    if value is None:
        return Wanted(value)
    if type(value) in _PLAIN:
        return Wanted(value, plain=type(value))
    try:
        if isinstance(value, np.ndarray | np.generic):
            array = stored_array(value)
            return Wanted(value, None, array.leaf, array.dtype, array.shape)
        if isinstance(value, ArraySpec):
            dtype = None if value.dtype is None else as_dtype(value.dtype).base_dtype
            return Wanted(value, None, ArrayLeaf(), dtype, None if value.shape is None else tuple(value.shape))
        if is_array(value) or (hasattr(value, "shape") and hasattr(value, "dtype")):
            return Wanted(value, None, ArrayLeaf(), _foreign(value), tuple(map(int, value.shape)))
    except TypeError as error:
        raise InvalidArgumentError(
            None, None, f"The template cannot be used: at {show_name(name)} is {error}."
        ) from error
    raise InvalidArgumentError(
        None,
        None,
        f"The template cannot be used: at {show_name(name)} is a {type(value).__module__}.{type(value).__qualname__}, "
        f"expected what a tree holds, an ArraySpec or the like of it, or None for anything. {advice_for(value)}.",
    )


def _foreign(value: Any) -> DType:
    """Return the DType of an array of any library, or of what describes one."""
    dtype = foreign_dtype(value)
    if dtype is None:
        raise TypeError(f"of dtype {value.dtype}, which no checkpoint can hold")
    return dtype


def fault_of(want: Wanted, name: str, node: Any, entry: Entry | None) -> Mismatch | None:
    """Compare what is wanted with what is stored under a name."""
    if want.is_anything:
        return None
    if isinstance(node, ArrayLeaf) and entry is not None:
        return _array_fault(want, name, node, entry)
    if want.plain is not None and plain_type(node) is want.plain:
        return None
    return _mismatch("structure" if isinstance(node, Branch) else "type", name, describe_node(node, entry), str(want))


def _array_fault(want: Wanted, name: str, leaf: ArrayLeaf, entry: Entry) -> Mismatch | None:
    """Compare what is wanted with a stored array."""
    found = describe_node(leaf, entry)
    if want.plain is not None:
        fits = entry.shape == () and leaf.kind[:1] not in {"m", "M"} and _holds(entry.dtype, want.plain)
        return None if fits else _mismatch("type", name, found, str(want))
    asked = want.leaf or ArrayLeaf()
    if want.dtype is not None and _date_kind(asked) != _date_kind(leaf):
        return _mismatch("dtype", name, found, str(want))
    return check_request(TensorRequest(name, want.dtype, want.shape), name, entry)


def _date_kind(leaf: ArrayLeaf) -> str:
    """Return the dtype of dates, whose numbers mean nothing without their unit; empty for all else."""
    return leaf.kind if leaf.kind[:1] in {"m", "M"} else ""


def _holds(dtype: DType, plain: type) -> bool:
    """Whether the elements of a tensor can be a plain value of a type."""
    return {
        bool: dtype.is_bool,
        int: dtype.is_integer,
        float: dtype.is_floating,
        complex: dtype.is_complex,
        str: dtype == string,
        bytes: dtype == string,
    }[plain]


def length_fault(name: str, template: Branch, stored: Any) -> Mismatch | None:
    """Compare a list or tuple of a template with what is stored there: positions mean nothing in another length."""
    if template.kind not in {"list", "tuple"} or not isinstance(stored, Branch):
        return None
    if stored.kind in {"list", "tuple"} and len(stored.keys) == len(template.keys):
        return None
    return _mismatch("structure", name or "the root", str(stored), str(template))


def _mismatch(kind: Any, name: str, found: str, expected: str) -> Mismatch:
    """Return the mismatch of something that is not compared as tensors are."""
    return Mismatch(name, kind, found, expected, f"{name} is {found} in the checkpoint, wanted was {expected}")


def plain_type(node: Any) -> type | None:
    """Return the type of the plain value that a leaf is; None for all else."""
    if isinstance(node, ValueLeaf):
        return type(node.value)
    return {"str": str, "bytes": bytes, "int": int}[node.kind] if isinstance(node, BytesLeaf) else None


def describe_node(node: Branch | StoredLeaf, entry: Entry | None) -> str:
    """Return what is stored under a name, for messages."""
    plain = plain_type(node)
    if plain is not None:
        return "None" if plain is type(None) else plain.__name__
    if isinstance(node, ArrayLeaf) and entry is not None:
        return describe_array(node, entry.dtype, entry.shape)
    return str(node)


def describe_array(leaf: ArrayLeaf, dtype: DType | None, shape: Sequence[int] | None) -> str:
    """Return ``float32 [2, 3]``."""
    name = np.dtype(leaf.kind).name if leaf.kind[:1] in {"m", "M"} else "" if dtype is None else dtype.name
    return " ".join(text for text in (name, "" if shape is None else str(list(shape))) if text) or "an array"


def as_wanted(want: Wanted, values: Any) -> Any:
    """Return a stored array or value as what a template asks for: its kind of scalar."""
    if isinstance(values, np.ndarray | np.generic) and want.plain is not None:
        return _as_plain(np.asarray(values), want.plain)
    if isinstance(values, np.generic) and want.leaf is not None and not want.leaf.scalar:
        return np.array(values)
    if isinstance(values, np.ndarray) and want.leaf is not None and want.leaf.scalar:
        return values[()]
    return values


def _as_plain(values: NDArray[Any], plain: type) -> Any:
    """Return the one element of an array as a plain value."""
    value = values.item()
    if plain is str and isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    if plain is bytes and isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return plain(value)
