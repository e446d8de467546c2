"""Element types: names, numbers and NumPy equivalents."""

from __future__ import annotations

import builtins
from typing import Any, Final, NoReturn

import numpy as np

__all__ = [
    "QUANTIZED_DTYPES",
    "DType",
    "as_dtype",
    "bfloat16",
    "bfloat16_ref",
    "bool",
    "bool_ref",
    "complex64",
    "complex64_ref",
    "complex128",
    "complex128_ref",
    "double",
    "double_ref",
    "float8_e4m3fn",
    "float8_e4m3fn_ref",
    "float8_e5m2",
    "float8_e5m2_ref",
    "float16",
    "float16_ref",
    "float32",
    "float32_ref",
    "float64",
    "float64_ref",
    "half",
    "half_ref",
    "int8",
    "int8_ref",
    "int16",
    "int16_ref",
    "int32",
    "int32_ref",
    "int64",
    "int64_ref",
    "qint8",
    "qint8_ref",
    "qint16",
    "qint16_ref",
    "qint32",
    "qint32_ref",
    "quint8",
    "quint8_ref",
    "quint16",
    "quint16_ref",
    "resource",
    "resource_ref",
    "string",
    "string_ref",
    "uint8",
    "uint8_ref",
    "uint16",
    "uint16_ref",
    "uint32",
    "uint32_ref",
    "uint64",
    "uint64_ref",
    "variant",
    "variant_ref",
]

_REF_OFFSET: Final = 100

# Name -> number in TensorFlow's types.proto.
_NUMBERS: Final = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "string": 7,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "qint8": 11,
    "quint8": 12,
    "qint32": 13,
    "bfloat16": 14,
    "qint16": 15,
    "quint16": 16,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "resource": 20,
    "variant": 21,
    "uint32": 22,
    "uint64": 23,
    "float8_e5m2": 24,
    "float8_e4m3fn": 25,
}
_FLOATING: Final = frozenset({"float16", "float32", "float64", "bfloat16", "float8_e5m2", "float8_e4m3fn"})
_INTEGER: Final = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
_COMPLEX: Final = {"complex64": "float32", "complex128": "float64"}
_QUANTIZED: Final = {"qint8": "i1", "quint8": "u1", "qint16": "i2", "quint16": "u2", "qint32": "i4"}
_EXTENSION: Final = frozenset({"bfloat16", "float8_e5m2", "float8_e4m3fn"})
_OPAQUE: Final = frozenset({"resource", "variant"})
_ALIASES: Final = {"half": "float16", "float": "float32", "double": "float64"}


def _extension_type(name: str) -> type[Any]:
    """Return the scalar type of a format that NumPy itself does not have; TypeError if ml_dtypes is not installed."""
    try:
        import ml_dtypes  # optional, and needed by these formats only
    except ImportError as error:
        raise TypeError(
            f"dtype {name} needs the package ml_dtypes, which is not installed: pip install ml_dtypes"
        ) from error
    found: type[Any] = getattr(ml_dtypes, name)
    return found


def _numpy_type(name: str) -> Any:
    """Return the NumPy scalar type, or structured dtype, of a base type; TypeError if it has none."""
    if name in _EXTENSION:
        return _extension_type(name)
    if name in _OPAQUE:
        raise TypeError(f"dtype {name} has no NumPy equivalent")
    if name in _QUANTIZED:
        return np.dtype([(name, _QUANTIZED[name])])
    if name == "string":
        return np.object_
    return np.dtype(name).type


