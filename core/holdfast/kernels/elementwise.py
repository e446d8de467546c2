"""What the kernels of elementwise ops share: broadcasting with TensorFlow's error, and dtypes that a library lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest, RunContext
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure
from holdfast.kernels.shape_text import shape_text


def check_broadcast(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Raise InvalidArgumentError if two shapes do not broadcast."""
    for a, b in zip_longest(reversed(x), reversed(y), fillvalue=1):
        if a != b and 1 not in {a, b}:
            raise InvalidArgumentError(None, None, f"Incompatible shapes: {shape_text(x)} vs. {shape_text(y)}")


@dataclass(frozen=True, slots=True)
class Binary:
    """A kernel from a function of two inputs that broadcast."""

    function: Callable[[Array, Array], Array]
    """``(x, y) -> output``; the output is fresh."""

    def __call__(self, context: RunContext, x: Array, y: Array) -> tuple[Array, ...]:
        """Compute the output."""
        try:
            return (self.function(x, y),)
        except Exception:
            # Libraries differ in what they raise for shapes that do not fit; all else is passed on.
            check_broadcast(x.shape, y.shape)
            raise

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function


def one_function(xp: Any, request: KernelRequest, function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a single function of the namespace, widened where the namespace lacks the dtype."""
    native = request.input_dtypes[0] != dtypes.bfloat16
    return function if native else widened(xp, request, function)


def unary(xp: Any, request: KernelRequest, function: Callable[..., Array]) -> Pure:
    """Return the kernel of a formula in one input or more that do not broadcast; float16 is computed in float32."""
    return Pure(widened(xp, request, function))


def binary(xp: Any, request: KernelRequest, function: Callable[..., Array]) -> Binary:
    """Return the kernel of a formula in two inputs that broadcast; float16 is computed in float32."""
    return Binary(widened(xp, request, function))


def is_smooth(request: KernelRequest) -> bool:
    """Whether the first input is floating point or complex."""
    dtype = request.input_dtypes[0]
    return dtype.is_floating or dtype.is_complex
