"""Sparse updates of variables: some rows, at a cost proportional to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph.op_def import boolean, define_op, not_differentiable, type_attr
from holdfast.ops.apply import apply_op
from holdfast.ops.shape_rules import merged, of_rank_at_least
from holdfast.ops.state_ops import NUMBERS
from holdfast.shapes import TensorShape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


def _scatter_shape(op: Operation) -> list[TensorShape]:
    ref, indices, updates = (t.shape for t in op.inputs)
    dims = of_rank_at_least(ref, 1)
    row = TensorShape(None) if dims is None else TensorShape(dims[1:])
    merged(updates, indices.concatenate(row))
    return [ref]


for _type in ("ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv"):
    _any_dtype = _type == "ScatterUpdate"
    define_op(
        _type,
        "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T)",
        attrs={
            "T": type_attr() if _any_dtype else type_attr(*NUMBERS),
            "Tindices": type_attr(dtypes.int32, dtypes.int64),
            "use_locking": boolean(default=_any_dtype),
        },
        shape=_scatter_shape,
        effects=True,
    )
not_differentiable("ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv")


def scatter_update(ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None) -> Tensor:
    """Replace rows of a variable: ``ref[indices[i], ...] = updates[i, ...]``; of equal indices the last one counts.

    Parameters
    ----------
    ref
        A variable or a reference to one, of rank 1 or more.
    indices
        int32 or int64, of any shape. If one is not a row of the variable, running it changes nothing and raises
        :class:`holdfast.errors.InvalidArgumentError`.
    updates
        Of shape ``indices.shape + ref.shape[1:]`` and the variable's dtype.

    Returns
    -------
    The reference, to be used after the update.

    Raises
    ------
    ValueError
        If the static shapes do not fit.
    """
    return apply_op("ScatterUpdate", ref, indices, updates, use_locking=use_locking, name=name).outputs[0]


def scatter_add(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Add to rows of a variable; equal indices add up. See :func:`scatter_update`."""
    return apply_op("ScatterAdd", ref, indices, updates, use_locking=use_locking, name=name).outputs[0]


def scatter_sub(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Subtract from rows of a variable; equal indices add up. See :func:`scatter_update`."""
    return apply_op("ScatterSub", ref, indices, updates, use_locking=use_locking, name=name).outputs[0]


def scatter_mul(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Multiply rows of a variable; equal indices multiply each in turn. See :func:`scatter_update`."""
    return apply_op("ScatterMul", ref, indices, updates, use_locking=use_locking, name=name).outputs[0]


def scatter_div(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Divide rows of a variable, integers towards zero; equal indices each in turn. See :func:`scatter_update`."""
    return apply_op("ScatterDiv", ref, indices, updates, use_locking=use_locking, name=name).outputs[0]
