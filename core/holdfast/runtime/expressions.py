"""Expressions that kernels contribute to compiled plans: checked, and with names of the compiler's."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.contracts import Source

_OWN = "_k_"
"""What the names begin with that a kernel gives meaning to."""
_NAME = re.compile(r"\b(?:_x|_k_)\w+")
_ALLOWED = (
    ast.Expression,
    ast.Name,
    ast.Load,
    ast.Attribute,
    ast.Call,
    ast.keyword,
    ast.Constant,
    ast.Tuple,
    ast.Subscript,
    ast.Slice,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.IfExp,
    ast.BoolOp,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
)
"""What an expression may consist of."""


def inline(
    write: Callable[[tuple[str, ...]], Source | None], inputs: Sequence[str], constant: Callable[[object], str]
) -> str | None:
    """Return a kernel's expression over the given names, or None if it has none.

    Parameters
    ----------
    write
        From names to the kernel's source.
    inputs
        The names.
    constant
        Names the objects that the expression refers to.

    Raises
    ------
    InternalError
        If the kernel breaks its contract.
    """
    source = write(_placeholders(len(inputs)))
    if source is None:
        return None
    text, objects = source
    _check(text, len(inputs), frozenset(objects))
    renamed = {name: constant(value) for name, value in objects.items()}
    renamed.update(zip(_placeholders(len(inputs)), inputs, strict=True))
    return f"({_NAME.sub(lambda match: renamed[match[0]], text)})"


@lru_cache(maxsize=256)
def _placeholders(count: int) -> tuple[str, ...]:
    """Return the names that stand for inputs until the real ones are put in."""
    return tuple(f"_x{i}" for i in range(count))


@lru_cache(maxsize=4096)
def _check(text: str, inputs: int, own: frozenset[str]) -> None:
    """Raise unless a text is one expression, over the given names only and without text of its own."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except SyntaxError as error:
        raise _broken(text, f"is not an expression: {error.msg}") from error
    known = {*_placeholders(inputs), *own}
    for node in nodes:
        if not isinstance(node, _ALLOWED):
            raise _broken(text, f"contains {type(node).__name__}")
        if isinstance(node, ast.Constant) and not isinstance(node.value, (bool, int, float, complex, type(None))):
            raise _broken(text, f"contains the literal {node.value!r}; objects are given by name")
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise _broken(text, f"uses the private attribute {node.attr}")
        if isinstance(node, ast.Name) and node.id not in known:
            raise _broken(text, f"uses the name {node.id}, which is neither an input nor one of its own")
    if "\n" in text or not all(name.startswith(_OWN) for name in own):
        raise _broken(text, f"is not one line, or names objects that do not begin with {_OWN}")


def _broken(text: str, why: str) -> errors.InternalError:
    """Return the error for an expression that breaks the contract."""
    return errors.InternalError(None, None, f"The expression of a kernel, {text!r}, {why}.")
