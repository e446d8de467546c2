"""Definitions of op types: signature, attributes, shape rule and gradient, one record each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from holdfast import dtypes, shapes
from holdfast.dtypes import DType

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape

ShapeFunction: TypeAlias = "Callable[[Operation], Sequence[TensorShape]]"
"""From an op, whose inputs and attrs stand, to the static shapes of its outputs; ValueError if they cannot fit."""
GradientFunction: TypeAlias = "Callable[..., Any]"
"""``(op, *grads) -> grads`` with one gradient (Tensor, IndexedSlices or None) an output and an input."""

_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class ArgDef:
    """One input or output of an op type."""

    name: str
    """Name in the signature: also the name of implicit constants (``add/y``)."""
    dtype: DType | None = None
    """Fixed dtype; None where an attribute gives it."""
    type_attr: str = ""
    """Attribute with the dtype."""
    number_attr: str = ""
    """Attribute with the count, where the argument is a list of tensors of one dtype."""
    type_list_attr: str = ""
    """Attribute with the dtypes, where the argument is a list of tensors of several dtypes."""
    is_ref: bool = False
    """Whether it carries a variable instead of a value."""
    is_list: bool = field(init=False)
    """Whether it is a list of tensors."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_list", bool(self.number_attr or self.type_list_attr))


@dataclass(frozen=True, slots=True)
class AttrDef:
    """One attribute of an op type."""

    kind: str
    """TensorFlow's name: ``type shape int float bool string tensor func`` or ``list(...)`` of one of these."""
    default: Any = _MISSING
    """Value where the caller gives none."""
    allowed: tuple[Any, ...] = ()
    """Legal values (dtypes or bytes); empty: all."""
    minimum: int | None = None
    """Least integer, or least length of a list."""

    restricted: bool = field(init=False)
    """Whether not every value of its kind is legal."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "restricted", bool(self.allowed) or self.minimum is not None)

    @property
    def has_default(self) -> bool:
        """Whether the caller may leave it out."""
        return self.default is not _MISSING

    def canonical_default(self) -> Any:
        """Return the default in the form that operations keep."""
        if self.kind == "shape":
            return shapes.as_shape(self.default)
        if isinstance(self.default, list | tuple):
            return list(self.default)
        return self.default.encode() if isinstance(self.default, str) else self.default


@dataclass(slots=True)
class OpDef:
    """One op type."""

    type: str
    inputs: tuple[ArgDef, ...]
    outputs: tuple[ArgDef, ...]
    attrs: Mapping[str, AttrDef]
    shape: ShapeFunction
    stateful: bool
    """Two equal nodes may not be merged and none be folded: variables, random draws, side effects."""
    effects: bool
    """Running it changes or tells something outside of its outputs: never dropped, duplicated or reordered."""
    ref_of_output: Mapping[int, int] = field(default_factory=dict)
    """Ref output to the ref input whose variable it carries; ops that make or choose variables have none."""
    defaults: Mapping[str, Any] = field(init=False)
    """Values of the attributes that have one by default; to be read only, as they are shared by all operations."""
    takes_refs: bool = field(init=False)
    """Whether an input is a variable."""

    def __post_init__(self) -> None:
        self.takes_refs = any(arg.is_ref for arg in self.inputs)
        self.defaults = {name: attr.canonical_default() for name, attr in self.attrs.items() if attr.has_default}

    @property
    def name(self) -> str:
        """The op type, under the name that TensorFlow's message has for it."""
        return self.type


def type_attr(*allowed: DType, default: Any = _MISSING) -> AttrDef:
    """Return a dtype attribute, legal for the given dtypes or for all."""
    return AttrDef("type", default, allowed)


def integer(default: Any = _MISSING, minimum: int | None = None) -> AttrDef:
    """Return an int attribute."""
    return AttrDef("int", default, minimum=minimum)


def boolean(default: Any = _MISSING) -> AttrDef:
    """Return a bool attribute."""
    return AttrDef("bool", default)


def floating(default: Any = _MISSING) -> AttrDef:
    """Return a float attribute."""
    return AttrDef("float", default)


def string(default: Any = _MISSING, allowed: Sequence[bytes] = ()) -> AttrDef:
    """Return a string attribute; values are bytes."""
    return AttrDef("string", default, tuple(allowed))


def shape_attr(default: Any = _MISSING) -> AttrDef:
    """Return a TensorShape attribute."""
    return AttrDef("shape", default)


def tensor_attr() -> AttrDef:
    """Return a tensor attribute; values are NumPy arrays."""
    return AttrDef("tensor")


