"""Forms of kernels with all abilities: a call, a computation into given buffers, source of the compiled plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from holdfast.contracts import Array, Operand, RunContext, Scratch, Source
from holdfast.kernels.elementwise import check_broadcast
from holdfast_numpy.kernels.broadcasting import pays_off, with_row

Shaped: TypeAlias = Callable[[tuple[str, ...], tuple[Operand, ...], tuple[Array, ...], Scratch], Source | None]
"""As ``shaped`` of :class:`holdfast.contracts.ShapedKernel`."""


def call_of(name: str, inputs: tuple[str, ...]) -> str:
    """Return the source of a call."""
    return f"{name}({', '.join(inputs)})"


def call_with(function: Callable[..., object], arguments: tuple[str, ...], **objects: Any) -> Source:
    """Return a call of a function; ``objects`` are what names in the arguments stand for that begin with ``_k_``."""
    return call_of("_k_function", arguments), {"_k_function": function, **objects}


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A kernel that is one ufunc. Outputs are C-contiguous whatever the inputs are."""

    function: np.ufunc
    """The ufunc."""
    operator: str = ""
    """Source over ``{0}`` and ``{1}`` that does the same to NumPy's scalars, many times faster; or none."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """What further names in ``operator`` stand for."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        try:
            # Not in the order of the inputs: the bits of a later sum must not depend on who made its input.
            return (self.function(*inputs, order="C"),)
        except ValueError:
            _check(inputs)
            raise

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute the output into a buffer."""
        try:
            self.function(*inputs, out=outputs)
        except ValueError:
            _check(inputs)
            raise

    @property
    def in_place(self) -> tuple[int, ...]:
        """All inputs: each element is read before it is written."""
        return tuple(range(self.function.nin))

    def shaped(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return the call of the ufunc."""
        if not outputs:
            return None
        if len(operands) == 2 and operands[0].shape == outputs[0].shape and pays_off(*(o.shape for o in operands)):
            return call_with(partial(with_row, self.function), (*inputs, "_k_out"), _k_out=outputs[0])
        objects = {}
        for i, operand in enumerate(operands):
            if isinstance(operand.value, np.generic):
                # NumPy takes an array without dimensions faster than its scalar.
                objects[f"_k_number{i}"] = np.asarray(operand.value)
        names = [f"_k_number{i}" if f"_k_number{i}" in objects else name for i, name in enumerate(inputs)]
        return call_with(self.function, (*names, "out=_k_out"), _k_out=outputs[0], **objects)

    @property
    def plain(self) -> Callable[..., Array]:
        """The ufunc, with the order of its outputs."""
        return partial(self.function, order="C")

    def expression(self, inputs: tuple[str, ...]) -> Source:
        """Return the operator, else a call of the ufunc."""
        if self.operator:
            return self.operator.format(*inputs), self.names
        return call_of("_k_function", inputs), {"_k_function": self.function}


def _check(inputs: tuple[Array, ...]) -> None:
    """Raise TensorFlow's error if two inputs do not broadcast."""
    if len(inputs) == 2:
        check_broadcast(inputs[0].shape, inputs[1].shape)


def _as_usual(
    inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A kernel with one output from a function that makes it and one that writes it to a buffer."""

    function: Callable[..., Array]
    """``(*inputs) -> output``; the output is fresh."""
    write: Callable[..., None]
    """``(out, *inputs) -> None``; gives ``out`` the same bits."""
    source: Shaped = _as_usual
    """What does the same for inputs of known shapes with less ado, or None where that is nothing."""
    in_place: tuple[int, ...] = ()
    """As :class:`holdfast.contracts.InPlaceKernel` says."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        return (self.function(*inputs),)

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute the output into a buffer."""
        self.write(outputs[0], *inputs)

    def shaped(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return the source for these shapes, else a call of the function that writes."""
        source = self.source(inputs, operands, outputs, scratch)
        if source is None and outputs:
            return call_with(self.write, ("_k_out", *inputs), _k_out=outputs[0])
        return source

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function

    def expression(self, inputs: tuple[str, ...]) -> Source:
        """Return a call of the function."""
        return call_with(self.function, inputs)


@dataclass(frozen=True, slots=True)
class ComputedMany:
    """A kernel with several outputs from a function that makes them and one that writes them to buffers."""

    function: Callable[..., tuple[Array, ...]]
    """``(*inputs) -> outputs``; all fresh."""
    write: Callable[..., None]
    """``(outputs, *inputs) -> None``; gives them the same bits."""
    source: Shaped = _as_usual
    """As in :class:`Computed`."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the outputs."""
        return self.function(*inputs)

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute the outputs into buffers."""
        self.write(outputs, *inputs)

    def shaped(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return the source for these shapes, else a call of the function that writes."""
        source = self.source(inputs, operands, outputs, scratch)
        if source is None and outputs:
            return call_with(self.write, ("_k_outputs", *inputs), _k_outputs=outputs)
        return source


@dataclass(frozen=True, slots=True)
class Viewed:
    """A kernel whose output may share memory with its first input."""

    function: Callable[..., Array]
    """``(*inputs) -> output``."""
    aliases: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: {0: (0,)})
    """As :class:`holdfast.contracts.AliasingKernel` says."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        return (self.function(*inputs),)

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function

    def expression(self, inputs: tuple[str, ...]) -> Source:
        """Return a call of the function."""
        return call_with(self.function, inputs)
