"""Products of matrices: transposes are passed to the BLAS, which reads the factors where they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, Scratch, Source
from holdfast.kernels.elementwise import is_smooth
from holdfast_numpy.kernels.abilities import Computed, call_with
from holdfast_numpy.kernels.registry import fallback, is_half, override

_LARGE = 1 << 16
"""From so many bytes on it counts that ``dot`` clears what it writes to, and ``matmul`` does not."""


def _product(a: Array, b: Array, out: Array | None) -> Array:
    """Return the product of two matrices."""
    # `dot` is the same product as `matmul`, called in a third of the time; it takes columns times rows, as the gradient
    # of a weight for one example is, to the BLAS too, and factors that the BLAS cannot read where they lie.
    rows, columns = a.shape[0], b.shape[1]
    large = rows * columns * a.itemsize >= _LARGE and rows > 1 and columns > 1 and a.shape[1] > 1
    if large and a.flags.forc and b.flags.forc:
        return np.matmul(a, b, out)
    return a.dot(b, out)


@dataclass(frozen=True, slots=True)
class _MatMul:
    """A product, as a function, into a buffer, and as source."""

    transposes: tuple[bool, ...]
    """Whether the factors are turned."""
    rest: Callable[..., Array]
    """The generic kernel."""

    def compute(self, a: Array, b: Array) -> Array:
        """Return the product."""
        if a.ndim == b.ndim == 2:
            try:
                return _product(*self._turned(a, b), None)
            except ValueError:
                pass
        return self.rest(a, b)

    def write(self, out: Array, a: Array, b: Array) -> None:
        """Write the product."""
        if a.ndim == b.ndim == 2 and out.flags.c_contiguous:
            try:
                _product(*self._turned(a, b), out)
            except ValueError:
                pass
            else:
                return
        np.copyto(out, self.rest(a, b))

    def _turned(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Return the factors as they are multiplied."""
        return a.T if self.transposes[0] else a, b.T if self.transposes[1] else b

    def source(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        """Return the call of what multiplies such factors."""
        if not outputs or any(len(operand.shape) != 2 for operand in operands):
            return None
        a, b = (f"{name}.T" if turned else name for name, turned in zip(inputs, self.transposes, strict=True))
        if outputs[0].nbytes >= _LARGE:
            return call_with(_product, (a, b, "_k_out"), _k_out=outputs[0])
        return f"{a}.dot({b}, _k_out)", {"_k_out": outputs[0]}


@override("MatMul")
def _(request: KernelRequest) -> Kernel | None:
    if is_half(request) or not is_smooth(request):
        return None
    product = _MatMul((request.attrs["transpose_a"], request.attrs["transpose_b"]), fallback(request).function)
    return Computed(product.compute, product.write, product.source)


@override("BatchMatMul")
def _(request: KernelRequest) -> Kernel | None:
    if is_half(request) or request.input_dtypes[0].is_complex:
        return None
    rest: Callable[..., Array] = fallback(request).function
    adj_x, adj_y = request.attrs["adj_x"], request.attrs["adj_y"]

    def write(out: Array, x: Array, y: Array) -> None:
        if x.ndim < 2 or x.ndim != y.ndim or x.shape[:-2] != y.shape[:-2]:
            np.copyto(out, rest(x, y))
            return
        try:
            np.matmul(x.mT if adj_x else x, y.mT if adj_y else y, out)
        except ValueError:
            np.copyto(out, rest(x, y))

    return Computed(rest, write)
