"""Variables as nodes: making, assigning, counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph.op_def import boolean, define_op, integer, not_differentiable, shape_attr, string, type_attr
from holdfast.ops.apply import apply_op
from holdfast.ops.shape_rules import all_inputs_merged, check_rank, merged, scalar_output

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.shapes import TensorShape

NUMBERS = (
    dtypes.float32,
    dtypes.float64,
    dtypes.int64,
    dtypes.int32,
    dtypes.uint8,
    dtypes.uint16,
    dtypes.int16,
    dtypes.int8,
    dtypes.complex64,
    dtypes.complex128,
    dtypes.qint8,
    dtypes.quint8,
    dtypes.qint32,
    dtypes.float16,
)
"""TensorFlow's list of number types, in its order."""


def _variable_shape(op: Operation) -> list[TensorShape]:
    return [op.attrs["shape"]]


def _assign_shape(op: Operation) -> list[TensorShape]:
    ref, value = op._inputs
    return [merged(ref._shape, value._shape)] if op.attrs["validate_shape"] else [value._shape]


def _count_shape(op: Operation) -> list[TensorShape]:
    check_rank(op.inputs[0].shape, 0)
    return scalar_output(op)


_VARIABLE_ATTRS = {"shape": shape_attr(), "dtype": type_attr(), "container": string(b""), "shared_name": string(b"")}
for _type in ("VariableV2", "Variable"):
    define_op(_type, "-> ref: Ref(dtype)", attrs=_VARIABLE_ATTRS, shape=_variable_shape, stateful=True)

define_op(
    "Assign",
    "ref: Ref(T), value: T -> output_ref: Ref(T)",
    attrs={"T": type_attr(), "validate_shape": boolean(default=True), "use_locking": boolean(default=True)},
    shape=_assign_shape,
    effects=True,
)
for _type in ("AssignAdd", "AssignSub"):
    define_op(
        _type,
        "ref: Ref(T), value: T -> output_ref: Ref(T)",
        attrs={"T": type_attr(*NUMBERS), "use_locking": boolean(default=False)},
        shape=all_inputs_merged,
        effects=True,
    )
define_op(
    "CountUpTo",
    "ref: Ref(T) -> output: T",
    attrs={"limit": integer(), "T": type_attr(dtypes.int32, dtypes.int64)},
    shape=_count_shape,
    effects=True,
)
define_op(
    "IsVariableInitialized",
    "ref: Ref(dtype) -> is_initialized: bool",
    attrs={"dtype": type_attr()},
    shape=scalar_output,
)
not_differentiable("Assign", "AssignAdd", "AssignSub")


def variable_op_v2(
    shape: Any, dtype: Any, name: str = "Variable", container: str = "", shared_name: str = ""
) -> Tensor:
    """Return a reference to a new variable node: what :class:`holdfast.Variable` is made of.

    Parameters
    ----------
    shape
        Static shape; unknown for a variable whose shape may change.
    dtype
        Dtype of the values.
    container, shared_name
        Where a session keeps the values: nodes that agree in both share them.
    """
    return apply_op(
        "VariableV2",
        shape=shape,
        dtype=dtype,
        # An empty name is the default.
        container=container or None,
        shared_name=shared_name or None,
        name=name,
    ).outputs[0]


def _is_ref(ref: Any) -> bool:
    """Whether a variable or tensor is updated through its reference."""
    return bool(ref.dtype._is_ref_dtype)


def assign(
    ref: Any, value: Any, validate_shape: bool | None = None, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Give a variable a value.

    Parameters
    ----------
    ref
        A variable or a reference to one; it may be uninitialised.
    value
        The new value, of the variable's dtype.
    validate_shape
        By default the value must have the variable's shape; False lets the variable take the value's.

    Returns
    -------
    The reference, to be used after the assignment.

    Raises
    ------
    ValueError
        If the static shapes differ.
    TypeError
        If the dtypes differ.
    """
    if _is_ref(ref):
        op = apply_op("Assign", ref, value, validate_shape=validate_shape, use_locking=use_locking, name=name)
        return op.outputs[0]
    updated: Tensor = ref.assign(value)
    return updated


def assign_add(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Add to an initialised variable a value of its shape and dtype; see :func:`assign`."""
    if _is_ref(ref):
        return apply_op("AssignAdd", ref, value, use_locking=use_locking, name=name).outputs[0]
    updated: Tensor = ref.assign_add(value)
    return updated


def assign_sub(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Subtract from an initialised variable a value of its shape and dtype; see :func:`assign`."""
    if _is_ref(ref):
        return apply_op("AssignSub", ref, value, use_locking=use_locking, name=name).outputs[0]
    updated: Tensor = ref.assign_sub(value)
    return updated


def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """Increment a scalar int32 or int64 variable; return the value it had before.

    Once the variable has reached ``limit``, running it changes nothing and raises
    :class:`holdfast.errors.OutOfRangeError`.
    """
    return apply_op("CountUpTo", ref, limit=limit, name=name).outputs[0]


def is_variable_initialized(ref: Any, name: str | None = None) -> Tensor:
    """Return a scalar boolean tensor: whether a variable has a value in the session."""
    if _is_ref(ref):
        return apply_op("IsVariableInitialized", ref, name=name).outputs[0]
    found: Tensor = ref.is_initialized(name=name)
    return found
