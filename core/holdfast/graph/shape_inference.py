"""The outputs of a new op, with their static shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.graph.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.dtypes import DType
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape


def make_outputs(op: Operation, output_types: Sequence[DType]) -> None:
    """Give an op its outputs.

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
    count = len(output_types)
    if len(shapes) != count:
        raise AssertionError(f"The shape rule of {op.type} gave {len(shapes)} shapes for {count} outputs.")
    outputs = op.outputs
    for dtype, shape in zip(output_types, shapes):  # noqa: B905  (of one length, and `strict` takes its time)
        outputs.append(Tensor(op, len(outputs), dtype, shape))


def _text(shape: TensorShape) -> str:
    """Return a shape as such messages write it: ``[2,?]``."""
    dims = shape.as_tuple()
    return "?" if dims is None else "[" + ",".join("?" if d is None else str(d) for d in dims) + "]"
