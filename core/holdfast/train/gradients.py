"""Symbolic gradients: the reverse pass over a graph, by the gradient of each op type."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from holdfast import dtypes
from holdfast.graph import IndexedSlices, Operation, Tensor, colocate_with, conversion, device, name_scope
from holdfast.graph.op_def import GradientFunction, gradient_function
from holdfast.ops.constants import constant
from holdfast.ops.control_flow import zeros_like_outside_loop
from holdfast.ops.grouping import tuple as tuple_op
from holdfast.ops.sequences import fill
from holdfast.ops.shape_queries import shape as shape_op
from holdfast.train import aggregation, gradient_graph
from holdfast.train.aggregation import AggregationMethod

__all__ = ["AggregationMethod", "gradients"]

_TRAINABLE = frozenset([dtypes.float16, dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128])


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
) -> list[Any]:
    """Add operations that compute the derivatives of the sum of ``ys`` with respect to each of ``xs``.

    Parameters
    ----------
    ys, xs
        A tensor or a list of tensors; variables too.
    grad_ys
        Initial gradients, one of the shape of each y; None, or a None among them, stands for ones.
    name
        Name scope of the operations.
    colocate_gradients_with_ops
        Put the gradient of each operation on its device.
    gate_gradients
        Give the gradients of an operation to others only when all of them are computed.
    aggregation_method
        How gradients that reach one tensor by several ways are added up: a constant of :class:`AggregationMethod`.
    stop_gradients
        Tensors to treat as constants.

    Returns
    -------
    One gradient an x: a Tensor, IndexedSlices (the gradient of ``gather``), or None where the ys do not depend on it.

    Raises
    ------
    LookupError
        If an operation in between has no gradient.
    ValueError
        If the arguments do not fit, or a gradient function does not keep its contract.
    TypeError
        If a gradient's dtype does not suit its y, or a complex y has none.
    """
    if aggregation_method is None:
        aggregation_method = AggregationMethod.DEFAULT
    if aggregation_method not in aggregation.METHODS:
        raise ValueError(f"Invalid aggregation_method specified {aggregation_method}.")
    ys, xs, stops = _as_list(ys), _as_list(xs), _as_list(stop_gradients)
    given = [None] * len(ys) if grad_ys is None else _as_list(grad_ys)
    with name_scope(name, "gradients", [*ys, *xs, *stops, *(g for g in given if g is not None)]):
        outputs = _convert(ys, "y")
        inputs = _convert(xs, "x", as_ref=True)
        constants = _convert(stops, "stop")
        backward = _ReversePass(aggregation_method, colocate=colocate_gradients_with_ops, gate=gate_gradients)
        backward.seed(outputs, _initial_gradients(given, outputs, backward))
        backward.run([y.op for y in outputs], [x.op for x in inputs], [t.op for t in constants])
        return [backward.gradient_of(x) for x in inputs]


def _as_list(values: Any) -> list[Any]:
    """Return one or several values as a list."""
    if values is None:
        return []
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _convert(values: Sequence[Any], name: str, *, as_ref: bool = False) -> list[Any]:
    """Convert values to tensors or indexed slices."""
    return [
        conversion.convert_to_tensor_or_indexed_slices(value, name=f"{name}_{i}", as_ref=as_ref)
        for i, value in enumerate(values)
    ]


def _initial_gradients(given: Sequence[Any], ys: Sequence[Any], backward: _ReversePass) -> list[Any]:
    """Return the gradients that the reverse pass begins with: what the caller gave, else ones."""
    if len(given) != len(ys):
        raise ValueError(f"Passed {len(given)} grad_ys for {len(ys)} ys")
    result = []
    for i, (grad, y) in enumerate(zip(given, ys, strict=True)):
        with backward.near(y.op):
            result.append(_ones_for(y) if grad is None else _checked_initial(grad, y, i))
    return result


def _ones_for(y: Any) -> Tensor:
    """Return ones of the shape of a y."""
    if y.dtype.is_complex:
        raise TypeError(f"Gradients of complex tensors must set grad_ys (y.dtype = {y.dtype!r})")
    shape = shape_op(y)
    return fill(shape, constant(1, dtype=y.dtype.base_dtype))


def _checked_initial(grad: Any, y: Any, index: int) -> Any:
    """Convert a gradient that the caller gave; its dtype must be of the y's kind."""
    grad = conversion.convert_to_tensor_or_indexed_slices(grad, name=f"grad_y_{index}", dtype=None)
    if y.dtype.is_complex and not grad.dtype.is_complex:
        raise TypeError(
            f"Gradient type {grad.dtype.name} generated for complex-valued tensor {y} with type {y.dtype.name} must be "
            "complex"
        )
    if (y.dtype.is_floating or y.dtype.is_integer) and not (grad.dtype.is_floating or grad.dtype.is_integer):
        raise TypeError(
            f"Gradient type {grad.dtype.name} generated for real or integer-valued tensor {y} with type "
            f"{y.dtype.name} must be real or integer"
        )
    return grad


