"""A plug-in as its author writes it: type checkers accept it, and reject nothing of the contracts."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np

from holdfast.contracts import CheckpointFormat, Entry, FormatSpec, Kernel, KernelRequest, UpdateKernel
from holdfast.dtypes import float32
from holdfast.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from holdfast.contracts import Array, Index, Inputs, Outputs, Reader, RunContext, TensorSource


class EmptyReader:
    """A checkpoint without tensors."""

    metadata: Mapping[str, Any] = MappingProxyType({})
    entries: Mapping[str, Entry] = MappingProxyType({})

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        raise NotFoundError(None, None, f"Key {name} not found in checkpoint")

    def close(self) -> None:
        return


class EmptyFormat:
    """A format that keeps nothing."""

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        outputs.create(".empty").close()

    def open(self, inputs: Inputs) -> Reader:
        return EmptyReader()


def make_format(options: Mapping[str, Any]) -> CheckpointFormat:
    """Return the format; it has no options."""
    if options:
        raise ValueError(f"unknown options {sorted(options)}, this format has none")
    return EmptyFormat()


class Negate:
    """A kernel."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        return (np.negative(inputs[0]),)


class Increment:
    """A kernel that updates a variable."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        np.add(current[0], 1, out=out[0])
        return ()


def choose(request: KernelRequest) -> Kernel | UpdateKernel | None:
    """Return a kernel as a device does."""
    known: dict[str, Kernel | UpdateKernel] = {"Neg": Negate(), "Increment": Increment()}
    return known.get(request.op_type)


def test_a_format_plug_in_has_the_types_of_the_contract() -> None:
    """A class with the methods of CheckpointFormat is one, without inheriting, for type checkers and at run time."""
    spec = FormatSpec("empty", (".empty",), ((0, b"EMPTY"),), make_format, "none")
    assert isinstance(spec.factory({}), EmptyFormat)


def test_kernels_are_told_apart_by_what_they_can() -> None:
    """A device returns kernels and update kernels alike; isinstance tells which is which."""
    request = KernelRequest("Neg", "negate", {}, (float32,), (float32,))
    kernel = choose(request)
    assert isinstance(kernel, Kernel)
    assert not isinstance(kernel, UpdateKernel)
    assert_type(request.input_dtypes[0].is_floating, bool)
