"""From what users pass (elements, names, variables) to the elements of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph


def as_graph_element(graph: Graph, obj: Any, *, allow_tensor: bool, allow_operation: bool) -> Any:
    """Return the tensor or operation of ``graph`` that ``obj`` stands for; errors as ``Graph.as_graph_element``."""
    if allow_tensor and allow_operation:
        wanted = "Tensor or Operation"
    elif allow_tensor:
        wanted = "Tensor"
    elif allow_operation:
        wanted = "Operation"
    else:
        raise ValueError("allow_tensor and allow_operation can't both be False.")
    convert: Callable[[], Any] | None = getattr(obj, "_as_graph_element", None)
    if convert is not None:
        obj = convert()
    if isinstance(obj, bytes):
        obj = obj.decode()
    if isinstance(obj, str):
        return _by_name(graph, obj, wanted, allow_tensor=allow_tensor, allow_operation=allow_operation)
    for kind, allowed in ((Tensor, allow_tensor), (Operation, allow_operation)):
        if isinstance(obj, kind) and allowed:
            if obj.graph is not graph:
                raise ValueError(f"{kind.__name__} {obj} is not an element of this graph.")
            return obj
    raise TypeError(f"Can not convert a {type(obj).__name__} into a {wanted}.")


def _by_name(graph: Graph, name: str, wanted: str, *, allow_tensor: bool, allow_operation: bool) -> Any:
    """Return an element by its name."""
    if ":" in name and allow_tensor:
        return _tensor_by_name(graph, name)
    if ":" in name:
        raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a {wanted}.")
    if allow_operation:
        if name not in graph._ops:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return graph._ops[name]
    is_op = name in graph._ops
    what = "refers to an Operation" if is_op else "looks like an (invalid) Operation name"
    raise ValueError(
        f'The name {name!r} {what}, not a {wanted}. Tensor names must be of the form "<op_name>:<output_index>".'
    )


def _tensor_by_name(graph: Graph, name: str) -> Tensor:
    """Return a tensor by ``<op>:<index>``."""
    op_name, _, index = name.partition(":")
    if not index.isdecimal():
        raise ValueError(
            f"The name {name!r} looks a like a Tensor name, but is not a valid one. Tensor names must be of the "
            'form "<op_name>:<output_index>".'
        )
    op = graph._ops.get(op_name)
    if op is None:
        raise KeyError(
            f"The name {name!r} refers to a Tensor which does not exist. The operation, {op_name!r}, does not exist in "
            "the graph."
        )
    if int(index) >= len(op.outputs):
        raise KeyError(
            f"The name {name!r} refers to a Tensor which does not exist. The operation, {op_name!r}, exists but only "
            f"has {len(op.outputs)} outputs."
        )
    return op.outputs[int(index)]


def reference_tensor(value: Any) -> Tensor:
    """Return the tensor of a value, of a variable the reference itself: what colocation is with."""
    op: Operation = conversion.convert_to_tensor_or_indexed_slices(value, as_ref=True).op
    return op.outputs[0]


def _refuse_operation(value: Operation, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Any:
    """Refuse to convert an operation, which has any number of outputs."""
    raise TypeError(
        f"Can't convert Operation '{value.name}' to Tensor "
        f"(target dtype={None if dtype is None else dtype.name!r}, name={name!r}, as_ref={as_ref!r})"
    )


conversion.register_tensor_conversion_function(Operation, _refuse_operation)