def list_of(
    kind: Literal["type", "int", "float", "bool", "string", "shape"],
    default: Any = _MISSING,
    allowed: Sequence[Any] = (),
    minimum: int | None = None,
) -> AttrDef:
    """Return a list attribute."""
    return AttrDef(f"list({kind})", default, tuple(allowed), minimum)


_OP_DEFS: dict[str, OpDef] = {}
_GRADIENTS: dict[str, GradientFunction | None] = {}

_ARG = re.compile(r"(\w+)\s*:\s*(?:(\w+)\s*\*\s*)?(?:Ref\((\w+)\)|(\w+))")


def define_op(
    op_type: str,
    signature: str,
    *,
    shape: ShapeFunction,
    attrs: Mapping[str, AttrDef] | None = None,
    stateful: bool = False,
    effects: bool = False,
) -> OpDef:
    """Define an op type and return its record.

    Parameters
    ----------
    op_type
        TensorFlow's name, such as ``MatMul``.
    signature
        ``"a: T, b: T -> product: T"``. A type is a dtype's name, a type attribute, ``Ref(...)`` of one, ``N * T``, or
        the name of a ``list(type)`` attribute.
    shape
        Static shapes of the outputs.
    attrs
        Attributes by name, in TensorFlow's order.
    stateful, effects
        As :class:`OpDef` says; an op with a ref input that is not only read has effects.
    """
    attrs = attrs or {}
    left, _, right = signature.partition("->")
    inputs, outputs = (_parse_args(side, attrs) for side in (left, right))
    refs = [i for i, arg in enumerate(inputs) if arg.is_ref]
    ref_of_output = {i: refs[0] for i, arg in enumerate(outputs) if arg.is_ref and refs}
    definition = OpDef(op_type, inputs, outputs, attrs, shape, stateful, effects, ref_of_output)
    if op_type in _OP_DEFS:
        raise ValueError(f"Op type {op_type!r} is defined already.")
    _OP_DEFS[op_type] = definition
    return definition


def _parse_args(text: str, attrs: Mapping[str, AttrDef]) -> tuple[ArgDef, ...]:
    """Parse one side of a signature."""
    return tuple(_parse_arg(part.strip(), attrs) for part in text.split(",") if part.strip())


def _parse_arg(text: str, attrs: Mapping[str, AttrDef]) -> ArgDef:
    """Parse one argument of a signature."""
    match = _ARG.fullmatch(text)
    if match is None:
        raise ValueError(f"Cannot parse argument {text!r} of an op's signature.")
    name, number, ref, value = match.groups()
    is_ref, kind = ref is not None, ref or value
    if kind not in attrs:
        return ArgDef(name, dtypes.as_dtype(kind), number_attr=number or "", is_ref=is_ref)
    if attrs[kind].kind == "list(type)":
        return ArgDef(name, type_list_attr=kind, is_ref=is_ref)
    return ArgDef(name, type_attr=kind, number_attr=number or "", is_ref=is_ref)


def op_def(op_type: str) -> OpDef | None:
    """Return the definition of an op type, or None if this program has none."""
    return _OP_DEFS.get(op_type)


def op_types() -> list[str]:
    """Return all defined op types, sorted."""
    return sorted(_OP_DEFS)


def register_gradient(*op_types: str) -> Callable[[GradientFunction], GradientFunction]:
    """Return a decorator that registers a gradient function for op types (``tf.RegisterGradient`` for one)."""

    def decorate(function: GradientFunction) -> GradientFunction:
        for op_type in op_types:
            _set_gradient(op_type, function)
        return function

    return decorate


def not_differentiable(*op_types: str) -> None:
    """Declare that no gradient flows through these op types."""
    for op_type in op_types:
        _set_gradient(op_type, None)


def _set_gradient(op_type: str, function: GradientFunction | None) -> None:
    """Register a gradient once."""
    if op_type in _GRADIENTS:
        previous = _GRADIENTS[op_type]
        code = getattr(previous, "__code__", None)
        where = f"{code.co_qualname} {code.co_filename}:{code.co_firstlineno}" if code else repr(previous)
        raise KeyError(f"Registering two gradient with name '{op_type}' !(Previous registration was in {where})")
    _GRADIENTS[op_type] = function


def gradient_function(op_type: str) -> GradientFunction | None:
    """Return the gradient of an op type; None where none flows.

    Raises
    ------
    LookupError
        If nothing is registered for the type.
    """
    try:
        return _GRADIENTS[op_type]
    except KeyError:
        raise LookupError(f"gradient registry has no entry for: {op_type}") from None
