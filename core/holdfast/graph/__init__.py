"""Graph, Operation and Tensor, the scopes that operations are made in, and the definitions of op types."""

from holdfast.graph.collections import GraphKeys
from holdfast.graph.conversion import (
    convert_to_tensor,
    convert_to_tensor_or_indexed_slices,
    register_tensor_conversion_function,
)
from holdfast.graph.default import (
    add_to_collection,
    add_to_collections,
    colocate_with,
    container,
    control_dependencies,
    device,
    get_collection,
    get_collection_ref,
    get_default_graph,
    get_seed,
    name_scope,
    reset_default_graph,
    set_random_seed,
)
from holdfast.graph.graph import Graph
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.operation import Operation
from holdfast.graph.sessions import get_default_session
from holdfast.graph.tensor import Tensor

__all__ = [
    "Graph",
    "GraphKeys",
    "IndexedSlices",
    "Operation",
    "Tensor",
    "add_to_collection",
    "add_to_collections",
    "colocate_with",
    "container",
    "control_dependencies",
    "convert_to_tensor",
    "convert_to_tensor_or_indexed_slices",
    "device",
    "get_collection",
    "get_collection_ref",
    "get_default_graph",
    "get_default_session",
    "get_seed",
    "name_scope",
    "register_tensor_conversion_function",
    "reset_default_graph",
    "set_random_seed",
]
