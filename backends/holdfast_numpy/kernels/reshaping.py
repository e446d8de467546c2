"""Arrays seen in another shape or order: views, their shapes worked out once."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_tuple
from holdfast_numpy.kernels.abilities import Viewed
from holdfast_numpy.kernels.arguments import Steering
from holdfast_numpy.kernels.registry import fallback, override


@override("Reshape")
def _(request: KernelRequest) -> Kernel:
    rest: Callable[..., Array] = fallback(request).function

    def reshape(x: Array, shape: Array) -> Array:
        if shape.ndim == 1 and shape.size:
            try:
                return x.reshape(sizes(shape))
            except ValueError:
                pass
        return rest(x, shape)

    sizes = Steering(_sizes)
    return Viewed(reshape)


def _sizes(shape: Array) -> tuple[int, ...]:
    """Return a shape with at most one -1, which NumPy resolves as TensorFlow does; anything else as one it refuses."""
    sizes = int_tuple(shape)
    return sizes if all(size >= -1 for size in sizes) else (-1, -1)


@override("ExpandDims")
def _(request: KernelRequest) -> Kernel:
    rest: Callable[..., Array] = fallback(request).function

    def expand(x: Array, dim: Array) -> Array:
        shape = shapes(dim, x.shape)
        return rest(x, dim) if shape is None else x.reshape(shape)

    shapes = Steering(_expanded)
    return Viewed(expand)


def _expanded(dim: Array, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return a shape with one dimension more, or None where there is no place for it."""
    values, rank = int_tuple(dim), len(shape)
    if len(values) != 1 or not -rank - 1 <= values[0] <= rank:
        return None
    at = values[0] % (rank + 1)
    return (*shape[:at], 1, *shape[at:])


@override("Transpose")
def _(request: KernelRequest) -> Kernel:
    rest: Callable[..., Array] = fallback(request).function

    def transpose(x: Array, perm: Array) -> Array:
        rank = x.ndim
        if perm.size != rank or not rank:
            return rest(x, perm)
        order = orders(perm)
        return rest(x, perm) if order is None else x.transpose(order)

    orders = Steering(_order)
    return Viewed(transpose)


def _order(perm: Array) -> tuple[int, ...] | None:
    """Return an order of axes, or None where it is none that may be taken as it is."""
    order = int_tuple(perm)
    return order if sorted(order) == list(range(len(order))) else None
