"""The global step: a variable that counts the updates made so far."""

from __future__ import annotations

import logging
from typing import Any

from holdfast import dtypes
from holdfast.graph import Graph, GraphKeys, Tensor, get_default_graph
from holdfast.ops.sequences import zeros
from holdfast.variables import Variable

_log = logging.getLogger("holdfast")


def global_step(sess: Any, global_step_tensor: Any) -> int:
    """Return the value of a global step in a session, as a Python int."""
    return int(sess.run(global_step_tensor))


def get_global_step(graph: Graph | None = None) -> Any:
    """Return what is in the collection ``GraphKeys.GLOBAL_STEP``, or the tensor ``global_step:0``; or None.

    Raises
    ------
    TypeError
        If it is no scalar integer variable or tensor.
    """
    graph = get_default_graph() if graph is None else graph
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        _log.error("Multiple tensors in global_step collection.")
        return None
    if found:
        step = found[0]
    else:
        try:
            step = graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
    assert_global_step(step)
    return step


def create_global_step(graph: Graph | None = None) -> Variable:
    """Add a global step to a graph: ``global_step``, int64, zero at first, not trainable.

    Raises
    ------
    ValueError
        If the graph has one.
    """
    graph = get_default_graph() if graph is None else graph
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.as_default(), graph.name_scope(None):
        return Variable(
            lambda: zeros([], dtype=dtypes.int64),
            trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
            name="global_step",
        )


def get_or_create_global_step(graph: Graph | None = None) -> Any:
    """Return the global step of a graph, which is made if there is none."""
    graph = get_default_graph() if graph is None else graph
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor: Any) -> None:
    """Raise TypeError unless a value can be a global step: a scalar integer variable or tensor."""
    if not isinstance(global_step_tensor, (Variable, Tensor)):
        raise TypeError(f'Existing "global_step" must be a Variable or Tensor: {global_step_tensor}.')
    if not global_step_tensor.dtype.base_dtype.is_integer:
        raise TypeError(f'Existing "global_step" does not have integer type: {global_step_tensor.dtype}')
    shape = global_step_tensor.shape
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError(f'Existing "global_step" is not scalar: {shape}')
