"""Training: optimisers, gradients, the global step, and TensorFlow's names for savers and checkpoints."""

from typing import Any

from holdfast import protos
from holdfast.checkpoint import (
    checkpoint_exists,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    update_checkpoint_state,
)
from holdfast.saver import Saver
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
from holdfast.train.preemption import PreemptionGuard

__all__ = [
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "PreemptionGuard",
    "Saver",
    "SaverDef",
    "assert_global_step",
    "checkpoint_exists",
    "create_global_step",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
    "latest_checkpoint",
    "update_checkpoint_state",
]


def __getattr__(name: str) -> Any:
    """Find the message class, which is built at first use."""
    if name == "SaverDef":
        return protos.SaverDef
    raise AttributeError(f"module 'holdfast.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
