"""Static shapes of convolution and pooling: attributes they share, and how many windows fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph.op_def import AttrDef, string
from holdfast.graph.operation import Operation

PADDING: AttrDef = string(allowed=(b"SAME", b"VALID"))
LAYOUT: AttrDef = string(b"NHWC", (b"NHWC", b"NCHW"))


def checked_list(values: Any, argument: str, function: str) -> list[Any]:
    """Return a list argument; TypeError if it is none."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"Expected list for '{argument}' argument to '{function}' Op, not {values!r}.")
    return list(values)


def layout_of(op: Operation) -> str:
    """Return the order of the axes, such as ``NHWC``."""
    layout: str = op.attrs["data_format"].decode()
    return layout


def check_four(op: Operation, values: Sequence[int], what: str) -> None:
    """Raise ValueError unless an attribute has one value an axis."""
    if len(values) != 4:
        prefix = f"{op.type} on data format {layout_of(op)}" if op.type.startswith("Conv") else op.type
        raise ValueError(f"{prefix} requires the {what} attribute to contain 4 values, but got: {len(values)}")


def window_count(size: int | None, window: int | None, stride: int, padding: bytes) -> int | None:
    """Return how many windows fit along an axis, None where that is not known.

    Raises
    ------
    ValueError
        If the stride is not positive, or the window is longer than the axis under ``VALID``.
    """
    if stride <= 0:
        raise ValueError(f"Stride must be > 0, but got {stride}")
    if size is None or (window is None and padding == b"VALID"):
        return None
    if padding == b"SAME":
        return -(-size // stride)
    assert window is not None  # noqa: S101  (checked above)
    if window > size:
        raise ValueError(f"Negative dimension size caused by subtracting {window} from {size}")
    return (size - window + stride) // stride
