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


def _reference(variable: Any) -> Tensor | None:
    """Return a variable's reference tensor, or None for what is no variable."""
    tensor = variable._ref() if isinstance(variable, Variable) else variable
    return tensor if isinstance(tensor, Tensor) and tensor.op.type in _VARIABLE_TYPES else None


def _slice_of(variable: Any) -> Any:
    """Return which part of a larger tensor a variable is, or None."""
    return variable._get_save_slice_info() if isinstance(variable, Variable) else None


def _by_name(var_list: Any) -> dict[str, Any]:
    """Return what a list has by the names it gets in checkpoints; parts of one tensor as lists."""
    if not isinstance(var_list, (list, tuple, set, frozenset)):
        raise TypeError(f"Variables to save should be passed in a dict or a list: {var_list}")
    named: dict[str, Any] = {}
    for variable in var_list:
        tensor, part = _reference(variable), _slice_of(variable)
        if tensor is None:
            raise TypeError(f"Variable to save is not a Variable: {variable}")
        name = tensor.op.name if part is None else part.full_name
        known = named.setdefault(name, variable if part is None else [])
        if isinstance(known, list) != (part is not None):
            raise ValueError(f"Mixing slices and non-slices with the same name: {name}")
        if part is not None:
            named[name].append(variable)
        elif known is not variable:
            raise ValueError(f"At least two variables have the same name: {name}")
    return named


def _slices(name: str, variables: Sequence[Any]) -> list[VariableSaveable]:
    """Return how to save parts of one tensor under one name."""
    full_names: set[str] = set()
    result = []
    for variable in variables:
        tensor, part = _reference(variable), _slice_of(variable)
        if tensor is None:
            raise ValueError(f"Slices must all be Variables: {variable}")
        if part is None:
            raise ValueError(f"Slices must all be slices: {variable}")
        full_names.add(part.full_name)
        if len(full_names) > 1:
            raise ValueError(f"Slices must all be from the same tensor: {' != '.join(sorted(full_names))}")
        result.append(VariableSaveable(tensor, part.spec, name))
    return result


def make_saveables(var_list: Any) -> list[VariableSaveable]:
    """Return what to save, sorted by name, from a list of variables or a dict from names to variables.

    Parameters
    ----------
    var_list
        Variables, or references to them. A list of variables as a value of the dict stands for parts of one tensor;
        so do variables of a list that know what they are part of.

    Raises
    ------
    TypeError
        If something is no variable, or a name no string.
    ValueError
        If one variable has two names, two variables have one, or parts are not all of one tensor.
    """
    named = var_list if isinstance(var_list, Mapping) else _by_name(var_list)
    for name in named:
        if not isinstance(name, str):
            raise TypeError(
                "names_to_saveables must be a dict mapping string names to checkpointable operations. Name is not a "
                f"string: {name}"
            )
    result = [saveable for name in sorted(named) for saveable in _saveables(name, named[name])]
    seen: set[Operation] = set()
    for saveable in result:
        if saveable.op.op in seen:
            raise ValueError(f"The same saveable will be restored with two names: {saveable.name}")
        seen.add(saveable.op.op)
    return result


def _saveables(name: str, value: Any) -> list[VariableSaveable]:
    """Return how to save what one name stands for."""
    if isinstance(value, (list, tuple)):
        return _slices(name, value)
    tensor = _reference(value)
    if tensor is None:
        raise TypeError(
            f"names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: {value}"
        )
    return [VariableSaveable(tensor, "", name)]
