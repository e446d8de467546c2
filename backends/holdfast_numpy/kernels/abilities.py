"""Forms of kernels with all abilities: a call, a computation into given buffers, an expression of the compiled plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from holdfast.contracts import Array, RunContext
from holdfast.kernels.elementwise import check_broadcast


def call_of(name: str, inputs: tuple[str, ...]) -> str:
    """Return the source of a call."""
    return f"{name}({', '.join(inputs)})"


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
    def plain(self) -> Callable[..., Array]:
        """The ufunc, with the order of its outputs."""
        return partial(self.function, order="C")

    def expression(self, inputs: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        """Return the operator, else a call of the ufunc."""
        if self.operator:
            return self.operator.format(*inputs), self.names
        return call_of("_k_function", inputs), {"_k_function": self.function}


def _check(inputs: tuple[Array, ...]) -> None:
    """Raise TensorFlow's error if two inputs do not broadcast."""
    if len(inputs) == 2:
        check_broadcast(inputs[0].shape, inputs[1].shape)


@dataclass(frozen=True, slots=True)
class Computed:
    """A kernel with one output from a function that makes it and one that writes it to a buffer."""

    function: Callable[..., Array]
    """``(*inputs) -> output``; the output is fresh."""
    write: Callable[..., None]
    """``(out, *inputs) -> None``; gives ``out`` the same bits."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        return (self.function(*inputs),)

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute the output into a buffer."""
        self.write(outputs[0], *inputs)

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function

    def expression(self, inputs: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        """Return a call of the function."""
        return call_of("_k_function", inputs), {"_k_function": self.function}


@dataclass(frozen=True, slots=True)
class ComputedMany:
    """A kernel with several outputs from a function that makes them and one that writes them to buffers."""

    function: Callable[..., tuple[Array, ...]]
    """``(*inputs) -> outputs``; all fresh."""
    write: Callable[..., None]
    """``(outputs, *inputs) -> None``; gives them the same bits."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the outputs."""
        return self.function(*inputs)

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute the outputs into buffers."""
        self.write(outputs, *inputs)


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

    def expression(self, inputs: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        """Return a call of the function."""
        return call_of("_k_function", inputs), {"_k_function": self.function}
