"""Attribute values in Python's terms: made canonical and checked against their definition."""

from __future__ import annotations

from ctypes import c_float
from typing import Any, NoReturn

import numpy as np

from holdfast import dtypes, shapes
from holdfast.graph.op_def import AttrDef

OWN_TYPES = {"bool": bool, "int": int, "shape": shapes.TensorShape, "string": bytes}
"""Types whose values are canonical already, by kind."""


def canonical(attr: AttrDef, value: Any, name: str, op_type: str) -> Any:
    """Return an attribute's value in its canonical form.

    Raises
    ------
    TypeError
        If it is of the wrong kind.
    ValueError
        If it is not among the legal values.
    """
    kind = attr.kind
    if kind.startswith("list("):
        if not isinstance(value, list | tuple):
            raise TypeError(f"Expected list for attr {name} of op '{op_type}', got {type(value).__name__}.")
        result: Any = [_scalar(kind[5:-1], item, name, op_type) for item in value]
    else:
        result = _scalar(kind, value, name, op_type)
    if attr.restricted and (attr.minimum is not None or result not in attr.allowed):
        check_allowed(attr, result, name, op_type, name)
    return result


def _scalar(kind: str, value: Any, name: str, op_type: str) -> Any:
    """Return one value in its canonical form."""
    if kind == "type":
        return dtypes.as_dtype(value).base_dtype
    if kind == "shape":
        return shapes.as_shape(value)
    if kind == "string" and isinstance(value, str | bytes):
        return value.encode() if isinstance(value, str) else value
    if kind == "bool" and isinstance(value, bool | np.bool_):
        return bool(value)
    if kind == "int" and isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    if kind == "float" and isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        # Messages hold single precision: an op must not change when its graph is written and read.
        return c_float(float(value)).value
    if kind == "tensor" and isinstance(value, np.ndarray | np.generic):
        return value
    if kind == "func":
        return value
    raise TypeError(f"Expected {kind} for argument '{name}' of op '{op_type}' not {value!r}.")


def check_allowed(attr: AttrDef, value: Any, source: str, op_type: str, attr_name: str) -> None:
    """Raise TensorFlow's error if a value is not legal for its attribute; ``source`` is the parameter that gave it."""
    if attr.allowed:
        for item in value if isinstance(value, list) else (value,):
            if item not in attr.allowed:
                _raise_not_allowed(attr, item, source, op_type, attr_name)
    if attr.minimum is not None:
        size = len(value) if isinstance(value, list) else value
        if size < attr.minimum:
            noun = "length of list argument" if source != attr_name else "Attr"
            passed = f"list of length {size}" if source == attr_name and isinstance(value, list) else str(size)
            raise ValueError(f"{noun} '{source}' of '{op_type}' Op passed {passed} less than minimum {attr.minimum}.")


def _raise_not_allowed(attr: AttrDef, item: Any, source: str, op_type: str, attr_name: str) -> NoReturn:
    """Raise the error for a dtype or string that is not legal."""
    if isinstance(item, dtypes.DType):
        names = ", ".join(d.name for d in attr.allowed)
        raise TypeError(
            f"Value passed to parameter '{source}' has DataType {item.name} not in list of allowed values: {names}"
        )
    names = '", "'.join(a.decode() for a in attr.allowed)
    text = item.decode(errors="backslashreplace")
    raise ValueError(f"Attr '{attr_name}' of '{op_type}' Op passed string '{text}' not in: \"{names}\".")
