"""Training: optimisers, gradients and the global step."""

from holdfast.train.adam import AdamOptimizer
from holdfast.train.global_steps import (
    assert_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    global_step,
)
from holdfast.train.gradient_descent import GradientDescentOptimizer
from holdfast.train.momentum import MomentumOptimizer
from holdfast.train.optimizer import Optimizer

__all__ = [
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "assert_global_step",
    "create_global_step",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
]
