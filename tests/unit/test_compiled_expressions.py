"""Expressions of kernels in compiled plans: what is taken, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import holdfast as tf
from holdfast.contracts import Source
from holdfast.runtime.expressions import inline


def fixed(text: str, objects: Mapping[str, Any]) -> Callable[[tuple[str, ...]], Source]:
    """Return what a kernel with one expression writes over given names."""
    return lambda names: (text.format(*names), objects)


def test_names_are_the_compilers() -> None:
    """Inputs and objects get the names that the compiler gives."""
    kernel = fixed("_k_clip({0} + {1} * {0}, _k_low)", {"_k_clip": max, "_k_low": 3})
    given: dict[str, object] = {}

    def constant(value: object) -> str:
        given[f"k{len(given)}"] = value
        return f"k{len(given) - 1}"

    assert inline(kernel, ("r4", "r1"), constant) == "(k0(r4 + r1 * r4, k1))"
    assert given == {"k0": max, "k1": 3}


def test_a_kernel_may_have_none() -> None:
    """Then nothing is written for it."""
    assert inline(lambda _: None, ("r0",), str) is None


@pytest.mark.parametrize(
    "text, problem",
    [
        ("{0} + other", "uses the name other"),
        ("__import__", "uses the name __import__"),
        ("{0}; 1", "is not an expression"),
        ("[x for x in {0}]", "contains ListComp"),
        ("lambda: {0}", "contains Lambda"),
        ("({0} := 1)", "contains NamedExpr"),
        ("{0} + 'text'", "contains the literal 'text'"),
        ("{0}.__class__", "uses the private attribute __class__"),
        ("({0} +\n1)", "is not one line"),
    ],
)
def test_what_is_no_plain_expression_is_refused(text: str, problem: str) -> None:
    """The error says what is wrong with the kernel."""
    with pytest.raises(tf.errors.InternalError, match=problem):
        inline(fixed(text, {}), ("r0",), str)
