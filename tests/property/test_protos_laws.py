from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from holdfast import protos
from holdfast.errors import InvalidArgumentError
from holdfast.protos.tables import MESSAGES
from holdfast.protos.tensor import make_ndarray, make_tensor_proto

_INT64 = st.integers(-(2**63), 2**63 - 1)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_STRING: _TEXT,
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}


def _fill(message: Any, draw: st.DrawFn, depth: int) -> None:
    """Set some fields of a message to drawn values, submessages to a depth."""
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        value = getattr(message, field.name)
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry or depth == 0:
                continue
            _fill(value.add() if field.is_repeated else value, draw, depth - 1)
        else:
            enum = field.enum_type
            values = st.sampled_from([v.number for v in enum.values]) if enum is not None else _SCALARS[field.type]
            if field.is_repeated:
                value.extend(draw(st.lists(values, max_size=3)))
            else:
                setattr(message, field.name, draw(values))


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Any message with any of its fields."""
    name = draw(st.sampled_from([name for name in MESSAGES if "." not in name]))
    message = getattr(protos, name)()
    _fill(message, draw, 2)
    return message


@given(messages())
def test_wire_form_round_trips(message: Any) -> None:
    """Every message survives its bytes, and the bytes their message."""
    wire = message.SerializeToString(deterministic=True)
    again = type(message).FromString(wire)

    assert again == message
    assert again.SerializeToString(deterministic=True) == wire


@given(messages())
@settings(max_examples=50)
def test_text_form_round_trips(message: Any) -> None:
    """Every message survives its text."""
    assert text_format.Parse(text_format.MessageToString(message), type(message)()) == message


def _varint(value: int) -> bytes:
    """Encode a number as protobuf does: seven bits at a time, negative ones as 64 bits."""
    value &= 2**64 - 1
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _field(number: int, payload: bytes | int) -> bytes:
    """Encode a field: a number that is not the default, or something with a length."""
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload) if payload else b""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


@given(st.lists(st.tuples(_INT64, _TEXT), max_size=4), st.booleans())
def test_shapes_on_the_wire(dims: list[tuple[int, str]], unknown_rank: bool) -> None:
    """A shape's bytes are those of an encoder written for this test."""
    message = protos.TensorShapeProto(
        dim=[protos.TensorShapeProto.Dim(size=size, name=name) for size, name in dims], unknown_rank=unknown_rank
    )
    encoded = [_field(2, _field(1, size) + (_field(2, name.encode()) if name else b"")) for size, name in dims]

    assert message.SerializeToString() == b"".join(encoded) + _field(3, int(unknown_rank))


@given(_INT32, _INT32, st.lists(_INT32, max_size=4))
def test_versions_on_the_wire(producer: int, min_consumer: int, bad: list[int]) -> None:
    """Repeated numbers are packed."""
    message = protos.VersionDef(producer=producer, min_consumer=min_consumer, bad_consumers=bad)
    packed = _field(3, b"".join(_varint(number) for number in bad)) if bad else b""

    assert message.SerializeToString() == _field(1, producer) + _field(2, min_consumer) + packed


_ARRAYS = hnp.arrays(
    st.sampled_from(["?", "i1", "u1", "<i2", ">i2", "u2", "i4", "u4", "i8", ">u8", "f2", "f4", ">f8", "c8", "c16"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(_ARRAYS)
def test_arrays_round_trip(array: np.ndarray[Any, Any]) -> None:
    """Every array survives its TensorProto, bit for bit, in the machine's byte order."""
    again = make_ndarray(make_tensor_proto(array))

    assert (again.dtype, again.shape) == (array.dtype.newbyteorder("="), array.shape)
    assert again.tobytes() == array.astype(again.dtype).tobytes()


@st.composite
def hostile_tensors(draw: st.DrawFn) -> protos.TensorProto:
    """Any type and shape with any contents."""
    proto = protos.TensorProto()
    if draw(st.booleans()):
        proto.tensor_content = draw(st.binary(max_size=16))
    else:
        _fill(proto, draw, 0)
    proto.dtype = draw(st.integers(0, 26))
    for size in draw(st.lists(_INT64 | st.integers(-1, 3), max_size=4)):
        proto.tensor_shape.dim.add(size=size)
    return proto


@given(hostile_tensors())
def test_hostile_tensors_give_named_errors(proto: protos.TensorProto) -> None:
    """Whatever a message says, it is an array of the declared shape, or a named error."""
    shape, text = [dim.size for dim in proto.tensor_shape.dim], ""
    try:
        shape = list(make_ndarray(proto, max_bytes=1 << 16).shape)
    except (InvalidArgumentError, TypeError) as error:
        text = str(error)

    assert shape == [dim.size for dim in proto.tensor_shape.dim]
    assert text.startswith(("Cannot parse tensor from proto: ", "Unsupported tensor type: ")) or not text