class DType:
    """The type of a tensor's elements, or of a reference to a variable of such a tensor.

    There is one object per type: compare with ``==`` or ``is``. A DType is equal to everything that `as_dtype`
    turns into it, so ``tf.float32 == np.float32`` and ``tf.float32 == "float32"``.

    Parameters
    ----------
    type_enum
        TensorFlow's number of the type; references have 100 more.

    Raises
    ------
    TypeError
        If there is no type of this number.
    """

    __slots__ = ("_as_numpy_dtype", "_base", "_name", "_ref", "_type_enum")

    _base: DType
    _name: str
    _ref: DType
    _type_enum: int
    _as_numpy_dtype: Any

    def __new__(cls, type_enum: int) -> DType:  # noqa: PYI034  # one object per number
        """Return the one object of this number."""
        try:
            return _BY_NUMBER[int(type_enum)]
        except KeyError:
            raise TypeError(f"type_enum is not a valid types_pb2.DataType: {type_enum}") from None

    def __reduce__(self) -> tuple[type[DType], tuple[int]]:
        """Pickle and copy as the same object."""
        return DType, (self._type_enum,)

    @property
    def name(self) -> str:
        """The name, ``"float32"`` or ``"float32_ref"``."""
        return self._name

    @property
    def as_datatype_enum(self) -> int:
        """TensorFlow's number of the type."""
        return self._type_enum

    @property
    def base_dtype(self) -> DType:
        """The type that a reference refers to; the type itself if it is none."""
        return self._base

    @property
    def _is_ref_dtype(self) -> builtins.bool:
        """Whether this is a reference type."""
        return self._type_enum > _REF_OFFSET

    @property
    def _as_ref(self) -> DType:
        """The reference type of this type."""
        return self._ref

    @property
    def real_dtype(self) -> DType:
        """The type of the real part of a complex type; of others, the base type."""
        real = _COMPLEX.get(self._base._name)
        return self._base if real is None else _BY_NAME[real]

    @property
    def as_numpy_dtype(self) -> Any:
        """NumPy's scalar type (``numpy.object_`` for strings), or structured dtype for quantized types.

        Raises
        ------
        TypeError
            If there is none (resources, variants), or it needs ml_dtypes and that is not installed.
        """
        base = self._base
        if base._as_numpy_dtype is None:
            base._as_numpy_dtype = _numpy_type(base._name)
        return base._as_numpy_dtype

    @property
    def is_numpy_compatible(self) -> builtins.bool:
        """Whether NumPy arrays can hold such elements."""
        return self._base._name not in _OPAQUE

    @property
    def is_bool(self) -> builtins.bool:
        """Whether this is bool."""
        return self._base is _BY_NAME["bool"]

    @property
    def is_integer(self) -> builtins.bool:
        """Whether this is an integer type that is not quantized."""
        return self._base._name in _INTEGER

    @property
    def is_floating(self) -> builtins.bool:
        """Whether this is a real floating-point type."""
        return self._base._name in _FLOATING

    @property
    def is_complex(self) -> builtins.bool:
        """Whether this is a complex type."""
        return self._base._name in _COMPLEX

    @property
    def is_quantized(self) -> builtins.bool:
        """Whether this is a quantized type."""
        return self._base._name in _QUANTIZED

    @property
    def is_unsigned(self) -> builtins.bool:
        """Whether this is an unsigned integer type."""
        return self._base._name in _INTEGER and self._base._name.startswith("u")

    @property
    def size(self) -> int:
        """Bytes of one element; of a string, of the pointer to it; of a resource or variant, 1."""
        base = self._base
        if base._name in _OPAQUE:
            return 1
        if base._name in _EXTENSION:
            return 2 if base._name == "bfloat16" else 1
        return int(np.dtype(base.as_numpy_dtype).itemsize)

    def _extreme(self, which: str) -> Any:
        """Return the smallest or largest finite value; TypeError for types without order."""
        if self.is_integer:
            return int(getattr(np.iinfo(self.as_numpy_dtype), which))
        if self.is_floating:
            if self._base._name in _EXTENSION:
                return getattr(_extension_type("finfo")(self.as_numpy_dtype), which)
            return getattr(np.finfo(self.as_numpy_dtype), which)
        raise TypeError(f"Cannot find {which}imum value of {self}.")

    @property
    def min(self) -> Any:
        """The smallest finite value; TypeError for types without order."""
        return self._extreme("min")

    @property
    def max(self) -> Any:
        """The largest finite value; TypeError for types without order."""
        return self._extreme("max")

    @property
    def limits(self) -> tuple[Any, Any]:
        """The range of intensities of an image of this type: 0 to the maximum, 0 to 1 for floating point.

        Raises
        ------
        TypeError
            If the type is not a real number or bool.
        """
        if self.is_floating:
            return 0, 1
        return (False, True) if self.is_bool else (0, self.max)

    def is_compatible_with(self, other: Any) -> builtins.bool:
        """Say whether a value of type `other` can be used where this type is wanted.

        A reference can be used as its base type, not the other way round.

        Raises
        ------
        TypeError
            If `other` is not a type.
        """
        other = as_dtype(other)
        return other is self or other._base is self

    def __eq__(self, other: object) -> builtins.bool:
        """Compare with anything that `as_dtype` takes; everything else is different."""
        if isinstance(other, DType):
            return other is self
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __hash__(self) -> int:
        """Hash by number."""
        return self._type_enum

    def __int__(self) -> int:
        """Return TensorFlow's number of the type."""
        return self._type_enum

    def __repr__(self) -> str:
        """Return ``tf.float32``."""
        return f"tf.{self._name}"

    def __str__(self) -> str:
        """Return ``<dtype: 'float32'>``."""
        return f"<dtype: '{self._name}'>"


_BY_NUMBER: dict[int, DType] = {}
_BY_NAME: dict[str, DType] = {}
_BY_NUMPY: dict[Any, DType] = {}


def _define(name: str, number: int) -> DType:
    """Make the one object of a type and that of its reference."""
    base, ref = object.__new__(DType), object.__new__(DType)
    for dtype, suffix, offset in ((base, "", 0), (ref, "_ref", _REF_OFFSET)):
        dtype._name, dtype._type_enum = name + suffix, number + offset
        dtype._base, dtype._ref, dtype._as_numpy_dtype = base, ref, None
        _BY_NUMBER[dtype._type_enum] = _BY_NAME[dtype._name] = dtype
    if name not in _OPAQUE | _EXTENSION:
        scalar = base.as_numpy_dtype
        _BY_NUMPY[scalar] = _BY_NUMPY[np.dtype(scalar)] = base
    return base


