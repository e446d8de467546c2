"""A convolutional net of LeNet-5's size: its inputs, and its training step in NumPy.

28 x 28 x 1 -> convolution 5 x 5 x 6, same size -> largest of 2 x 2 -> convolution 5 x 5 x 16 -> largest of 2 x 2
-> 120 -> 84 -> 10, with max(0, x) in between. Images are NHWC, filters HWIO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.workloads.convolution import Convolution

BATCH = 32
RATE = 0.01
PROOF_STEPS = 3
SHAPES = ((5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, 10))
"""Of the weights; each comes with a bias of its last dimension."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch, and what the parameters are at the start."""

    images: Array
    labels: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def inputs(batch: int) -> Inputs:
    """Return the same for everyone."""
    rng = np.random.default_rng(19)
    images = rng.random((batch, 28, 28, 1), np.float32)
    labels = rng.integers(0, 10, batch, np.int32)
    scales = [np.float32((2 / np.prod(shape[:-1])) ** 0.5) for shape in SHAPES]
    weights = tuple(rng.standard_normal(shape, np.float32) * s for shape, s in zip(SHAPES, scales, strict=True))
    return Inputs(images, labels, weights, tuple(np.zeros(shape[-1], np.float32) for shape in SHAPES))


class NumpyConvnet:
    """Convolutions are matrix products of windows, which are laid out in arrays that are made once."""

    def __init__(self, given: Inputs) -> None:
        self.weights = tuple(array.copy() for array in given.weights)
        self.biases = tuple(array.copy() for array in given.biases)
        batch = len(given.images)
        self._convolutions = (
            Convolution((batch, 28, 28, 1), self.weights[0], self.biases[0], padding=2),
            Convolution((batch, 14, 14, 6), self.weights[1], self.biases[1], padding=0),
        )
        self._rows = np.arange(batch)

    def step(self, images: Array, labels: Array) -> np.float32:
        """Do one step of gradient descent and return the loss before it."""
        first, second = self._convolutions
        pooled = second.forward(first.forward(images))
        flat = pooled.reshape(len(images), -1)
        layers = [flat]
        for weights, biases in zip(self.weights[2:], self.biases[2:], strict=True):
            layers.append(layers[-1] @ weights)
            layers[-1] += biases
            if weights is not self.weights[-1]:
                np.maximum(layers[-1], 0, out=layers[-1])
        loss, slope = self._loss(layers.pop(), labels)
        for weights, biases in zip(self.weights[:1:-1], self.biases[:1:-1], strict=True):
            before = layers.pop()
            change = before.T @ slope
            np.subtract(biases, np.float32(RATE) * slope.sum(axis=0), out=biases)
            slope = slope @ weights.T
            slope *= before > 0
            change *= np.float32(RATE)
            np.subtract(weights, change, out=weights)
        back = second.backward(slope.reshape(pooled.shape), RATE)
        first.backward(back, RATE, first=True)
        return loss

    def _loss(self, logits: Array, labels: Array) -> tuple[np.float32, Array]:
        """Return the mean cross entropy and its gradient, in the memory of the logits."""
        rows = self._rows
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[rows, labels]
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        loss: np.float32 = np.mean(np.log(total[:, 0]) - chosen)
        logits /= total
        logits[rows, labels] -= 1
        logits *= np.float32(1 / len(rows))
        return loss, logits
