"""What kernels contribute to the compiled plan where the shapes of their inputs are known before a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from holdfast.contracts.kernel import Array, Source

Scratch: TypeAlias = Callable[[tuple[int, ...], Any], Array]
"""``(shape, dtype) -> array``: memory with undefined contents, for as long as one expression is evaluated."""


@dataclass(frozen=True, slots=True)
class Operand:
    """What is known of an input before a run, in a plan for feeds of certain shapes."""

    shape: tuple[int, ...]
    """Its shape."""
    value: Array | None = None
    """The input itself, where it is the same in all such runs: axes, learning rates."""
    free: bool = False
    """Whether nobody reads it afterwards, so that a kernel may write to it."""


@runtime_checkable
class ShapedKernel(Protocol):
    """Ability of a :class:`Kernel`: it writes source for inputs whose shapes are known.

    Where the same shapes are fed again and again, the compiled plan has source of its own for them. There a kernel need
    not look at shapes, can have its constants ready, and stands in the plan without calls in between. Errors are told
    as :class:`PlainKernel` says, so the expression must raise wherever the kernel does, for these shapes.
    """

    def shaped(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return an expression over the given names that computes the outputs, or None to be called instead.

        Parameters
        ----------
        operands
            What is known of the inputs.
        outputs
            The arrays that the expression writes the outputs into, again and again, as an :class:`IntoKernel` does;
            or none: then the kernel's only output is the value of the expression, fresh as always.
        scratch
            Gives further memory. What it gives to one kernel is distinct; other kernels get the same.
        """


@runtime_checkable
class InPlaceKernel(Protocol):
    """Ability of an :class:`IntoKernel`: its output may take the memory of an input that nobody reads afterwards."""

    @property
    def in_place(self) -> tuple[int, ...]:
        """The inputs, by position, whose memory it may be, where shape and dtype are the same."""


@runtime_checkable
class ShapedUpdateKernel(Protocol):
    """Ability of an :class:`UpdateKernel` without outputs: as :class:`ShapedKernel`, an expression that updates."""

    def shaped_update(
        self,
        current: tuple[str, ...],
        out: tuple[str, ...],
        inputs: tuple[str, ...],
        operands: tuple[Operand, ...],
        scratch: Scratch,
    ) -> Source | None:
        """Return an expression that writes the new values, or None to be called instead.

        Parameters
        ----------
        current, out
            Names of the variables' present values, and of where to write the new ones: the same arrays, or others.
        inputs
            Names of the inputs that are no variables.
        operands
            What is known of the variables, in order, and then of the inputs.
        scratch
            As for a :class:`ShapedKernel`.
        """
