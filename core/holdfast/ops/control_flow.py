"""Switch and Merge: what conditionals are made of, for values and for variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op, integer, not_differentiable, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.sequences import zeros, zeros_like
from holdfast.ops.shape_queries import shape_internal

__all__ = ["merge", "switch"]


def _switch_shape(op: Operation) -> list[shapes.TensorShape]:
    data, pred = op.inputs
    shape_rules.check_rank(pred.shape, 0)
    return [data.shape, data.shape]


def _merge_shape(op: Operation) -> list[shapes.TensorShape]:
    shape = op.inputs[0].shape
    for tensor in op.inputs[1:]:
        shape = shape.most_specific_compatible_shape(tensor.shape)
    return [shape, shapes.scalar()]


_T = {"T": type_attr()}
_T_N = {"T": type_attr(), "N": integer(minimum=1)}

define_op("Switch", "data: T, pred: bool -> output_false: T, output_true: T", attrs=_T, shape=_switch_shape)
define_op(
    "RefSwitch",
    "data: Ref(T), pred: bool -> output_false: Ref(T), output_true: Ref(T)",
    attrs=_T,
    shape=_switch_shape,
)
define_op("Merge", "inputs: N * T -> output: T, value_index: int32", attrs=_T_N, shape=_merge_shape)
define_op("RefMerge", "inputs: N * Ref(T) -> output: Ref(T), value_index: int32", attrs=_T_N, shape=_merge_shape)
define_op(
    "RefSelect", "index: int32, inputs: N * Ref(T) -> output: Ref(T)", attrs=_T_N, shape=shape_rules.unknown_output
)
define_op("RefIdentity", "input: Ref(T) -> output: Ref(T)", attrs=_T, shape=shape_rules.first_input)
define_op("ControlTrigger", "", shape=shape_rules.no_outputs)
not_differentiable("ControlTrigger")


def _context_of(tensor: Tensor) -> Any:
    """Return the context of the branch that a tensor is the result of, or None."""
    return tensor.op._control_flow_context


@register_gradient("Switch", "RefSwitch")
def _switch_gradient(op: Operation, *grads: Any) -> Any:
    context = op._control_flow_context
    if context is not None:
        used, unused = grads[context.branch], grads[1 - context.branch]
        # What was switched for one branch only: the gradient of the other is zeros made in that other branch.
        if used is None or unused is None:
            return [None, None]
        return [merge([used, unused], name="cond_grad")[0], None]
    # Made by hand, or imported: the gradient of each side counts when that side was taken.
    pred = op.inputs[1]
    sides = [switch(grads[0], pred)[0], switch(grads[1], pred)[1]]
    return [merge(sides)[0], None]


@register_gradient("Merge", "RefMerge")
def _merge_gradient(op: Operation, grad: Any, _: Any) -> Any:
    context = _context_of(op.inputs[0])
    if context is not None:
        return list(switch_at(grad, context.pred, name="cond_grad"))
    from holdfast.ops.comparison import equal

    return [switch(grad, equal(op.outputs[1], i))[1] for i in range(len(op.inputs))]


def zeros_like_outside_loop(op: Operation, index: int) -> Tensor:
    """Return zeros for an output that no gradient came for; of a Switch, made where the other branch is taken."""
    value = op.outputs[index]
    context = op._control_flow_context
    if op.type not in {"Switch", "RefSwitch"} or context is None:
        return zeros_like(value, optimize=False)
    other = switch(op.inputs[0], context.pred)[1 - context.branch]
    return zeros(shape_internal(other, optimize=False), value.dtype)


def switch(data: Any, pred: Any, dtype: Any = None, name: str | None = None) -> tuple[Any, Any]:
    """Return ``(output_false, output_true)``: ``data`` where ``pred`` says, the other one dead.

    Parameters
    ----------
    data
        A tensor or indexed slices.
    pred
        Boolean scalar.
    """
    with default.name_scope(name, "Switch", [data, pred]) as scope:
        data = conversion.convert_to_tensor_or_indexed_slices(data, dtype, name="data", as_ref=True)
        pred = conversion.convert_to_tensor(pred, name="pred")
        if isinstance(data, Tensor):
            off, on = apply_op("Switch", data, pred, name=scope).outputs
            return off, on
        values = switch(data.values, pred, name=scope)
        indices = switch(data.indices, pred, name="indices")
        dense: tuple[Any, Any] = (None, None)
        if data.dense_shape is not None:
            dense = switch(data.dense_shape, pred, name="dense_shape")
        sides = [IndexedSlices(*parts) for parts in zip(values, indices, dense, strict=True)]
        return sides[0], sides[1]


def switch_at(data: Any, pred: Tensor, name: str = "Switch") -> tuple[Any, Any]:
    """Return :func:`switch` on the device of ``data``; of a variable, a switch of its reference."""
    data = conversion.convert_to_tensor_or_indexed_slices(data, name="data", as_ref=True)
    with default.colocate_with(data, ignore_existing=True):
        if isinstance(data, Tensor) and data.dtype._is_ref_dtype:
            off, on = apply_op("RefSwitch", data, pred, name=name).outputs
            return off, on
        return switch(data, pred, name=name)


def merge(inputs: Sequence[Any], name: str | None = None) -> tuple[Any, Tensor]:
    """Return ``(output, value_index)``: the one of ``inputs`` that is not dead, and which one it is.

    Raises
    ------
    ValueError
        If an input is None, or only some of several indexed slices have a dense shape.
    """
    if any(item is None for item in inputs):
        raise ValueError(f"At least one of the merge inputs is None: {inputs}")
    with default.name_scope(name, "Merge", inputs) as scope:
        converted = [conversion.convert_to_tensor_or_indexed_slices(item, as_ref=True) for item in inputs]
        if all(isinstance(item, Tensor) for item in converted):
            refs = all(item.dtype._is_ref_dtype for item in converted)
            output, index = apply_op("RefMerge" if refs else "Merge", converted, name=scope).outputs
            return output, index
        return _merged_slices([_as_slices(item) for item in converted], scope)


def _as_slices(value: Any) -> IndexedSlices:
    """Return a tensor as indexed slices: all of its rows."""
    if isinstance(value, IndexedSlices):
        return value
    from holdfast.ops.sequences import range as range_of

    dense_shape = shape_internal(value, optimize=False)
    return IndexedSlices(value, range_of(0, dense_shape[0]), dense_shape)


def _merged_slices(items: list[IndexedSlices], scope: str) -> tuple[IndexedSlices, Tensor]:
    """Return the merge of indexed slices, part by part."""
    values = merge([item.values for item in items], name=scope)[0]
    with_dtype = _same_index_dtype([item.indices for item in items])
    indices, chosen = apply_op("Merge", with_dtype, name="indices").outputs
    dense_shapes = [item.dense_shape for item in items]
    if all(shape is None for shape in dense_shapes):
        return IndexedSlices(values, indices), chosen
    if any(shape is None for shape in dense_shapes):
        raise ValueError("Either all merged IndexedSlices must have a dense_shape, or none must have a dense_shape.")
    dense_shape = apply_op("Merge", _same_index_dtype(dense_shapes), name="dense_shape").outputs[0]
    return IndexedSlices(values, indices, dense_shape), chosen


def _same_index_dtype(tensors: list[Tensor]) -> list[Tensor]:
    """Return integer tensors in one dtype, the wider one."""
    if len({tensor.dtype.base_dtype for tensor in tensors}) == 1:
        return tensors
    from holdfast.ops.casting import cast

    return [cast(tensor, dtypes.int64) for tensor in tensors]
