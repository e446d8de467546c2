"""Elements chosen by their indices: gather and gather_nd; and put at them: scatter_nd."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import default
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import boolean, define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.joining import concat
from holdfast.ops.reshaping import expand_dims, reshape, transpose
from holdfast.ops.sequences import range as range_of
from holdfast.ops.shape_queries import shape, size
from holdfast.ops.static import constant_value, constant_value_as_shape

__all__ = ["gather", "gather_nd", "scatter_nd"]

_INDEX = type_attr(dtypes.int32, dtypes.int64)


def _gather_shape(op: Operation) -> list[shapes.TensorShape]:
    params = shape_rules.of_rank_at_least(op.inputs[0].shape, 1)
    rest = shapes.unknown_shape() if params is None else shapes.TensorShape(params[1:])
    return [op.inputs[1].shape.concatenate(rest)]


def _gather_v2_shape(op: Operation) -> list[shapes.TensorShape]:
    params, indices, axis = op.inputs
    dims = shape_rules.of_rank_at_least(params.shape, 1)
    shape_rules.check_rank(axis.shape, 0)
    at, chosen = constant_value(axis), indices.shape.as_tuple()
    if dims is None or chosen is None:
        return [shapes.unknown_shape()]
    if at is None:
        return [shapes.unknown_shape(len(dims) - 1 + len(chosen))]
    where = int(at)
    needed = where + 1 if where >= 0 else -where
    shape_rules.of_rank_at_least(params.shape, needed)
    where %= len(dims)
    return [shapes.TensorShape([*dims[:where], *chosen, *dims[where + 1 :]])]


def _gather_nd_shape(op: Operation) -> list[shapes.TensorShape]:
    params, indices = op.inputs[0].shape.as_tuple(), op.inputs[1].shape.as_tuple()
    if params is None or not indices or indices[-1] is None:
        return [shapes.unknown_shape()]
    depth = indices[-1]
    if depth > len(params):
        raise ValueError(
            "indices.shape[-1] must be <= params.rank, but saw indices shape: "
            f"{_text(indices)} and params shape: {_text(params)}"
        )
    return [shapes.TensorShape([*indices[:-1], *params[depth:]])]


def _text(dims: tuple[int | None, ...]) -> str:
    """Return ``[2,?]``."""
    return f"[{','.join('?' if d is None else str(d) for d in dims)}]"


def _scatter_nd_shape(op: Operation) -> list[shapes.TensorShape]:
    indices, updates = op.inputs[0].shape.as_tuple(), op.inputs[1].shape.as_tuple()
    output = constant_value_as_shape(op.inputs[2])
    dims = output.as_tuple()
    if indices is None or updates is None or dims is None or not indices or indices[-1] is None:
        return [output]
    outer, depth = len(indices) - 1, indices[-1]
    _check_part(f"outer {outer} dimensions of indices.shape=", indices, indices[:outer], updates, updates[:outer])
    inner = len(dims) - depth
    _check_part(f"inner {inner} dimensions of output.shape=", dims, dims[depth:], updates, updates[outer:])
    return [output]


def _check_part(
    what: str,
    whole: tuple[int | None, ...],
    part: tuple[int | None, ...],
    updates: tuple[int | None, ...],
    updates_part: tuple[int | None, ...],
) -> None:
    """Raise ValueError unless a part of a shape is the same part of the updates' shape."""
    try:
        shape_rules.merged(shapes.TensorShape(part), shapes.TensorShape(updates_part))
    except ValueError as error:
        words = what.partition(" dimensions")[0]
        raise ValueError(
            f"The {what}{_text(whole)} must match the {words} dimensions of updates.shape={_text(updates)}: {error}"
        ) from error


define_op(
    "Gather",
    "params: Tparams, indices: Tindices -> output: Tparams",
    attrs={"validate_indices": boolean(default=True), "Tparams": type_attr(), "Tindices": _INDEX},
    shape=_gather_shape,
)
define_op(
    "GatherV2",
    "params: Tparams, indices: Tindices, axis: Taxis -> output: Tparams",
    attrs={"Tparams": type_attr(), "Tindices": _INDEX, "Taxis": _INDEX},
    shape=_gather_v2_shape,
)
define_op(
    "GatherNd",
    "params: Tparams, indices: Tindices -> output: Tparams",
    attrs={"Tparams": type_attr(), "Tindices": _INDEX},
    shape=_gather_nd_shape,
)
define_op(
    "ScatterNd",
    "indices: Tindices, updates: T, shape: Tindices -> output: T",
    attrs={"T": type_attr(), "Tindices": _INDEX},
    shape=_scatter_nd_shape,
)


