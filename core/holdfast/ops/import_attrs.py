"""Attributes, inputs and outputs of the nodes of a GraphDef, checked against the definitions of their op types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes, shapes
from holdfast.errors import InvalidArgumentError
from holdfast.graph.attr_messages import attr_value
from holdfast.graph.op_def import ArgDef
from holdfast.ops import attr_values
from holdfast.ops.apply import output_types
from holdfast.ops.import_nodes import ImportNode, invalid
from holdfast.protos.tensor import MAX_TENSOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast import protos

MAX_OUTPUTS = 2**16
"""Outputs that one node may have: a number in an attribute costs its author nothing, but tensors cost memory."""

_UNDEFINED_KINDS = {"_class": "list(string)", "_gradient_op_type": "string", "_output_shapes": "list(shape)"}
"""Kinds of the attributes that mean something on ops of all types."""

ProducerDefaults = dict[str, dict[str, Any]]
"""Default of each attribute, as message, by op type: as the software defined them that wrote the graph."""


def producer_defaults(op_list: protos.OpList | None) -> ProducerDefaults:
    """Return the defaults of the op definitions that came with a graph."""
    if op_list is None:
        return {}
    return {op.name: {a.name: a.default_value for a in op.attr if a.HasField("default_value")} for op in op_list.op}


class AttrReader:
    """Reads the attributes of one GraphDef's nodes."""

    def __init__(self, producer: int, defaults: ProducerDefaults) -> None:
        self._producer = producer
        self._defaults = defaults
        # All constants together fit into a message, but for those that repeat one value.
        self._bytes_left = MAX_TENSOR_BYTES

    def attrs(self, node: ImportNode) -> dict[str, Any]:
        """Return all attributes of a node in Python's terms, defaults filled in.

        Raises
        ------
        ValueError
            If one is missing, unknown, malformed or illegal.
        """
        given: dict[str, Any] = {}
        for name in sorted(node.proto.attr):
            message = node.proto.attr[name]
            defined = node.definition.attrs.get(name)
            if defined is None and not name.startswith("_"):
                self._check_unknown(node, name, message)
                continue
            given[name] = self._value(node, name, message)
        complete = {**node.definition.defaults, **given}
        for name in node.definition.attrs:
            if name not in complete:
                raise ValueError(
                    f'Expected one attr with name \'{name}\' in name: "{node.name}"\nop: "{node.proto.op}"\n'
                    f"Its attrs: {', '.join(sorted(node.proto.attr)) or 'none'}."
                )
        if node.proto.op == "Placeholder" and self._producer <= 21 and complete["shape"].as_tuple() == ():
            # Such old graphs write an unknown shape so.
            complete["shape"] = shapes.unknown_shape()
        return complete

    def _value(self, node: ImportNode, name: str, message: protos.AttrValue) -> Any:
        """Return one attribute."""
        defined = node.definition.attrs.get(name)
        kind = _UNDEFINED_KINDS.get(name) if defined is None else defined.kind
        try:
            value = attr_value(message, kind, self._bytes_left)
            if defined is not None:
                attr_values.check_allowed(defined, value, name, node.proto.op, name)
        except (TypeError, ValueError, InvalidArgumentError) as error:
            what = error.message if isinstance(error, InvalidArgumentError) else error
            invalid(node.name, f"attr '{name}': {what}")
        if isinstance(value, np.ndarray):
            self._bytes_left -= value.nbytes
        return value

    def _check_unknown(self, node: ImportNode, name: str, message: protos.AttrValue) -> None:
        """Refuse an attribute that the definition does not know, unless it says what leaving it out says too."""
        default = self._defaults.get(node.proto.op, {}).get(name)
        if default is not None and default == message:
            return
        known = ", ".join(node.definition.attrs) or "none"
        invalid(
            node.name,
            f"NodeDef mentions attr '{name}' not in Op {node.proto.op}, whose attrs are {known}. The graph was made by "
            "other software than it is read with, and may mean something else here",
        )


def expected_inputs(node: ImportNode, attrs: Mapping[str, Any]) -> list[dtypes.DType]:
    """Return the dtypes of a node's inputs, ``_ref`` ones for variables; ValueError if it has too few or many."""
    result: list[dtypes.DType] = []
    count = len(node.inputs)
    for arg in node.definition.inputs:
        kinds = _arg_types(arg, attrs, count)
        result += [kind._as_ref for kind in kinds] if arg.is_ref else kinds
    if count > len(result):
        source, index = node.inputs[len(result)]
        invalid(node.name, f"More inputs specified ('{source}:{index}') than the op expects")
    if count < len(result):
        expected = ", ".join(dtype.name for dtype in result[:10])
        invalid(node.name, f"Input types mismatch (expected {expected!r}, {len(result)} inputs, but got {count})")
    return result


def _arg_types(arg: ArgDef, attrs: Mapping[str, Any], limit: int) -> list[dtypes.DType]:
    """Return the dtypes of one argument: of a longer list only so many that it is seen to be too long."""
    if arg.type_list_attr:
        return list(attrs[arg.type_list_attr])
    kind = arg.dtype or attrs[arg.type_attr]
    return [kind] * (min(max(attrs[arg.number_attr], 0), limit + 1) if arg.number_attr else 1)


def outputs(node: ImportNode, attrs: dict[str, Any]) -> list[dtypes.DType]:
    """Return the dtypes of a node's outputs; ValueError if there are absurdly many."""
    for arg in node.definition.outputs:
        if arg.number_attr and attrs[arg.number_attr] > MAX_OUTPUTS:
            invalid(node.name, f"{attrs[arg.number_attr]} outputs, expected at most {MAX_OUTPUTS}")
    return output_types(node.definition, attrs)
