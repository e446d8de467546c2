"""What is known of a tensor's value while the graph is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast import shapes
from holdfast.graph.tensor import Tensor
from holdfast.ops.ranges import range_values
from holdfast.ops.strided import SliceSpec, resolve

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape

Value = NDArray[Any] | None
Evaluator = Callable[["Operation", int], Value]
Partials = dict[Tensor, tuple[int | None, ...] | None]

_MAX_DEPTH = 64
"""How far back a value is followed: real graphs need a handful of steps."""
_MAX_ELEMENTS = 2**20
"""How large a value is computed: shapes and indices are small, and the graph may be a stranger's."""
MAX_RANK = 254
"""The most dimensions that a shape has, as in TensorFlow."""
_ROOM = "static values"


def constant_value(tensor: Tensor, partial: bool = False) -> Value:
    """Return the value of a tensor, if it is known from the graph alone.

    A tensor whose value was told may no longer be fed, since the graph was built on it.

    Parameters
    ----------
    partial
        Whether a ``stack`` of which some parts are known gives an object array with None for the others.

    Returns
    -------
    numpy.ndarray or None
        A read-only array, or None if the value is not known.

    Raises
    ------
    TypeError
        If ``tensor`` is not a Tensor.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError("tensor is not a Tensor")
    value = _value(tensor, 0)
    if value is None and partial and tensor.op.type == "Pack":
        return _partial_pack(tensor.op)
    if value is not None:
        tensor.graph.prevent_feeding(tensor)
    return value


def known_value(tensor: Tensor) -> Value:
    """As :func:`constant_value`, for shape rules: the tensor may still be fed, as in TensorFlow."""
    return _value(tensor, 0)


def smart_constant_value(pred: Any) -> bool | None:
    """Return a predicate (bool, 0, 1 or boolean tensor) as a Python bool, None if it is not known statically.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(pred, (bool, np.bool_)):
        return bool(pred)
    if isinstance(pred, (int, np.integer)) and int(pred) in {0, 1}:
        return bool(pred)
    if isinstance(pred, Tensor):
        value = constant_value(pred)
        return None if value is None else bool(value)
    raise TypeError(f"`pred` must be a Tensor, or a Python bool, or 1 or 0. Found instead: {pred!r}")


def constant_value_as_shape(tensor: Tensor) -> TensorShape:
    """Return the shape that a vector of integers describes, as far as it is known; -1 stands for unknown.

    Raises
    ------
    ValueError
        If the tensor is not a vector, or longer than a shape can be.
    """
    known = constant_value(tensor) if tensor.op.type == "Const" else None
    if known is not None and known.ndim == 1 and known.size <= MAX_RANK:
        return shapes.TensorShape._of(tuple([d if d >= 0 else None for d in known.tolist()]))
    dims = tensor.shape.with_rank(1).as_tuple()
    assert dims is not None  # noqa: S101  (with_rank gave it a rank)
    if dims == (0,):
        return shapes.scalar()
    if dims[0] is not None and dims[0] > MAX_RANK:
        raise ValueError(f"Shape must be at most rank {MAX_RANK} but is rank {dims[0]}")
    known = constant_value(tensor)
    if known is not None:
        return shapes.as_shape([d if d >= 0 else None for d in known.tolist()])
    partial = _partial_shape(tensor, 0, {})
    return shapes.unknown_shape(dims[0]) if partial is None else shapes.as_shape(partial)


def partial_value(tensor: Tensor, count: int) -> list[int | None]:
    """Return the elements of a vector of ``count`` integers, None for those that are not known."""
    known = constant_value(tensor)
    if known is not None:
        return [int(element) for element in known.reshape(-1)]
    if tensor.op.type == "Pack":
        parts = [_value(part, 1) for part in tensor.op.inputs]
        return [None if part is None or part.size != 1 else int(part.reshape(-1)[0]) for part in parts]
    return [None] * count


def _partial_shape(tensor: Tensor, depth: int, seen: Partials) -> tuple[int | None, ...] | None:
    """Return the known elements of a vector that describes a shape; None if not even their number is known."""
    if tensor not in seen:
        # Kept while one shape is asked for: slices and concatenations of one vector meet in it again and again.
        seen[tensor] = _find_partial_shape(tensor, depth, seen)
    return seen[tensor]


def _find_partial_shape(tensor: Tensor, depth: int, seen: Partials) -> tuple[int | None, ...] | None:
    op = tensor.op
    value = _value(tensor, depth)
    if value is not None:
        return tuple(int(d) if d >= 0 else None for d in value.reshape(-1))
    if depth > _MAX_DEPTH:
        return None
    if op.type in {"Shape", "ShapeN"}:
        return op.inputs[tensor.value_index].shape.as_tuple()
    if op.type == "Pack":
        parts = [_value(t, depth + 1) for t in op.inputs]
        return tuple(None if p is None or p.size != 1 or p.item() < 0 else p.item() for p in parts)
    if op.type == "ConcatV2":
        found = [_partial_shape(t, depth + 1, seen) for t in op.inputs[:-1]]
        return None if None in found else sum((part for part in found if part is not None), ())
    if op.type == "StridedSlice":
        return _partial_slice(op, depth, seen)
    size = tensor.shape.as_tuple()
    return None if not size or size[0] is None else (None,) * size[0]