def _params_shape(params: Tensor) -> Tensor:
    """Return the shape of what was gathered from, on its device: it may be a variable far away."""
    from holdfast.ops.casting import to_int32

    with default.colocate_with(params):
        return to_int32(shape(params, out_type=dtypes.int64))


@register_gradient("Gather")
def _gather_gradient(op: Operation, grad: Tensor) -> Any:
    params, indices = op.inputs
    params_shape = _params_shape(params)
    count = expand_dims(size(indices), 0)
    rows = reshape(grad, concat([count, params_shape[1:]], 0))
    return [IndexedSlices(rows, reshape(indices, count), params_shape), None]


@register_gradient("GatherV2")
def _gather_v2_gradient(op: Operation, grad: Tensor) -> Any:
    from holdfast.ops.segment_ops import unsorted_segment_sum

    params, indices, axis = op.inputs
    params_shape = _params_shape(params)
    count = expand_dims(size(indices), 0)
    at = constant_value(axis)
    if at is not None and int(at) == 0:
        rows = reshape(grad, concat([count, params_shape[1:]], 0))
        return [IndexedSlices(rows, reshape(indices, count), params_shape), None, None]
    outer = params_shape[:axis]
    outer_axes = size(outer)
    inner = params_shape[axis:][1:]
    before = range_of(0, outer_axes)
    after = range_of(outer_axes + 1, outer_axes + 1 + size(inner))
    rows = reshape(grad, concat([outer, count, inner], 0))
    # The axis goes to the front, is summed by index, and goes back.
    to_front = transpose(rows, concat([[outer_axes], before, after], 0))
    summed = unsorted_segment_sum(to_front, reshape(indices, count), params_shape[axis])
    return [transpose(summed, concat([before + 1, [0], after], 0)), None, None]


@register_gradient("GatherNd")
def _gather_nd_gradient(op: Operation, grad: Tensor) -> Any:
    params, indices = op.inputs
    return [scatter_nd(indices, grad, shape(params, out_type=indices.dtype.base_dtype)), None]


@register_gradient("ScatterNd")
def _scatter_nd_gradient(op: Operation, grad: Tensor) -> Any:
    return [None, gather_nd(grad, op.inputs[0]), None]


def gather(
    params: Any, indices: Any, validate_indices: bool | None = None, name: str | None = None, axis: Any = 0
) -> Tensor:
    """Return the slices of ``params`` along ``axis`` that ``indices`` names, in its shape.

    Parameters
    ----------
    indices
        int32 or int64. Running it raises :class:`holdfast.errors.InvalidArgumentError` if one is out of range.
    validate_indices
        Accepted as TensorFlow does; indices are always checked.
    axis
        Axis of ``params``; negative ones count from the end.

    Raises
    ------
    ValueError
        If ``params`` is known to have no such axis.
    """
    if isinstance(axis, int) and axis == 0:
        return apply_op("Gather", params, indices, validate_indices=validate_indices, name=name).outputs[0]
    return apply_op("GatherV2", params, indices, axis, name=name).outputs[0]


def gather_nd(params: Any, indices: Any, name: str | None = None) -> Tensor:
    """Return the elements or slices of ``params`` at the positions in the last axis of ``indices``.

    Running it raises :class:`holdfast.errors.InvalidArgumentError` if a position is out of range.

    Raises
    ------
    ValueError
        If positions are known to have more items than ``params`` has axes.
    """
    return apply_op("GatherNd", params, indices, name=name).outputs[0]


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Tensor:
    """Return zeros of ``shape`` with ``updates`` added at the positions in the last axis of ``indices``.

    Running it raises :class:`holdfast.errors.InvalidArgumentError` if a position is out of range.

    Raises
    ------
    ValueError
        If the shapes are known not to fit.
    """
    return apply_op("ScatterNd", indices, updates, shape, name=name).outputs[0]
