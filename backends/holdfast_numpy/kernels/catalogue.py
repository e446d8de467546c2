"""Fills the table of overrides: imports every module that enters some."""

from __future__ import annotations

from holdfast.kernels.array_backend import Overrides
from holdfast_numpy.kernels import (  # noqa: F401  (they enter what they have)
    activations,
    assigning,
    bias,
    casting,
    convolution,
    elementwise,
    filling,
    formulas,
    gathering,
    joining,
    l2_loss,
    matmul,
    pooling,
    reductions,
    reshaping,
    scattering,
    selecting,
    softmax,
    sums,
    training,
)
from holdfast_numpy.kernels.registry import OVERRIDES


def overrides() -> Overrides:
    """Return all overrides, by op type."""
    return OVERRIDES
