"""holdfast: explicit, checkpointable state for NumPy and CuPy programs, in the manner of TensorFlow 1.x.

The names of TensorFlow 1.x, found when they are first used: importing holdfast imports nothing else.
"""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "AggregationMethod": "holdfast.train.aggregation",
    "AttrValue": "holdfast.protos",
    "ConfigProto": "holdfast.protos",
    "DType": "holdfast.dtypes",
    "DeviceSpec": "holdfast.devices",
    "Dimension": "holdfast.shapes",
    "GPUOptions": "holdfast.protos",
    "Graph": "holdfast.graph.graph",
    "GraphDef": "holdfast.protos",
    "GraphKeys": "holdfast.graph.collections",
    "GraphOptions": "holdfast.protos",
    "IndexedSlices": "holdfast.graph.indexed_slices",
    "InteractiveSession": "holdfast.runtime.session",
    "MetaGraphDef": "holdfast.protos",
    "NameAttrList": "holdfast.protos",
    "NodeDef": "holdfast.protos",
    "Operation": "holdfast.graph.operation",
    "OptimizerOptions": "holdfast.protos",
    "QUANTIZED_DTYPES": "holdfast.dtypes",
    "RunMetadata": "holdfast.protos",
    "RunOptions": "holdfast.protos",
    "Session": "holdfast.runtime.session",
    "Tensor": "holdfast.graph.tensor",
    "TensorShape": "holdfast.shapes",
    "Variable": "holdfast.variables.variable",
    "add_to_collection": "holdfast.graph.default",
    "all_variables": "holdfast.variables.collections",
    "as_dtype": "holdfast.dtypes",
    "assert_variables_initialized": "holdfast.variables.initialization",
    "assign": "holdfast.ops.state_ops",
    "assign_add": "holdfast.ops.state_ops",
    "assign_sub": "holdfast.ops.state_ops",
    "bfloat16": "holdfast.dtypes",
    "bool": "holdfast.dtypes",
    "broadcast_dynamic_shape": "holdfast.ops.shape_queries",
    "broadcast_static_shape": "holdfast.ops.shape_queries",
    "cast": "holdfast.ops.nn_cross_entropy",
    "colocate_with": "holdfast.graph.default",
    "complex128": "holdfast.dtypes",
    "complex64": "holdfast.dtypes",
    "concat": "holdfast.ops.joining",
    "constant": "holdfast.ops.constants",
    "container": "holdfast.graph.default",
    "control_dependencies": "holdfast.graph.default",
    "convert_to_tensor": "holdfast.graph.conversion",
    "convert_to_tensor_or_indexed_slices": "holdfast.graph.conversion",
    "count_up_to": "holdfast.ops.state_ops",
    "device": "holdfast.graph.default",
    "double": "holdfast.dtypes",
    "expand_dims": "holdfast.ops.reshaping",
    "fill": "holdfast.ops.sequences",
    "float16": "holdfast.dtypes",
    "float32": "holdfast.dtypes",
    "float64": "holdfast.dtypes",
    "get_collection": "holdfast.graph.default",
    "get_collection_ref": "holdfast.graph.default",
    "get_default_graph": "holdfast.graph.default",
    "get_default_session": "holdfast.graph.sessions",
    "get_seed": "holdfast.graph.default",
    "global_variables": "holdfast.variables.collections",
    "global_variables_initializer": "holdfast.variables.initialization",
    "group": "holdfast.ops.grouping",
    "half": "holdfast.dtypes",
    "identity": "holdfast.ops.identities",
    "initialize_all_variables": "holdfast.variables.initialization",
    "initialize_local_variables": "holdfast.variables.initialization",
    "initialize_variables": "holdfast.variables.initialization",
    "int16": "holdfast.dtypes",
    "int32": "holdfast.dtypes",
    "int64": "holdfast.dtypes",
    "int8": "holdfast.dtypes",
    "is_variable_initialized": "holdfast.ops.state_ops",
    "linspace": "holdfast.ops.sequences",
    "local_variables": "holdfast.variables.collections",
    "local_variables_initializer": "holdfast.variables.initialization",
    "log": "holdfast.runtime.placement",
    "matrix_transpose": "holdfast.ops.reshaping",
    "model_variables": "holdfast.variables.collections",
    "moving_average_variables": "holdfast.variables.collections",
    "name_scope": "holdfast.graph.default",
    "newaxis": "holdfast.ops.slicing",
    "no_op": "holdfast.ops.grouping",
    "one_hot": "holdfast.ops.sequences",
    "ones": "holdfast.ops.sequences",
    "ones_like": "holdfast.ops.sequences",
    "placeholder": "holdfast.ops.identities",
    "placeholder_with_default": "holdfast.ops.identities",
    "qint16": "holdfast.dtypes",
    "qint32": "holdfast.dtypes",
    "qint8": "holdfast.dtypes",
    "quint16": "holdfast.dtypes",
    "quint8": "holdfast.dtypes",
    "range": "holdfast.ops.sequences",
    "rank": "holdfast.ops.shape_queries",
    "register_tensor_conversion_function": "holdfast.graph.conversion",
    "report_uninitialized_variables": "holdfast.variables.initialization",
    "reset_default_graph": "holdfast.graph.default",
    "reshape": "holdfast.ops.reshaping",
    "resource": "holdfast.dtypes",
    "scatter_add": "holdfast.ops.scatter_ops",
    "scatter_div": "holdfast.ops.scatter_ops",
    "scatter_mul": "holdfast.ops.scatter_ops",
    "scatter_sub": "holdfast.ops.scatter_ops",
    "scatter_update": "holdfast.ops.scatter_ops",
    "set_random_seed": "holdfast.graph.default",
    "shape": "holdfast.ops.shape_queries",
    "shape_n": "holdfast.ops.shape_queries",
    "size": "holdfast.ops.shape_queries",
    "slice": "holdfast.ops.slicing",
    "split": "holdfast.ops.splitting",
    "squeeze": "holdfast.ops.reshaping",
    "stack": "holdfast.ops.stacking",
    "stop_gradient": "holdfast.ops.identities",
    "strided_slice": "holdfast.ops.slicing",
    "string": "holdfast.dtypes",
    "trainable_variables": "holdfast.variables.collections",
    "transpose": "holdfast.ops.reshaping",
    "tuple": "holdfast.ops.grouping",
    "uint16": "holdfast.dtypes",
    "uint8": "holdfast.dtypes",
    "unique": "holdfast.ops.segment_ops",
    "unsorted_segment_sum": "holdfast.ops.segment_ops",
    "unstack": "holdfast.ops.stacking",
    "variables_initializer": "holdfast.variables.initialization",
    "variant": "holdfast.dtypes",
    "zeros": "holdfast.ops.sequences",
    "zeros_like": "holdfast.ops.sequences",
}

_ROOMS = frozenset({"checkpoint", "errors", "nn", "train"})

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_EXPORTS), *sorted(_ROOMS)]  # noqa: PLE0604  (the stub beside this file lists them for type checkers)


def __getattr__(name: str) -> Any:
    """Find a public name in its room."""
    if name in _ROOMS:
        return importlib.import_module(f"holdfast.{name}")
    module = _EXPORTS.get(name)
    if module is None:
        msg = f"module 'holdfast' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