def _is_trainable(tensor: Tensor) -> bool:
    """Whether gradients flow through tensors of its dtype."""
    return tensor.dtype.base_dtype in _TRAINABLE


class _ReversePass:
    """One reverse pass: from the gradients of ys to those of xs."""

    def __init__(self, method: int, *, colocate: bool, gate: bool) -> None:
        self._method = method
        self._colocate = colocate
        self._gate = gate
        self._collected: dict[Tensor, list[Any]] = {}
        """Gradients that reached each tensor so far; one, their sum, when its operation has been processed."""

    def near(self, op: Operation) -> AbstractContextManager[None]:
        """Return a block whose operations stay with ``op``, where that is wanted."""
        return colocate_with(op) if self._colocate else nullcontext()

    def seed(self, ys: Sequence[Any], grads: Sequence[Any]) -> None:
        """Enter the initial gradients."""
        for y, grad in zip(ys, grads, strict=True):
            self._enter(y, grad)

    def gradient_of(self, x: Any) -> Any:
        """Return the gradient of an x; None where none reached it."""
        tensor = x.values if isinstance(x, IndexedSlices) else x
        found = self._collected.get(tensor)
        return found[0] if found else None

    def run(self, to_ops: Sequence[Operation], from_ops: Sequence[Operation], constants: Sequence[Operation]) -> None:
        """Process each operation between ``from_ops`` and ``to_ops`` once all that use it are done."""
        pending = gradient_graph.pending_counts(to_ops, from_ops)
        stops = gradient_graph.ends(from_ops, pending) | set(constants)
        for op in self._in_order(pending, to_ops):
            with self.near(op):
                self._process(op, stops)

    def _in_order(self, pending: dict[Operation, int], to_ops: Sequence[Operation]) -> Iterator[Operation]:
        """Yield operations, those that use one before it."""
        queue = deque(op for op in dict.fromkeys(to_ops) if pending.get(op, 0) == 0)
        while queue:
            op = queue.popleft()
            yield op
            for tensor in op.inputs:
                if tensor.op in pending:
                    pending[tensor.op] -= 1
                    if pending[tensor.op] == 0:
                        queue.append(tensor.op)

    def _process(self, op: Operation, stops: set[Operation]) -> None:
        """Add up the gradients of an operation's outputs and pass them on to its inputs."""
        grads = [self._sum(tensor, op) for tensor in op.outputs]
        if op in stops or all(grad is None for grad in grads):
            return
        function = _gradient_function(op)
        if function is None:
            return
        for i, tensor in enumerate(op.outputs):
            if grads[i] is None and _is_trainable(tensor):
                grads[i] = zeros_like_outside_loop(op, i)
        with name_scope(f"{op.name}_grad"):
            input_grads = self._checked(op, function(op, *grads))
            if self._gate and sum(grad is not None for grad in input_grads) > 1:
                with device(None):
                    input_grads = tuple_op(input_grads)
        for i, (tensor, grad) in enumerate(zip(op.inputs, input_grads, strict=True)):
            if grad is not None:
                _merge_shape(op, i, tensor, grad)
                self._enter(tensor, grad)

    def _sum(self, tensor: Tensor, op: Operation) -> Any:
        """Return the whole gradient of a tensor."""
        found = self._collected.get(tensor)
        if not found:
            return None
        total = aggregation.aggregate(found, op, self._method)
        self._collected[tensor] = [total]
        return total

    def _enter(self, target: Any, grad: Any) -> None:
        """Note a gradient of a tensor."""
        tensor = target.values if isinstance(target, IndexedSlices) else target
        self._collected.setdefault(tensor, []).append(grad)

    @staticmethod
    def _checked(op: Operation, grads: Any) -> list[Any]:
        """Return what a gradient function gave as a list, one for each input."""
        result = list(grads) if isinstance(grads, (list, tuple)) else [grads]
        if len(result) != len(op.inputs):
            raise ValueError(
                f"Num gradients {len(result)} generated for op {op.node_def} do not match num inputs {len(op.inputs)}"
            )
        return result


def _gradient_function(op: Operation) -> GradientFunction | None:
    """Return the gradient of an operation, which may override its type's; None where none flows."""
    if not op.inputs:
        return None
    override: bytes | None = op.attrs.get("_gradient_op_type")
    op_type = op.type if override is None else override.decode()
    try:
        return gradient_function(op_type)
    except LookupError:
        raise LookupError(f"No gradient defined for operation '{op.name}' (op type: {op.type})") from None


def _merge_shape(op: Operation, index: int, tensor: Tensor, grad: Any) -> None:
    """Give a gradient the static shape of its tensor."""
    if not isinstance(grad, Tensor):
        return
    try:
        grad.set_shape(tensor.shape)
    except ValueError:
        raise ValueError(
            "Incompatible shapes between op input and calculated input gradient.  Forward operation: "
            f"{op.name}.  Input index: {index}. Original input shape: {tensor.shape}.  Calculated input gradient "
            f"shape: {grad.shape}"
        ) from None