def _partial_slice(op: Operation, depth: int, seen: Partials) -> tuple[int | None, ...] | None:
    """Return the known elements of a slice of a vector."""
    if op.attrs["new_axis_mask"] or op.attrs["shrink_axis_mask"]:
        return None
    whole = _partial_shape(op.inputs[0], depth + 1, seen)
    numbers = [_value(t, depth + 1) for t in op.inputs[1:]]
    if whole is None or any(n is None or n.size != 1 for n in numbers):
        return None
    begin, end, strides = (n.tolist() for n in numbers if n is not None)
    index, _ = resolve(SliceSpec.from_attrs(op.attrs, begin, end, strides), (len(whole),))
    return whole[index[0]] if isinstance(index[0], slice) else None


def _value(tensor: Tensor, depth: int) -> Value:
    """Return the value of a tensor; values that were computed once are kept with the graph."""
    op = tensor.op
    if op.type == "Const":
        found: NDArray[Any] = op.attrs["value"]
        return found
    evaluate = _EVALUATORS.get(op.type)
    if evaluate is None or depth > _MAX_DEPTH:
        return None
    kept: dict[Tensor, NDArray[Any]] = op.graph.rooms.setdefault(_ROOM, {})
    value = kept.get(tensor)
    if value is None:
        value = evaluate(op, depth) if op.type != "ShapeN" else _shape_of(op, tensor.value_index)
        if value is not None:
            value.flags.writeable = False
            kept[tensor] = value
    return value


def _inputs(op: Operation, depth: int) -> list[NDArray[Any]] | None:
    """Return the values of all inputs, or None at the first that is not known."""
    values: list[NDArray[Any]] = []
    for tensor in op.inputs:
        value = _value(tensor, depth + 1)
        if value is None:
            return None
        values.append(value)
    return values


def _shape_of(op: Operation, index: int) -> Value:
    """Return the shape of an input as a vector."""
    shape = op.inputs[index].shape
    return np.array(shape.as_list(), op.attrs["out_type"].as_numpy_dtype) if shape.is_fully_defined() else None


def _size(op: Operation, depth: int) -> Value:
    count = op.inputs[0].shape.num_elements()
    return None if count is None else np.array(count, op.attrs["out_type"].as_numpy_dtype)


def _rank(op: Operation, depth: int) -> Value:
    rank = op.inputs[0].shape.ndims
    return None if rank is None else np.array(rank, np.int32)


def _fill(op: Operation, depth: int) -> Value:
    shape, value = op.outputs[0].shape, _value(op.inputs[1], depth + 1)
    if value is None or not shape.is_fully_defined():
        return None
    # A view of one element: only what is looked at is ever read.
    return np.broadcast_to(value, [d for d in shape.as_list() if d is not None])


def _computed(function: Callable[[Operation, list[NDArray[Any]]], Any]) -> Evaluator:
    """Return the evaluator of an op that needs the values of all its inputs."""

    def evaluate(op: Operation, depth: int) -> Value:
        count = op.outputs[0].shape.num_elements()
        if count is None or count > _MAX_ELEMENTS:
            return None
        values = _inputs(op, depth)
        return None if not values else np.array(function(op, values), op.outputs[0].dtype.as_numpy_dtype)

    return evaluate


def _strided_slice(op: Operation, values: list[NDArray[Any]]) -> NDArray[Any]:
    """Return a slice of a known value."""
    spec = SliceSpec.from_attrs(op.attrs, *(v.tolist() for v in values[1:]))
    index, shape = resolve(spec, values[0].shape)
    part: NDArray[Any] = values[0][index].reshape(shape)
    return part


def _partial_pack(op: Operation) -> Value:
    """Return the known parts of a Pack, None for the others; None if no part is known."""
    parts = [constant_value(t) for t in op.inputs]
    if all(part is None for part in parts):
        return None
    result = np.empty(len(parts), object)
    result[:] = [None if part is None else part for part in parts]
    return result


def _packed(op: Operation, values: list[NDArray[Any]]) -> NDArray[Any]:
    """Return values stacked along the op's axis."""
    axis: int = op.attrs["axis"]
    return np.stack(values, axis=axis)


_EVALUATORS: dict[str, Evaluator] = {
    "Shape": lambda op, depth: _shape_of(op, 0),
    "ShapeN": lambda op, depth: _shape_of(op, 0),
    "Size": _size,
    "Rank": _rank,
    "Fill": _fill,
    "Range": _computed(lambda op, v: range_values(*(value[()] for value in v))),
    "Cast": _computed(lambda op, v: v[0]),
    "Concat": _computed(lambda op, v: np.concatenate(v[1:], axis=int(v[0]))),
    "ConcatV2": _computed(lambda op, v: np.concatenate(v[:-1], axis=int(v[-1]))),
    "Pack": _computed(_packed),
    "Equal": _computed(lambda op, v: v[0] == v[1]),
    "NotEqual": _computed(lambda op, v: v[0] != v[1]),
    "StridedSlice": _computed(_strided_slice),
}
