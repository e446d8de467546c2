"""Attributes of operations to and from ``AttrValue`` messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes, protos, shapes
from holdfast.protos.tensor import MAX_TENSOR_BYTES, make_ndarray, make_tensor_proto

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIELDS = {
    "type": "type",
    "shape": "shape",
    "int": "i",
    "float": "f",
    "bool": "b",
    "string": "s",
    "tensor": "tensor",
    "func": "func",
}
"""Field of an AttrValue by the kind of the attribute."""
_KINDS = {field: kind for kind, field in _FIELDS.items()}

_SMALL = 64
"""Bytes up to which a tensor is stored as it is."""


def attr_message(value: Any, kind: str | None = None) -> protos.AttrValue:
    """Return the ``AttrValue`` of an attribute in Python's terms.

    Parameters
    ----------
    kind
        Kind of the attribute in its definition; None for attributes that no definition has, such as ``_class``.

    Raises
    ------
    TypeError
        If the value cannot be an attribute.
    """
    if isinstance(value, list | tuple):
        items = protos.AttrValue.ListValue()
        if value:
            item_kind = kind_of(value[0]) if kind is None else kind.removeprefix("list(").removesuffix(")")
            getattr(items, _FIELDS[item_kind]).extend([_scalar_message(item, item_kind) for item in value])
        return protos.AttrValue(list=items)
    kind = kind_of(value) if kind is None else kind
    return protos.AttrValue(**{_FIELDS[kind]: _scalar_message(value, kind)})


def kind_of(value: Any) -> str:
    """Return the kind of attribute that a value suggests; TypeError if it suggests none."""
    if isinstance(value, dtypes.DType):
        return "type"
    if isinstance(value, shapes.TensorShape):
        return "shape"
    if isinstance(value, bool):  # before int, which it is too
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, bytes | str):
        return "string"
    if isinstance(value, np.ndarray | np.generic):
        return "tensor"
    if isinstance(value, protos.NameAttrList):
        return "func"
    raise TypeError(
        f"An attribute cannot be of type {type(value).__name__}: expected a DType, TensorShape, bool, int, float, str, "
        "bytes, NumPy array, or a list of one of these."
    )


def _scalar_message(value: Any, kind: str) -> Any:
    """Return what a field of an AttrValue takes for one value."""
    if kind == "type":
        return value.as_datatype_enum
    if kind == "shape":
        return value.as_proto()
    if kind == "string":
        return value.encode() if isinstance(value, str) else value
    if kind == "tensor":
        return tensor_message(value)
    return value


def tensor_message(array: NDArray[Any]) -> protos.TensorProto:
    """Return the ``TensorProto`` of a constant; one value repeated throughout is stored once."""
    if array.nbytes > _SMALL and array.dtype.kind not in "OV" and _is_splat(array):
        return make_tensor_proto(array.reshape(-1)[:1], shape=array.shape)
    return make_tensor_proto(array)


def _is_splat(array: NDArray[Any]) -> bool:
    """Whether all elements have the same bits; not of NaN, which differs from itself and whose bits may get lost."""
    flat = np.ascontiguousarray(array).reshape(-1)
    first = flat[0]
    if flat[-1] != first or flat[1] != first:
        return False
    bits = flat.view(np.uint8).reshape(flat.size, flat.itemsize)
    return bool((bits == bits[0]).all())


def attr_value(message: protos.AttrValue, kind: str | None = None, max_bytes: int = MAX_TENSOR_BYTES) -> Any:
    """Return an attribute in Python's terms.

    Parameters
    ----------
    kind
        Kind of the attribute in its definition, which the message must have; None: whatever it has.
    max_bytes
        Limit on the size of a tensor.

    Raises
    ------
    ValueError
        If the message is of another kind, or malformed.
    TypeError
        If a type or a tensor's type is unknown.
    InvalidArgumentError
        If a tensor is malformed or larger than the limit.
    """
    field = message.WhichOneof("value")
    if field == "list":
        return _list_value(message.list, kind, max_bytes)
    if field is None and kind is not None and kind.startswith("list("):
        return []
    if field not in _KINDS or (kind is not None and _KINDS[field] != kind):
        raise ValueError(f"expected a value of type {kind or 'known'}, found {field or 'none'}")
    return _scalar_value(getattr(message, field), field, max_bytes)


def _list_value(message: Any, kind: str | None, max_bytes: int) -> list[Any]:
    """Return a list attribute in Python's terms."""
    if kind is not None and not kind.startswith("list("):
        raise ValueError(f"expected a value of type {kind}, found a list")
    filled = [descriptor.name for descriptor, _ in message.ListFields()]
    if not filled:
        return []
    if len(filled) > 1 or (kind is not None and kind != f"list({_KINDS[filled[0]]})"):
        raise ValueError(f"expected {kind or 'one list'}, found " + ", ".join(f"list({_KINDS[f]})" for f in filled))
    return [_scalar_value(item, filled[0], max_bytes) for item in getattr(message, filled[0])]


def _scalar_value(value: Any, field: str, max_bytes: int) -> Any:
    """Return one field of an AttrValue in Python's terms."""
    if field == "type":
        return dtypes.as_dtype(value)
    if field == "shape":
        return shapes.TensorShape(value)
    if field == "tensor":
        array = make_ndarray(value, max_bytes=max_bytes)
        array.flags.writeable = False
        return array
    if field == "func":
        copied = protos.NameAttrList()
        copied.CopyFrom(value)
        return copied
    return value


def public_attr(value: Any) -> Any:
    """Return an attribute as ``Operation.get_attr`` does: shapes and tensors as messages, all else as it is."""
    if isinstance(value, list):
        return [public_attr(item) for item in value]
    if isinstance(value, shapes.TensorShape):
        return value.as_proto()
    if isinstance(value, np.ndarray | np.generic):
        return tensor_message(np.asarray(value))
    return value.encode() if isinstance(value, str) else value
