"""Definitions of op types as ``OpDef`` messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import protos
from holdfast.graph.attr_messages import attr_message

if TYPE_CHECKING:
    from holdfast.graph.op_def import ArgDef, AttrDef, OpDef


def op_def_message(definition: OpDef) -> protos.OpDef:
    """Return the message of a definition."""
    message = protos.OpDef(name=definition.type, is_stateful=definition.stateful)
    message.input_arg.extend([_arg_message(arg) for arg in definition.inputs])
    message.output_arg.extend([_arg_message(arg) for arg in definition.outputs])
    for name, attr in definition.attrs.items():
        message.attr.append(_attr_def_message(name, attr))
    return message


def _arg_message(arg: ArgDef) -> Any:
    """Return the message of an input or output."""
    message = protos.OpDef.ArgDef(name=arg.name, is_ref=arg.is_ref)
    if arg.dtype is not None:
        message.type = arg.dtype.as_datatype_enum
    message.type_attr = arg.type_attr
    message.number_attr = arg.number_attr
    message.type_list_attr = arg.type_list_attr
    return message


def _attr_def_message(name: str, attr: AttrDef) -> Any:
    """Return the message of an attribute."""
    message = protos.OpDef.AttrDef(name=name, type=attr.kind)
    if attr.has_default:
        message.default_value.CopyFrom(attr_message(attr.canonical_default(), attr.kind))
    if attr.minimum is not None:
        message.has_minimum = True
        message.minimum = attr.minimum
    if attr.allowed:
        kind = attr.kind.removeprefix("list(").removesuffix(")")
        message.allowed_values.CopyFrom(attr_message(list(attr.allowed), f"list({kind})"))
    return message
