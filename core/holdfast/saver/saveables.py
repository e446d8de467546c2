"""What a Saver saves: variables under names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.graph import Operation, Tensor
from holdfast.ops.reshaping import reshape
from holdfast.ops.state_ops import assign
from holdfast.variables import Variable

_VARIABLE_TYPES = frozenset({"Variable", "VariableV2", "AutoReloadVariable"})


@dataclass(frozen=True, slots=True)
class SaveSpec:
    """One tensor of a checkpoint."""

    tensor: Tensor
    """The variable's reference."""
    slice_spec: str
    """Which part of the full tensor it is, in TensorFlow's notation; empty for all of it."""
    name: str
    """Its name in the checkpoint."""


class VariableSaveable:
    """A variable, saved under a name."""

    def __init__(self, variable: Tensor, slice_spec: str, name: str) -> None:
        self.op = variable
        """The variable's reference."""
        self.name = name
        """Its name in the checkpoint."""
        self.specs = [SaveSpec(variable, slice_spec, name)]
        """The tensors to save."""

    @property
    def device(self) -> str:
        """Device of the variable, as asked for."""
        return self.op.device

    def restore(self, tensors: Sequence[Tensor], shapes: Sequence[Any] | None) -> Operation:
        """Return the op that assigns the restored tensor, reshaped where shapes are given."""
        value = tensors[0] if shapes is None else reshape(tensors[0], shapes[0])
        validate = shapes is None and self.op.shape.is_fully_defined()
        return assign(self.op, value, validate_shape=validate).op


def _reference(variable: Any) -> Tensor:
    """Return a variable's reference tensor.

    Raises
    ------
    TypeError
        If it is no variable.
    """
    tensor = variable._ref() if isinstance(variable, Variable) else variable
    if not isinstance(tensor, Tensor) or tensor.op.type not in _VARIABLE_TYPES:
        msg = f"Variable to save is not a Variable: {variable}"
        raise TypeError(msg)
    return tensor


def name_variables(var_list: Any) -> dict[str, Any]:
    """Return the variables of a list by the names of their ops.

    Raises
    ------
    TypeError
        If one is no variable.
    ValueError
        If two of them have one name.
    """
    if not isinstance(var_list, (list, tuple, set, frozenset)):
        msg = f"Variables to save should be passed in a dict or a list: {var_list}"
        raise TypeError(msg)
    named: dict[str, Any] = {}
    for variable in var_list:
        name = _reference(variable).op.name
        known = named.setdefault(name, variable)
        if known is not variable:
            msg = f"At least two variables have the same name: {name}"
            raise ValueError(msg)
    return named


def make_saveables(var_list: Any) -> list[VariableSaveable]:
    """Return what to save, sorted by name, from a list of variables or a dict of names and variables.

    Raises
    ------
    TypeError
        If something is no variable.
    ValueError
        If one variable has two names, or two variables have one.
    """
    named = var_list if isinstance(var_list, Mapping) else name_variables(var_list)
    seen: set[Operation] = set()
    result = []
    for name in sorted(named):
        if not isinstance(name, str):
            msg = (
                "names_to_saveables must be a dict mapping string names to checkpointable operations. Name is not a "
                f"string: {name}"
            )
            raise TypeError(msg)
        try:
            tensor = _reference(named[name])
        except TypeError as error:
            msg = (
                "names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: "
                f"{named[name]}"
            )
            raise (TypeError(msg) if isinstance(var_list, Mapping) else error) from None
        if tensor.op in seen:
            msg = f"The same saveable will be restored with two names: {name}"
            raise ValueError(msg)
        seen.add(tensor.op)
        info = getattr(named[name], "_save_slice_info", None)
        result.append(VariableSaveable(tensor, info.spec if info is not None else "", name))
    return result
