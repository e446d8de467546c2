"""Message classes, built from the field tables in a descriptor pool of holdfast's own.

The pool is private: the real TensorFlow registers messages of the same names in the default pool of the process, and
the two must not meet.
"""

from __future__ import annotations

import re
from typing import Any, Final

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from holdfast.protos.tables import ENUMS, MESSAGES

__all__ = ["lookup"]

_PACKAGE: Final = "tensorflow"
_ANY: Final = "google.protobuf.Any"
_MAP: Final = re.compile(r"map<(\w+),([\w.]+)>")
_FieldProto = descriptor_pb2.FieldDescriptorProto


def _set_type(field: Any, type_name: str) -> None:
    """Give a field its type: a scalar of protobuf's, an enum or a message."""
    if type_name in ENUMS:
        field.type, field.type_name = _FieldProto.TYPE_ENUM, f".{_PACKAGE}.{type_name}"
    elif type_name in MESSAGES:
        field.type, field.type_name = _FieldProto.TYPE_MESSAGE, f".{_PACKAGE}.{type_name}"
    elif type_name == _ANY:
        field.type, field.type_name = _FieldProto.TYPE_MESSAGE, f".{_ANY}"
    else:
        field.type = _FieldProto.Type.Value(f"TYPE_{type_name.upper()}")


def _add_map(message: Any, path: str, field: Any, key: str, value: str) -> None:
    """Make a map field: a repeated field of an entry message with key and value."""
    entry_name = "".join(word.capitalize() for word in field.name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    for number, (name, type_name) in enumerate((("key", key), ("value", value)), 1):
        _set_type(entry.field.add(name=name, number=number, label=_FieldProto.LABEL_OPTIONAL), type_name)
    field.label, field.type = _FieldProto.LABEL_REPEATED, _FieldProto.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{path}.{entry_name}"


def _add_field(message: Any, path: str, line: str) -> None:
    """Add the field that one line of a table describes."""
    number, name, type_name, *oneof = line.split()
    field = message.field.add(name=name, number=int(number), label=_FieldProto.LABEL_OPTIONAL)
    if match := _MAP.fullmatch(type_name):
        _add_map(message, path, field, match[1], match[2])
        return
    if type_name.endswith("*"):
        field.label = _FieldProto.LABEL_REPEATED
    _set_type(field, type_name.removesuffix("*"))
    if oneof:
        known = [decl.name for decl in message.oneof_decl]
        name = oneof[0].removeprefix("@")
        if name not in known:
            message.oneof_decl.add(name=name)
            known.append(name)
        field.oneof_index = known.index(name)


def _file() -> descriptor_pb2.FileDescriptorProto:
    """Describe all messages of the tables as one file."""
    file = descriptor_pb2.FileDescriptorProto(
        name="holdfast/messages.proto", package=_PACKAGE, syntax="proto3", dependency=[any_pb2.DESCRIPTOR.name]
    )
    made: dict[str, Any] = {}
    for path in sorted(MESSAGES):  # an outer message sorts before those nested in it
        outer, _, name = path.rpartition(".")
        made[path] = made[outer].nested_type.add(name=name) if outer else file.message_type.add(name=name)
        for line in MESSAGES[path].split("\n"):
            if line.strip():
                _add_field(made[path], path, line)
    for path, values in ENUMS.items():
        outer, _, name = path.rpartition(".")
        enum = made[outer].enum_type.add(name=name) if outer else file.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    return file


def _build() -> descriptor_pool.DescriptorPool:
    """Fill a new pool: ``Any`` from protobuf's own description of it, the rest from the tables."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


_POOL: Final = _build()


def lookup(name: str) -> Any:
    """Return the message class, or the wrapper of the enum, of a name; KeyError if there is none."""
    full_name = f"{_PACKAGE}.{name}"
    if name in ENUMS:
        return EnumTypeWrapper(_POOL.FindEnumTypeByName(full_name))
    cls = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(full_name))
    cls.__module__ = "holdfast.protos"  # where pickle finds it
    return cls
