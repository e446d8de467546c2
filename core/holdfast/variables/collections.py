"""The variables of the default graph, by collection."""

from __future__ import annotations

import warnings
from typing import Any

from holdfast.graph import GraphKeys, get_collection


def global_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that sessions of a cluster share: all by default.

    Parameters
    ----------
    scope
        Regular expression that must match a variable's name from its beginning.

    Returns
    -------
    A new list.
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that belong to one process and are not saved; see :func:`global_variables`."""
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def model_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that inference needs; see :func:`global_variables`."""
    return get_collection(GraphKeys.MODEL_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that optimisers train by default; see :func:`global_variables`."""
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def moving_average_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that moving averages are kept of; see :func:`global_variables`."""
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def all_variables() -> list[Any]:
    """Return :func:`global_variables`; deprecated name."""
    warnings.warn("all_variables is deprecated; use global_variables.", DeprecationWarning, stacklevel=2)
    return global_variables()