for _name, _number in _NUMBERS.items():
    _define(_name, _number)
for _alias, _name in _ALIASES.items():
    _BY_NAME[_alias], _BY_NAME[f"{_alias}_ref"] = _BY_NAME[_name], _BY_NAME[f"{_name}_ref"]
# The Python types that TensorFlow 1.4 takes: `float` and `int` are not among them, as their width is not evident.
_BY_NUMPY[object] = _BY_NAME["string"]
_BY_NUMPY[builtins.bool] = _BY_NAME["bool"]


def _refuse(value: object) -> NoReturn:
    """Raise the error of a value that is no type."""
    advice = "use a DType such as tf.float32, a NumPy dtype such as numpy.float32, or a name such as 'float32'"
    raise TypeError(f"Cannot convert value {value!r} to a TensorFlow DType: {advice}")


def _from_numpy(value: Any) -> DType:
    """Find the type of a NumPy dtype or scalar type that is not in the table, and remember it; TypeError if none."""
    dtype = np.dtype(value)
    if dtype.kind in "SUT":
        found = _BY_NAME["string"]
    elif dtype.type.__module__.split(".")[0] == "ml_dtypes":
        found = _BY_NAME.get(dtype.name) or _refuse(value)
    else:
        found = _BY_NUMPY.get(dtype.newbyteorder("=")) or _refuse(value)
    return _BY_NUMPY.setdefault(value, found)


def as_dtype(type_value: Any) -> DType:
    """Return the DType that a value stands for.

    Parameters
    ----------
    type_value
        A DType, a name (``"float32"``, ``"float32_ref"``, ``"half"``), a number of TensorFlow's ``DataType``, a NumPy
        dtype or scalar type, ``bool`` or ``object``.

    Raises
    ------
    TypeError
        If it stands for none. Python's ``float`` and ``int`` do not: their width is not evident.
    """
    if isinstance(type_value, DType):
        return type_value
    found = None
    if isinstance(type_value, str):
        found = _BY_NAME.get(type_value)
    elif isinstance(type_value, np.dtype) or (isinstance(type_value, type) and issubclass(type_value, np.generic)):
        found = _BY_NUMPY.get(type_value) or _from_numpy(type_value)
    elif isinstance(type_value, type):
        found = _BY_NUMPY.get(type_value)
    elif isinstance(type_value, int) and not isinstance(type_value, builtins.bool):
        found = _BY_NUMBER.get(type_value)
    return found or _refuse(type_value)


float16 = half = _BY_NAME["float16"]
float32 = _BY_NAME["float32"]
float64 = double = _BY_NAME["float64"]
bfloat16 = _BY_NAME["bfloat16"]
float8_e5m2 = _BY_NAME["float8_e5m2"]
float8_e4m3fn = _BY_NAME["float8_e4m3fn"]
int8 = _BY_NAME["int8"]
int16 = _BY_NAME["int16"]
int32 = _BY_NAME["int32"]
int64 = _BY_NAME["int64"]
uint8 = _BY_NAME["uint8"]
uint16 = _BY_NAME["uint16"]
uint32 = _BY_NAME["uint32"]
uint64 = _BY_NAME["uint64"]
complex64 = _BY_NAME["complex64"]
complex128 = _BY_NAME["complex128"]
bool = _BY_NAME["bool"]  # TensorFlow's name
string = _BY_NAME["string"]
resource = _BY_NAME["resource"]
variant = _BY_NAME["variant"]
qint8 = _BY_NAME["qint8"]
quint8 = _BY_NAME["quint8"]
qint16 = _BY_NAME["qint16"]
quint16 = _BY_NAME["quint16"]
qint32 = _BY_NAME["qint32"]

float16_ref = half_ref = float16._as_ref
float32_ref = float32._as_ref
float64_ref = double_ref = float64._as_ref
bfloat16_ref = bfloat16._as_ref
float8_e5m2_ref = float8_e5m2._as_ref
float8_e4m3fn_ref = float8_e4m3fn._as_ref
int8_ref = int8._as_ref
int16_ref = int16._as_ref
int32_ref = int32._as_ref
int64_ref = int64._as_ref
uint8_ref = uint8._as_ref
uint16_ref = uint16._as_ref
uint32_ref = uint32._as_ref
uint64_ref = uint64._as_ref
complex64_ref = complex64._as_ref
complex128_ref = complex128._as_ref
bool_ref = bool._as_ref
string_ref = string._as_ref
resource_ref = resource._as_ref
variant_ref = variant._as_ref
qint8_ref = qint8._as_ref
quint8_ref = quint8._as_ref
qint16_ref = qint16._as_ref
quint16_ref = quint16._as_ref
qint32_ref = qint32._as_ref

QUANTIZED_DTYPES = frozenset(
    dtype for base in (qint8, quint8, qint16, quint16, qint32) for dtype in (base, base._as_ref)
)
