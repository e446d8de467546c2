"""What kernels can do beyond being called. As ``isinstance`` with the contracts' protocols, but many times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from holdfast.contracts import (
        AliasingKernel,
        ExpressionKernel,
        InPlaceKernel,
        IntoKernel,
        PlainKernel,
        ShapedKernel,
        ShapedUpdateKernel,
    )


def may_alias(kernel: Any) -> TypeGuard[AliasingKernel]:
    """Whether a kernel names inputs that its outputs may share memory with."""
    return hasattr(kernel, "aliases")


def has_into(kernel: Any) -> TypeGuard[IntoKernel]:
    """Whether a kernel can compute into buffers."""
    return hasattr(kernel, "into")


def has_expression(kernel: Any) -> TypeGuard[ExpressionKernel]:
    """Whether a kernel can be an expression."""
    return hasattr(kernel, "expression")


def is_plain(kernel: Any) -> TypeGuard[PlainKernel]:
    """Whether a kernel is a plain function of its inputs."""
    return hasattr(kernel, "plain")


def is_shaped(kernel: Any) -> TypeGuard[ShapedKernel]:
    """Whether a kernel can be source for inputs of known shapes."""
    return hasattr(kernel, "shaped")


def is_shaped_update(kernel: Any) -> TypeGuard[ShapedUpdateKernel]:
    """Whether an update kernel can be source for variables and inputs of known shapes."""
    return hasattr(kernel, "shaped_update")


def may_be_in_place(kernel: Any) -> TypeGuard[InPlaceKernel]:
    """Whether the output of a kernel may take the memory of an input."""
    return hasattr(kernel, "in_place")
