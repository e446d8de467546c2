"""What tests of operations share: values, tensors that tell nothing beforehand, and running them."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.graph import Tensor
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder_with_default
from holdfast.runtime import Session


def floats(values: Any) -> Any:
    """Return values as a float32 array."""
    return np.array(values, np.float32)


def ints(values: Any) -> Any:
    """Return values as an int32 array."""
    return np.array(values, np.int32)


def run(element: Any, feed_dict: Any = None) -> Any:
    """Return what a new session gives for a fetch."""
    with Session() as session:
        return session.run(element, feed_dict)


def vague(value: Any) -> Tensor:
    """Return a tensor whose static shape and value are not known."""
    return placeholder_with_default(constant(value), None)
