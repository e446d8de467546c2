"""apply_op: from Python arguments to a node, by the op's definition. Every public op function ends here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import ArgDef, OpDef, op_def
from holdfast.graph.tensor import Tensor
from holdfast.ops import attr_values

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation


def apply_op(op_type: str, *values: Any, name: str | None = None, **attrs: Any) -> Operation:
    """Add an operation to the graph of its inputs and return it.

    Parameters
    ----------
    op_type
        A defined op type.
    values
        One value an input of the signature: anything that converts to a tensor; a sequence of such for a list input.
    name
        Name within the current scope; by default the op type. With a final slash, a full name that is taken already.
    attrs
        Attributes that the inputs do not give. None stands for the default.

    Raises
    ------
    TypeError, ValueError
        TensorFlow's errors where an input or attribute does not fit the definition.
    """
    definition = op_def(op_type)
    if definition is None:
        msg = f"Unrecognized Op name {op_type}"
        raise RuntimeError(msg)
    if len(values) != len(definition.inputs):
        expected = ", ".join(arg.name for arg in definition.inputs)
        msg = f"Op {op_type} takes {len(definition.inputs)} inputs ({expected}); got {len(values)}."
        raise TypeError(msg)
    graph = _graph_of(values)
    names = graph._names
    if name is None:
        name = op_type
    full = name[:-1] if name.endswith("/") else names.unique(name)
    call = _Call(definition, attrs)
    outer = names.scope
    names.scope = full
    try:
        if graph is default.get_default_graph():
            call.convert(values)
        else:
            with graph.as_default():
                call.convert(values)
        complete = call.complete_attrs()
        # Still within the op's own scope: a branch of a cond may add switches named below the op.
        return graph.create_op(
            definition, call.tensors, output_types(definition, complete), complete, full, colocate_with=call.refs
        )
    finally:
        names.scope = outer


def _graph_of(values: Sequence[Any]) -> Graph:
    """Return the graph of the inputs, lists included, checked to be one."""
    flat: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            flat.extend(value)
        else:
            flat.append(value)
    return default.graph_from_inputs(flat)


class _Call:
    """One application of an op: converts the inputs and finds the attributes that they give."""

    __slots__ = ("attrs", "definition", "given", "inferred_from", "refs", "tensors")

    def __init__(self, definition: OpDef, given: dict[str, Any]) -> None:
        self.definition = definition
        self.tensors: list[Tensor] = []
        self.refs: list[Operation] = []
        self.attrs: dict[str, Any] = {}
        self.inferred_from: dict[str, str] = {}
        self.given = given
        for attr_name, value in given.items():
            attr = definition.attrs.get(attr_name)
            if attr is None:
                msg = f"apply_op() got unexpected keyword arguments: {attr_name} for op {definition.type}"
                raise TypeError(msg)
            if value is not None:
                self.attrs[attr_name] = attr_values.canonical(attr, value, attr_name, definition.type)

    def convert(self, values: Sequence[Any]) -> None:
        """Convert all inputs, in order: earlier ones settle the dtypes of later ones."""
        for arg, value in zip(self.definition.inputs, values, strict=True):
            if arg.number_attr or arg.type_list_attr:
                self._convert_list(arg, value)
            else:
                self._add(arg, self._convert_one(arg, value, self._expected_dtype(arg), arg.name))

    def _expected_dtype(self, arg: ArgDef) -> Any:
        """Return the dtype an input must have, or None while it is open."""
        return arg.dtype if arg.dtype is not None else self.attrs.get(arg.type_attr)

    def _preferred_dtype(self, arg: ArgDef) -> Any:
        """Return the dtype to try first for an input whose dtype is open: its attribute's default."""
        attr = self.definition.attrs.get(arg.type_attr)
        return attr.default if attr is not None and attr.has_default else None

    def _convert_one(self, arg: ArgDef, value: Any, dtype: Any, name: str) -> Tensor:
        """Convert one value, with TensorFlow's errors."""
        preferred = None if dtype is not None else self._preferred_dtype(arg)
        try:
            return conversion.internal_convert(
                value, dtype=dtype, name=name, as_ref=arg.is_ref, preferred_dtype=preferred
            )
        except TypeError as error:
            if dtype is None:
                raise
            msg = (
                f"Expected {dtype.name} passed to parameter '{arg.name}' of op '{self.definition.type}', got {value!r} of "
                f"type '{type(value).__name__}' instead."
            )
            raise TypeError(msg) from error
        except ValueError as error:
            self._raise_mismatch(arg, value, dtype, error)
            raise

    def _raise_mismatch(self, arg: ArgDef, value: Any, dtype: Any, error: ValueError) -> None:
        """Raise TensorFlow's TypeError for a tensor of the wrong dtype; return if that is not what is wrong."""
        if dtype is None or not hasattr(value, "dtype"):
            return
        found = dtypes.as_dtype(value.dtype).name
        prefix = f"Input '{arg.name}' of '{self.definition.type}' Op has type {found} that does not match"
        if arg.dtype is not None:
            msg = f"{prefix} expected type of {dtype.name}."
        else:
            source = self.inferred_from.get(arg.type_attr, "Default in OpDef")
            msg = f"{prefix} type {dtype.name} of argument '{source}'."
        raise TypeError(msg) from error

    def _convert_list(self, arg: ArgDef, values: Any) -> None:
        """Convert an input that is a list of tensors."""
        if not isinstance(values, (list, tuple)):
            msg = f"Expected list for '{arg.name}' argument to '{self.definition.type}' Op, not {values}."
            raise TypeError(msg)
        if arg.type_list_attr:
            self._convert_mixed_list(arg, values)
            return
        dtype = self._expected_dtype(arg)
        if dtype is None:
            # One tensor among the values settles the dtype of the Python numbers beside it.
            dtype = next((v.dtype.base_dtype for v in values if isinstance(getattr(v, "dtype", None), dtypes.DType)), None)
        tensors = []
        for i, value in enumerate(values):
            tensors.append(self._list_item(arg, values, value, dtype, f"{arg.name}_{i}"))
            dtype = tensors[0].dtype.base_dtype if dtype is None else dtype
        self._settle(arg.number_attr, len(values), arg.name)
        for tensor in tensors:
            self._add(arg, tensor)

    def _list_item(self, arg: ArgDef, values: Sequence[Any], value: Any, dtype: Any, name: str) -> Tensor:
        """Convert one item of a list of one dtype."""
        try:
            return conversion.internal_convert(value, dtype=dtype, name=name, as_ref=arg.is_ref)
        except (TypeError, ValueError) as error:
            found = ", ".join(dtypes.as_dtype(v.dtype).name if hasattr(v, "dtype") else "<NOT CONVERTIBLE TO TENSOR>" for v in values)
            prefix = f"Tensors in list passed to '{arg.name}' of '{self.definition.type}' Op have types [{found}]"
            if arg.dtype is not None or arg.type_attr in self.attrs:
                msg = f"{prefix} that do not match expected type {dtype.name}."
            else:
                msg = f"{prefix} that don't all match."
            raise TypeError(msg) from error

    def _convert_mixed_list(self, arg: ArgDef, values: Sequence[Any]) -> None:
        """Convert an input that is a list of tensors of several dtypes."""
        wanted = self.attrs.get(arg.type_list_attr)
        if wanted is not None and len(wanted) != len(values):
            msg = f"Input '{arg.name}' of '{self.definition.type}' Op takes {len(wanted)} tensors, got {len(values)}."
            raise ValueError(msg)
        tensors = [
            conversion.internal_convert(
                value, dtype=wanted[i] if wanted else None, name=f"{arg.name}_{i}", as_ref=arg.is_ref
            )
            for i, value in enumerate(values)
        ]
        self._settle(arg.type_list_attr, [t.dtype.base_dtype for t in tensors], arg.name)
        for tensor in tensors:
            self._add(arg, tensor)

    def _add(self, arg: ArgDef, tensor: Tensor) -> None:
        """Take a converted tensor as the next input."""
        base = tensor.dtype.base_dtype
        if arg.type_attr:
            self._settle(arg.type_attr, base, arg.name)
        if arg.is_ref:
            if not tensor.dtype._is_ref_dtype:
                msg = (
                    f"'{self.definition.type}' Op requires that input '{arg.name}' be a mutable tensor (e.g.: a tf.Variable)"
                )
                raise TypeError(msg)
            self.refs.append(tensor.op)
        self.tensors.append(tensor)

    def _settle(self, attr_name: str, value: Any, source: str) -> None:
        """Set an attribute from an input, or check that it agrees."""
        known = self.attrs.get(attr_name)
        if known is None:
            attr = self.definition.attrs[attr_name]
            attr_values.check_allowed(attr, value, source, self.definition.type, attr_name)
            self.attrs[attr_name] = value
            self.inferred_from[attr_name] = source
        elif known != value:
            origin = self.inferred_from.get(attr_name, "Default in OpDef")
            if isinstance(value, int):
                msg = (
                    f"List argument '{source}' to '{self.definition.type}' Op with length {value} must match length {known} of "
                    f"argument '{origin}'."
                )
                raise ValueError(msg)
            msg = (
                f"Input '{source}' of '{self.definition.type}' Op has type {_show(value)} that does not match type {_show(known)} of "
                f"argument '{origin}'."
            )
            raise TypeError(msg)

    def complete_attrs(self) -> dict[str, Any]:
        """Return all attributes in the definition's order, defaults filled in."""
        complete: dict[str, Any] = {}
        for attr_name, attr in self.definition.attrs.items():
            if attr_name in self.attrs:
                complete[attr_name] = self.attrs[attr_name]
            elif attr.has_default:
                complete[attr_name] = attr_values.copy_default(attr)
            else:
                msg = f"No argument for attr {attr_name} of op {self.definition.type}"
                raise TypeError(msg)
        return complete


def _show(value: Any) -> str:
    """Return a dtype, or a list of them, for a message."""
    return ", ".join(d.name for d in value) if isinstance(value, list) else str(getattr(value, "name", value))


def output_types(definition: OpDef, attrs: dict[str, Any]) -> list[dtypes.DType]:
    """Return the dtypes of an op's outputs, ``_ref`` ones where they carry variables."""
    result: list[dtypes.DType] = []
    for arg in definition.outputs:
        if arg.type_list_attr:
            kinds = list(attrs[arg.type_list_attr])
        else:
            kinds = [arg.dtype if arg.dtype is not None else attrs[arg.type_attr]]
            if arg.number_attr:
                kinds *= attrs[arg.number_attr]
        result.extend(kind._as_ref if arg.is_ref else kind for kind in kinds)
    return result
