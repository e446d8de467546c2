"""Collections of a graph: named lists of anything, and the standard names."""

from __future__ import annotations

import re
from typing import Any


class GraphKeys:
    """Standard names of collections, with TensorFlow's values."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    CONCATENATED_VARIABLES = "concatenated_variables"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVEABLE_OBJECTS = "saveable_objects"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    # TensorFlow's deprecated name for GLOBAL_VARIABLES.
    VARIABLES = GLOBAL_VARIABLES


class Collections:
    """The collections of one graph."""

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists: dict[Any, list[Any]] = {}

    def add(self, name: Any, value: Any) -> None:
        """Append a value to a collection."""
        self._lists.setdefault(name, []).append(value)

    def get(self, name: Any, scope: str | None = None) -> list[Any]:
        """Return a new list of a collection's values; with ``scope``, of those whose ``name`` starts with a match."""
        values = self._lists.get(name, [])
        if scope is None:
            return list(values)
        pattern = re.compile(scope)
        return [v for v in values if hasattr(v, "name") and pattern.match(v.name)]

    def ref(self, name: Any) -> list[Any]:
        """Return the collection's own list."""
        return self._lists.setdefault(name, [])

    def names(self) -> list[Any]:
        """Return the names of all collections, in order of creation."""
        return list(self._lists)

    def clear(self, name: Any) -> None:
        """Empty and forget a collection."""
        self._lists.pop(name, None)
