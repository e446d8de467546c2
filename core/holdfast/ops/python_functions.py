"""py_func: a Python function as an operation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import default
from holdfast.graph.op_def import define_op, list_of, not_differentiable, string
from holdfast.graph.operation import Operation
from holdfast.ops.apply import apply_op

__all__ = ["py_func"]

_ATTRS = {"token": string(), "Tin": list_of("type", minimum=0), "Tout": list_of("type", minimum=0)}
_numbers = itertools.count()


def _unknown_shapes(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.unknown_shape()] * len(op.attrs["Tout"])


define_op("PyFunc", "input: Tin -> output: Tout", attrs=_ATTRS, shape=_unknown_shapes, stateful=True, effects=True)
define_op("PyFuncStateless", "input: Tin -> output: Tout", attrs=_ATTRS, shape=_unknown_shapes)
not_differentiable("PyFunc", "PyFuncStateless")


def py_func(
    func: Callable[..., Any], inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None
) -> Any:
    """Return what a Python function makes of the values of tensors.

    The function lives in this process and with this graph: a graph that is saved and loaded elsewhere has the
    node without it.

    Parameters
    ----------
    func
        Called at each run with one NumPy array, or scalar, an input: copies, the function's to keep. It returns one
        array an output, or a list or tuple of them. Other threads may use the session meanwhile.
    inp
        Inputs.
    Tout
        Dtype of the output, or a list of dtypes.
    stateful
        Whether two calls with the same inputs may differ or have effects; if not, a call may be dropped.

    Returns
    -------
    Tensor, list of Tensor, or Operation
        One tensor for one dtype, a list for a list, the operation where there is no output. Shapes are unknown.

    Raises
    ------
    TypeError
        If ``func`` is not callable.
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got {type(func).__name__}: {func!r}")
    graph = default.graph_from_inputs(inp)
    token = f"pyfunc_{next(_numbers)}".encode()
    graph.python_functions[token] = func
    is_list = isinstance(Tout, (list, tuple))
    types = [dtypes.as_dtype(dtype) for dtype in (Tout if is_list else [Tout])]
    op = apply_op("PyFunc" if stateful else "PyFuncStateless", list(inp), token=token, Tout=types, name=name)
    if not op.outputs:
        return op
    return list(op.outputs) if is_list else op.outputs[0]
