"""Static shapes of a new op's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape


def infer_shapes(op: Operation, count: int) -> Sequence[TensorShape]:
    """Return the static shapes of the outputs.

    Raises
    ------
    ValueError
        If the inputs' shapes cannot fit: TensorFlow's sentence, with the op and the shapes.
    """
    try:
        shapes = op.op_def.shape(op)
    except ValueError as error:
        inputs = ", ".join(_text(tensor.shape) for tensor in op.inputs)
        raise ValueError(f"{error} for '{op.name}' (op: '{op.type}') with input shapes: {inputs}.") from error
    if len(shapes) != count:
        raise AssertionError(f"The shape rule of {op.type} gave {len(shapes)} shapes for {count} outputs.")
    return shapes


def _text(shape: TensorShape) -> str:
    """Return a shape as such messages write it: ``[2,?]``."""
    dims = shape.as_tuple()
    return "?" if dims is None else "[" + ",".join("?" if d is None else str(d) for d in dims) + "]"
