"""PyTorch on the CPU, eager: batches come as NumPy arrays, the loss goes back as a number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.bench.peers import files
from tests.bench.row import Contestant, Factory, Proof, ready, stepping
from tests.bench.threads import pinned
from tests.bench.workloads import convnet, mlp, updates
from tests.bench.workloads.checkpoints import Arrays
from tests.bench.workloads.imports import importing
from tests.bench.workloads.scalars import CHAIN, FED

torch.set_num_threads(pinned())


def facts() -> dict[str, str]:
    """Return version and threads."""
    blas = "MKL" if torch.backends.mkl.is_available() else "another than MKL"
    return {"torch": torch.__version__, "threads": str(torch.get_num_threads()), "blas": blas}


def _fed_add() -> Contestant:
    def add() -> Any:
        return (torch.tensor(FED) + 1.0).item()

    return stepping(add, lambda: [np.asarray(add())])


def _chained_adds() -> Contestant:
    def add() -> Any:
        x = total = torch.tensor(FED)
        for _ in range(CHAIN):
            total = total + x
        return total.item()

    return stepping(add, lambda: [np.asarray(add())])


def _parameters(values: Any) -> list[Any]:
    """Return trainable copies."""
    return [torch.from_numpy(value.copy()).requires_grad_() for value in values]


def _logits(images: Any, parameters: list[Any]) -> Any:
    w1, b1, w2, b2 = parameters
    return torch.addmm(b2, torch.relu(torch.addmm(b1, images, w1)), w2)


def _forward() -> Contestant:
    given = mlp.inputs(32)
    parameters = _parameters(given.parameters)

    def run() -> Any:
        with torch.no_grad():
            return _logits(torch.from_numpy(given.images), parameters).numpy()

    return stepping(run, lambda: [run()])


def _training(batch: int) -> Contestant:
    given = mlp.inputs(batch)
    parameters = _parameters(given.parameters)
    optimizer = torch.optim.SGD(parameters, lr=mlp.RATE)
    labels = given.labels.astype(np.int64)  # the only integers that it takes as classes

    def step() -> Any:
        optimizer.zero_grad()
        loss = functional.cross_entropy(_logits(torch.from_numpy(given.images), parameters), torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        return loss.item()

    def proof() -> Proof:
        losses = [step() for _ in range(mlp.PROOF_STEPS)]
        return [np.array(losses), *(parameter.detach().numpy() for parameter in parameters)]

    return stepping(step, proof)


def _product(batch: int, *, gradient: bool) -> Contestant:
    images, weights, slope = map(torch.from_numpy, mlp.factors(batch))
    first, second = (images.T, slope) if gradient else (images, weights)
    out = torch.empty(first.shape[0], second.shape[1])

    def run() -> Any:
        return torch.mm(first, second, out=out)

    return stepping(run, lambda: [run().numpy()])


def _convnet() -> Contestant:
    given = convnet.inputs(convnet.BATCH)
    w1, w2, w3, *rest = given.weights
    # Its images are NCHW and its filters OIHW, so the first matrix takes its inputs in another order.
    w3 = w3.reshape(5, 5, 16, -1).transpose(2, 0, 1, 3).reshape(w3.shape)
    weights = _parameters([*(w.transpose(3, 2, 0, 1) for w in (w1, w2)), w3, *rest])
    biases = _parameters(given.biases)
    optimizer = torch.optim.SGD([*weights, *biases], lr=convnet.RATE)
    images, labels = given.images.transpose(0, 3, 1, 2).copy(), given.labels.astype(np.int64)

    def step() -> Any:
        optimizer.zero_grad()
        values = torch.from_numpy(images)
        for filters, bias, padding in zip(weights[:2], biases[:2], (2, 0), strict=True):
            values = functional.max_pool2d(torch.relu(functional.conv2d(values, filters, bias, padding=padding)), 2)
        values = values.flatten(1)
        for matrix, bias in zip(weights[2:-1], biases[2:-1], strict=True):
            values = torch.relu(torch.addmm(bias, values, matrix))
        loss = functional.cross_entropy(torch.addmm(biases[-1], values, weights[-1]), torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        return loss.item()

    def proof() -> Proof:
        losses = [step() for _ in range(convnet.PROOF_STEPS)]
        return [np.array(losses), *(value.detach().numpy() for value in (*biases, weights[-1]))]

    return stepping(step, proof)


def _adam() -> Contestant:
    start, slope = updates.adam_inputs()
    variable = torch.from_numpy(start).requires_grad_()
    variable.grad = torch.from_numpy(slope)
    betas = (updates.BETA1, updates.BETA2)
    optimizer = torch.optim.Adam([variable], lr=updates.RATE, betas=betas, eps=updates.EPSILON, fused=True)

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            optimizer.step()
        return [variable.detach().numpy()]

    return stepping(optimizer.step, proof)


@contextmanager
def _embedding() -> Iterator[Contestant]:
    numbers, values = updates.row_numbers(updates.TABLE_ROWS), updates.row_values()
    table = torch.full((updates.TABLE_ROWS, updates.WIDTH), 0.0)

    def step() -> None:
        table.index_add_(0, torch.from_numpy(numbers), torch.from_numpy(values), alpha=-1)

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            step()
        return [table[torch.from_numpy(numbers)].numpy()]

    yield stepping(step, proof)


def _tensors(arrays: Arrays) -> dict[str, Any]:
    """Return arrays as torch's tensors."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _load(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(path, weights_only=True)
    return loaded


ROWS: dict[str, Factory] = {
    **files.rows(torch.save, _load, prepare=_tensors),
    "run-fed-add": ready(_fed_add),
    "chained-adds": ready(_chained_adds),
    "mlp-forward-32": ready(_forward),
    "sgd-step-32": ready(partial(_training, 32)),
    "sgd-step-128": ready(partial(_training, 128)),
    "matmul-32": ready(partial(_product, 32, gradient=False)),
    "matmul-gradient-32": ready(partial(_product, 32, gradient=True)),
    "matmul-128": ready(partial(_product, 128, gradient=False)),
    "matmul-gradient-128": ready(partial(_product, 128, gradient=True)),
    "convnet-step-32": ready(_convnet),
    "adam-10m": ready(_adam),
    "embedding-update": _embedding,
    "import": importing("import torch"),
}
