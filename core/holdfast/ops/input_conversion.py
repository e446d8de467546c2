"""Arguments of one new op: inputs converted to tensors, and the attributes that they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.op_def import ArgDef, OpDef
from holdfast.graph.tensor import Tensor
from holdfast.ops import attr_values

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation


class InputConversion:
    """The inputs and attributes of one application of an op; errors are TensorFlow's."""

    __slots__ = ("attrs", "definition", "given", "refs", "tensors")

    def __init__(self, definition: OpDef, values: Sequence[Any], given: dict[str, Any]) -> None:
        self.definition = definition
        self.given = given
        """Attributes as the caller gave them; None for those that the inputs or defaults give."""
        self.tensors: list[Tensor] = []
        """The converted inputs, lists flattened."""
        self.refs: list[Operation] = []
        """Variables that are passed by reference."""
        self.attrs: dict[str, Any] = {}
        """All attributes in canonical form."""
        if given:
            self._take(given)
        self._convert(values)
        self._complete()

    def _take(self, given: dict[str, Any]) -> None:
        """Take the attributes that the caller gave."""
        definition = self.definition
        for name, value in given.items():
            attr = definition.attrs.get(name)
            if attr is None:
                raise TypeError(f"apply_op() got unexpected keyword arguments: {name} for op {definition.type}")
            if value is None:
                continue
            if attr.restricted or type(value) is not attr_values.OWN_TYPES.get(attr.kind):
                value = attr_values.canonical(attr, value, name, definition.type)  # noqa: PLW2901  # the same, in form
            self.attrs[name] = value

    def _convert(self, values: Sequence[Any]) -> None:
        """Convert all inputs, in order: earlier ones settle the dtypes of later ones."""
        attrs = self.attrs
        for i, arg in enumerate(self.definition.inputs):
            value = values[i]
            if arg.is_list:
                self._convert_list(arg, value)
                continue
            dtype = attrs.get(arg.type_attr) if arg.type_attr else arg.dtype
            if type(value) is not Tensor or (dtype is not None and value._dtype._base is not dtype):
                value = self._convert_one(arg, value, dtype)
            if dtype is None:
                self._settle(arg.type_attr, value._dtype._base, arg.name)
            if arg.is_ref:
                self._add_ref(arg, value)
            self.tensors.append(value)

    def _complete(self) -> None:
        """Fill in the defaults of attributes."""
        definition, attrs = self.definition, self.attrs
        if len(attrs) < len(definition.attrs):
            self.attrs = attrs = {**definition.defaults, **attrs}
            if len(attrs) < len(definition.attrs):
                missing = next(name for name in definition.attrs if name not in attrs)
                raise TypeError(f"No argument for attr {missing} of op {definition.type}")

    def _convert_one(self, arg: ArgDef, value: Any, dtype: dtypes.DType | None) -> Tensor:
        """Convert one value."""
        # While the dtype is open, the default of its attribute is tried first.
        preferred = self.definition.defaults.get(arg.type_attr) if dtype is None else None
        try:
            return conversion.internal_convert(
                value, dtype=dtype, name=arg.name, as_ref=arg.is_ref, preferred_dtype=preferred
            )
        except TypeError as error:
            if dtype is None:
                raise
            raise TypeError(
                f"Expected {dtype.name} passed to parameter '{arg.name}' of op '{self.definition.type}', got {value!r} "
                f"of type '{type(value).__name__}' instead."
            ) from error
        except ValueError as error:
            if dtype is None or not hasattr(value, "dtype"):
                raise
            self._raise_mismatch(arg, value, dtype, error)

    def _raise_mismatch(self, arg: ArgDef, value: Any, dtype: dtypes.DType, error: ValueError) -> NoReturn:
        """Raise the error for a tensor of the wrong dtype."""
        found = dtypes.as_dtype(value.dtype).name
        prefix = f"Input '{arg.name}' of '{self.definition.type}' Op has type {found} that does not match"
        if arg.dtype is not None:
            raise TypeError(f"{prefix} expected type of {dtype.name}.") from error
        source = self._source(arg.type_attr)
        raise TypeError(f"{prefix} type {dtype.name} of argument '{source}'.") from error

    def _convert_list(self, arg: ArgDef, values: Any) -> None:
        """Convert an input that is a list of tensors."""
        if not isinstance(values, list | tuple):
            raise TypeError(f"Expected list for '{arg.name}' argument to '{self.definition.type}' Op, not {values}.")
        if arg.type_list_attr:
            self._convert_mixed_list(arg, values)
            return
        dtype = arg.dtype or self.attrs.get(arg.type_attr)
        if dtype is None:
            # One tensor among the values settles the dtype of the Python numbers beside it.
            kinds = (getattr(value, "dtype", None) for value in values)
            dtype = next((kind.base_dtype for kind in kinds if isinstance(kind, dtypes.DType)), None)
        tensors: list[Tensor] = []
        for i, value in enumerate(values):
            tensors.append(self._list_item(arg, values, value, dtype, f"{arg.name}_{i}"))
            dtype = dtype or tensors[0].dtype.base_dtype
        self._settle(arg.number_attr, len(values), arg.name)
        if arg.type_attr and tensors:
            self._settle(arg.type_attr, tensors[0]._dtype._base, arg.name)
        self._add_list(arg, tensors)

    def _list_item(self, arg: ArgDef, values: Sequence[Any], value: Any, dtype: Any, name: str) -> Tensor:
        """Convert one item of a list of one dtype."""
        try:
            return conversion.internal_convert(value, dtype=dtype, name=name, as_ref=arg.is_ref)
        except (TypeError, ValueError) as error:
            found = ", ".join(_dtype_name(v) for v in values)
            prefix = f"Tensors in list passed to '{arg.name}' of '{self.definition.type}' Op have types [{found}]"
            if arg.dtype is not None or arg.type_attr in self.attrs:
                raise TypeError(f"{prefix} that do not match expected type {dtype.name}.") from error
            raise TypeError(f"{prefix} that don't all match.") from error

    def _convert_mixed_list(self, arg: ArgDef, values: Sequence[Any]) -> None:
        """Convert an input that is a list of tensors of several dtypes."""
        wanted = self.attrs.get(arg.type_list_attr)
        if wanted is not None and len(wanted) != len(values):
            raise ValueError(
                f"Input '{arg.name}' of '{self.definition.type}' Op takes {len(wanted)} tensors, got {len(values)}."
            )
        tensors = [
            conversion.internal_convert(
                value, dtype=wanted[i] if wanted else None, name=f"{arg.name}_{i}", as_ref=arg.is_ref
            )
            for i, value in enumerate(values)
        ]
        self._settle(arg.type_list_attr, [t.dtype.base_dtype for t in tensors], arg.name)
        self._add_list(arg, tensors)

    def _add_list(self, arg: ArgDef, tensors: Sequence[Tensor]) -> None:
        """Take converted tensors as the next inputs."""
        if arg.is_ref:
            for tensor in tensors:
                self._add_ref(arg, tensor)
        self.tensors += tensors

    def _add_ref(self, arg: ArgDef, tensor: Tensor) -> None:
        """Note the variable that an input passes by reference."""
        if not tensor._dtype._is_ref_dtype:
            raise TypeError(
                f"'{self.definition.type}' Op requires that input '{arg.name}' be a mutable tensor "
                "(e.g.: a tf.Variable)"
            )
        self.refs.append(tensor._op)

    def _settle(self, name: str, value: Any, source: str) -> None:
        """Set an attribute from an input, or check that it agrees."""
        known = self.attrs.get(name)
        if known is None:
            attr = self.definition.attrs[name]
            if attr.restricted and (attr.minimum is not None or value not in attr.allowed):
                attr_values.check_allowed(attr, value, source, self.definition.type, name)
            self.attrs[name] = value
        elif known is not value and known != value:
            self._raise_disagreement(name, known, value, source)

    def _source(self, name: str) -> str:
        """Return what an attribute's value came from: the first input that has it, unless the caller gave it."""
        if self.given.get(name) is not None:
            return "Default in OpDef"
        return next(
            arg.name for arg in self.definition.inputs if name in {arg.type_attr, arg.number_attr, arg.type_list_attr}
        )

    def _raise_disagreement(self, name: str, known: Any, value: Any, source: str) -> NoReturn:
        """Raise the error for two inputs that give one attribute different values."""
        origin = self._source(name)
        if isinstance(value, int):
            raise ValueError(
                f"List argument '{source}' to '{self.definition.type}' Op with length {value} must match length "
                f"{known} of argument '{origin}'."
            )
        raise TypeError(
            f"Input '{source}' of '{self.definition.type}' Op has type {_names(value)} that does not match type "
            f"{_names(known)} of argument '{origin}'."
        )


def _dtype_name(value: Any) -> str:
    """Return the name of a value's dtype for a message."""
    return dtypes.as_dtype(value.dtype).name if hasattr(value, "dtype") else "<NOT CONVERTIBLE TO TENSOR>"


def _names(value: Any) -> str:
    """Return the name of a dtype, or those of a list, for a message."""
    return ", ".join(d.name for d in value) if isinstance(value, list) else str(value.name)
