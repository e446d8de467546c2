"""JAX on the CPU: compiled functions that may reuse the memory of their arguments."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.bench.row import Contestant, Factory, Proof, ready, stepping
from tests.bench.workloads import convnet, mlp, updates
from tests.bench.workloads.imports import importing
from tests.bench.workloads.scalars import CHAIN, FED


def facts() -> dict[str, str]:
    """Return versions and how many processors it may use, which is how many threads it takes."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"jax": jax.__version__, "jaxlib": jax.lib.__version__, "threads": str(usable)}


def _adds(count: int) -> Contestant:
    def add(x: Any) -> Any:
        if count == 1:
            return x + 1.0
        total = x
        for _ in range(count):
            total = total + x
        return total

    compiled = jax.jit(add)

    def run() -> float:
        return float(compiled(FED))

    return stepping(run, lambda: [np.asarray(run())])


def _logits(parameters: Any, images: Any) -> Any:
    w1, b1, w2, b2 = parameters
    return jnp.maximum(images @ w1 + b1, 0) @ w2 + b2


def _cross_entropy(logits: Any, labels: Any) -> Any:
    logs = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()


class _Descent:
    """Gradient descent on a loss of parameters, images and labels."""

    def __init__(self, loss: Any, parameters: Any, rate: float) -> None:
        def step(values: Any, images: Any, labels: Any) -> Any:
            found, slopes = jax.value_and_grad(loss)(values, images, labels)
            return jax.tree.map(lambda value, slope: value - rate * slope, values, slopes), found

        self.parameters = jax.tree.map(jnp.array, parameters)
        self._step = jax.jit(step, donate_argnums=0)

    def step(self, images: Any, labels: Any) -> float:
        """Do a step and return the loss before it, when all is done."""
        self.parameters, loss = self._step(self.parameters, images, labels)
        return float(loss)


def _forward() -> Contestant:
    given = mlp.inputs(32)
    compiled = jax.jit(_logits)
    parameters = jax.tree.map(jnp.array, given.parameters)

    def run() -> Any:
        return np.asarray(compiled(parameters, given.images))

    return stepping(run, lambda: [run()])


def _training(batch: int) -> Contestant:
    given = mlp.inputs(batch)
    descent = _Descent(lambda p, x, y: _cross_entropy(_logits(p, x), y), given.parameters, mlp.RATE)
    step = partial(descent.step, given.images, given.labels)

    def proof() -> Proof:
        losses = [step() for _ in range(mlp.PROOF_STEPS)]
        return [np.array(losses), *map(np.asarray, descent.parameters)]

    return stepping(step, proof)


def _product(batch: int, *, gradient: bool) -> Contestant:
    images, weights, slope = map(jnp.array, mlp.factors(batch))
    first, second = (images, slope) if gradient else (images, weights)
    compiled = jax.jit(lambda a, b: a.T @ b if gradient else a @ b)

    def run() -> Any:
        return jax.block_until_ready(compiled(first, second))

    return stepping(run, lambda: [np.asarray(run())])


def _convnet_logits(parameters: Any, images: Any) -> Any:
    weights, biases = parameters
    values, layout = images, ("NHWC", "HWIO", "NHWC")
    for filters, bias, padding in zip(weights[:2], biases[:2], ("SAME", "VALID"), strict=True):
        maps = jax.lax.conv_general_dilated(values, filters, (1, 1), padding, dimension_numbers=layout)
        pairs = (1, 2, 2, 1)
        values = jax.lax.reduce_window(jnp.maximum(maps + bias, 0), -jnp.inf, jax.lax.max, pairs, pairs, "VALID")
    values = values.reshape(len(images), -1)
    for matrix, bias in zip(weights[2:-1], biases[2:-1], strict=True):
        values = jnp.maximum(values @ matrix + bias, 0)
    return values @ weights[-1] + biases[-1]


def _convnet() -> Contestant:
    given = convnet.inputs(convnet.BATCH)
    start = (given.weights, given.biases)
    descent = _Descent(lambda p, x, y: _cross_entropy(_convnet_logits(p, x), y), start, convnet.RATE)
    step = partial(descent.step, given.images, given.labels)

    def proof() -> Proof:
        losses = [step() for _ in range(convnet.PROOF_STEPS)]
        weights, biases = descent.parameters
        return [np.array(losses), *map(np.asarray, (*biases, weights[-1]))]

    return stepping(step, proof)


def _adam_step(state: Any, slope: Any) -> Any:
    variable, m, v, power1, power2 = state
    power1, power2 = power1 * updates.BETA1, power2 * updates.BETA2
    m = m * updates.BETA1 + slope * (1 - updates.BETA1)
    v = v * updates.BETA2 + slope * slope * (1 - updates.BETA2)
    rate = updates.RATE * jnp.sqrt(1 - power2) / (1 - power1)
    return variable - rate * m / (jnp.sqrt(v) + updates.EPSILON), m, v, power1, power2


def _adam() -> Contestant:
    start, slope = updates.adam_inputs()
    compiled, gradient = jax.jit(_adam_step, donate_argnums=0), jnp.array(slope)
    state = [jnp.array(start), jnp.zeros_like(start), jnp.zeros_like(start), jnp.float32(1), jnp.float32(1)]

    def step() -> None:
        state[:] = jax.block_until_ready(compiled(tuple(state), gradient))

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            step()
        return [np.asarray(state[0])]

    return stepping(step, proof)


def _embedding() -> Contestant:
    numbers, values = updates.row_numbers(updates.TABLE_ROWS), updates.row_values()
    compiled = jax.jit(lambda table, rows, changes: table.at[rows].add(-changes), donate_argnums=0)
    state = [jnp.zeros((updates.TABLE_ROWS, updates.WIDTH), jnp.float32)]

    def step() -> None:
        state[0] = jax.block_until_ready(compiled(state[0], numbers, values))

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            step()
        return [np.asarray(state[0][numbers])]

    return stepping(step, proof)


ROWS: dict[str, Factory] = {
    "run-fed-add": ready(partial(_adds, 1)),
    "chained-adds": ready(partial(_adds, CHAIN)),
    "mlp-forward-32": ready(_forward),
    "sgd-step-32": ready(partial(_training, 32)),
    "sgd-step-128": ready(partial(_training, 128)),
    "matmul-32": ready(partial(_product, 32, gradient=False)),
    "matmul-gradient-32": ready(partial(_product, 32, gradient=True)),
    "matmul-128": ready(partial(_product, 128, gradient=False)),
    "matmul-gradient-128": ready(partial(_product, 128, gradient=True)),
    "convnet-step-32": ready(_convnet),
    "adam-10m": ready(_adam),
    "embedding-update": ready(_embedding),
    "import": importing("import jax"),
}
