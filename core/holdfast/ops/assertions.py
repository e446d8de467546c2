"""Assert: a run that fails where a condition does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, integer, list_of, not_differentiable
from holdfast.graph.operation import Operation
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.cond import cond
from holdfast.ops.grouping import no_op

__all__ = ["Assert"]

define_op(
    "Assert",
    "condition: bool, data: T ->",
    attrs={"T": list_of("type", minimum=1), "summarize": integer(3)},
    shape=shape_rules.no_outputs,
    stateful=True,
    effects=True,
)
not_differentiable("Assert")


def Assert(condition: Any, data: Sequence[Any], summarize: int | None = None, name: str | None = None) -> Operation:
    """Return an operation that fails unless ``condition`` holds.

    Nothing waits for it by itself: name it in ``tf.control_dependencies``.

    Parameters
    ----------
    condition
        Boolean scalar. Running the operation raises :class:`holdfast.errors.InvalidArgumentError` with the values of
        ``data`` if it is false.
    data
        What the message shows: tensors and strings.
    summarize
        Number of elements of each tensor that are shown; by default 3.
    """
    with default.name_scope(name, "Assert", [condition, *data]):
        shown = conversion.convert_n_to_tensor(data)
        if all(tensor.dtype.base_dtype in {dtypes.string, dtypes.int32} for tensor in shown):
            return _assert(condition, data, summarize)
        # The data, which may be on another device, is fetched only where the assertion fails.
        condition = conversion.convert_to_tensor(condition, name="Condition")
        guarded = cond(condition, no_op, lambda: _assert(condition, data, summarize), name="AssertGuard")
        operation: Operation = guarded.op
        return operation


def _assert(condition: Any, data: Sequence[Any], summarize: int | None) -> Operation:
    return apply_op("Assert", condition, data, summarize=summarize, name="Assert")
