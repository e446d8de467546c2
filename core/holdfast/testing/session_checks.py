"""A whole program: a session on the backend trains, saves and restores."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import Backend, BackendSpec
from holdfast.graph.default import device
from holdfast.graph.graph import Graph
from holdfast.graph.tensor import Tensor
from holdfast.ops.arithmetic import square
from holdfast.ops.cond import cond
from holdfast.ops.constants import constant
from holdfast.ops.matmul import matmul
from holdfast.ops.reductions import reduce_mean, reduce_sum
from holdfast.plugins import Origin, Plugins, load_config, use_plugins
from holdfast.plugins.loader import Additions, load
from holdfast.runtime.session import Session
from holdfast.testing.backend_suite import BackendSuite
from holdfast.train import GradientDescentOptimizer, Saver
from holdfast.variables.initialization import variables_initializer
from holdfast.variables.variable import Variable

_RATE = 0.1
_DATA = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
_WEIGHTS = np.array([[0.5, -1.0], [1.0, 0.25]], np.float32)


class _Program(NamedTuple):
    """A model, and what trains and saves it."""

    weights: Variable
    steps: Variable
    loss: Tensor
    train: Any
    saver: Saver


def _build(device_type: str) -> _Program:
    """Build a model of two variables whose loss takes another branch after the first step."""
    with device(f"/{device_type.lower()}:0"):
        weights = Variable(_WEIGHTS, name="weights")
        steps = Variable(0, trainable=False, name="steps", dtype=dtypes.int64)
        outputs = matmul(constant(_DATA), weights)
        loss = cond(reduce_sum(weights) > 0.0, lambda: reduce_mean(square(outputs)), lambda: reduce_sum(outputs))
        train = GradientDescentOptimizer(_RATE).minimize(loss, global_step=steps)
    return _Program(weights, steps, loss, train, Saver())


def _expected(steps: int) -> tuple[list[np.float64], NDArray[np.float64]]:
    """Return the losses and the weights that NumPy finds."""
    data, weights = _DATA.astype(np.float64), _WEIGHTS.astype(np.float64)
    losses = []
    for _ in range(steps):
        outputs = data @ weights
        squares = weights.sum() > 0
        losses.append(np.square(outputs).mean() if squares else outputs.sum())
        weights = weights - _RATE * data.T @ (2 * outputs / outputs.size if squares else np.ones_like(outputs))
    return losses, weights


def _plugins_with(backend: Backend) -> Plugins:
    """Return the installed plug-ins, with this very backend serving its device type."""
    config = load_config({"devices": {backend.device_type: backend.name}})
    loaded = load(config)
    spec = BackendSpec(backend.name, backend.device_type, lambda _: backend)
    loaded.additions = [
        replace(item, backends={name: other for name, other in item.backends.items() if name != spec.name})
        for item in loaded.additions
    ]
    loaded.additions.append(Additions(Origin("conformance-suite", None, None), {spec.name: spec}, {}))
    return Plugins(config, loaded)


class SessionChecks(BackendSuite):
    """The part of the suite that runs a session."""

    def test_a_session_trains_saves_and_restores(self, backend: Backend, tmp_path: Path) -> None:
        """Variables, a branch, gradients, a save and a restore in a new session give the values that NumPy finds."""
        with use_plugins(_plugins_with(backend)), Graph().as_default() as graph:
            program = _build(backend.device_type)
            missing = sorted({op.type for op in graph.get_operations()} & set(self.unsupported))
            if missing:
                pytest.skip(f"the program needs {', '.join(missing)}, declared as unsupported")
            with Session() as sess:
                sess.run(variables_initializer([program.weights, program.steps]))
                losses = [sess.run([program.loss, program.train])[0] for _ in range(2)]
                prefix = program.saver.save(sess, tmp_path / "model.ckpt")
                sess.run(program.train)
            with Session() as sess:
                program.saver.restore(sess, prefix)
                weights, steps = sess.run([program.weights, program.steps])
        expected_losses, expected_weights = _expected(2)
        assert isinstance(weights, np.ndarray)
        assert (weights.dtype, steps) == (np.float32, 2)
        tolerance = math.sqrt(self.tolerance["float32"])  # errors of several steps add up
        np.testing.assert_allclose(losses, expected_losses, rtol=tolerance)
        np.testing.assert_allclose(weights, expected_weights, rtol=tolerance, atol=tolerance)
