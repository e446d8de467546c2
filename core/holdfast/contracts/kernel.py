"""Kernels: what a backend gives the runtime for one operation of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from holdfast.contracts.run_context import RunContext
    from holdfast.dtypes import DType

Array: TypeAlias = Any
"""An array of the device's namespace. 0-d values may be that library's scalars (NumPy's ``np.float32(3)``)."""

Source: TypeAlias = tuple[str, Mapping[str, Any]]
"""An expression of the compiled plan, and what the names in it stand for that are the kernel's own.

These names must begin with ``_k_``; the compiler renames them. Text of a graph never goes into the expression: it is
made of names, numbers, operators, calls and attributes that do not begin with an underscore.
"""


@dataclass(frozen=True, slots=True)
class KernelRequest:
    """One operation, as a backend sees it when it is asked for a kernel."""

    op_type: str
    """TensorFlow's op type, such as ``MatMul``."""
    op_name: str
    """The node's name: data for messages and for counters of random streams, never for code."""
    attrs: Mapping[str, Any]
    """Attributes in Python's terms: DType, TensorShape, int, float, bool, bytes, NumPy arrays, and lists of these."""
    input_dtypes: tuple[DType, ...]
    """Base dtypes of the inputs, ref inputs included."""
    output_dtypes: tuple[DType, ...]
    """Base dtypes of the outputs, ref outputs included."""


@runtime_checkable
class Kernel(Protocol):
    """A pure function of arrays: the contract of every op that updates no variable.

    A kernel must not write to its inputs nor keep them, and must return a tuple with one array an output, of the
    dtype that the request names, on its own device. Unless it also is an :class:`AliasingKernel`, no output may share
    memory with an input. It raises the classes of :mod:`holdfast.errors` with ``node_def`` and ``op`` None; the
    runtime adds the op, its creation site, its device and the shapes of its inputs.
    """

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""


@runtime_checkable
class UpdateKernel(Protocol):
    """An op that updates variables: ``AssignAdd``, ``ScatterUpdate``, ``ApplyAdam``.

    The variables are the op's ref inputs, in order. The kernel is right both when ``out[i] is current[i]`` (the
    update happens in place) and when ``out[i]`` is a distinct buffer of the same shape and dtype with undefined
    contents (someone holds the current value, which must stay as it is). It must check its inputs before it writes.
    """

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new values to ``out``; return the outputs that are not refs (for most ops none)."""


@runtime_checkable
class AliasingKernel(Protocol):
    """Ability of a :class:`Kernel`: it names the inputs that its outputs may share memory with."""

    aliases: Mapping[int, tuple[int, ...]]
    """Output index to the indices of the inputs it may alias; outputs that are not named are fresh."""


@runtime_checkable
class IntoKernel(Protocol):
    """Ability of a :class:`Kernel`: it can compute into buffers that it is given.

    The runtime gives buffers of the shapes that the outputs had when the inputs last had their present shapes, and
    those that steer (axes, sizes, permutations: integers of other dtype attributes than ``T``) their present values. So
    this is no ability of ops whose output shapes depend on other values, such as ``Where`` and ``Unique``.
    """

    def into(self, context: RunContext, outputs: tuple[Array, ...], *inputs: Array) -> None:
        """Compute all outputs into arrays of their shapes and dtypes that share no memory with the inputs."""


@runtime_checkable
class ExpressionKernel(Protocol):
    """Ability of a :class:`Kernel` with one output: it can be an expression of the compiled plan's source.

    The compiled plan uses it where no input has dimensions: on NumPy devices these are NumPy's scalars. Where it
    raises, the kernel itself is called, as :class:`PlainKernel` says.
    """

    def expression(self, inputs: tuple[str, ...]) -> Source:
        """Return an expression over the given names."""


@runtime_checkable
class PlainKernel(Protocol):
    """Ability of a :class:`Kernel` with one output: a plain function computes it, without the run's context.

    The compiled plan calls the function itself. Where the function or the expression of an :class:`ExpressionKernel`
    raises, the runtime calls the kernel with the same inputs, and what the kernel raises is the error that is told: so
    only the kernel need put errors well. The function must raise wherever the kernel does.
    """

    @property
    def plain(self) -> Callable[..., Array]:
        """``(*inputs) -> output``: what ``kernel(context, *inputs)[0]`` is, and as fresh or shared as that."""
