"""A perceptron 784-200-10: its inputs, and its forward pass and training step in NumPy, written for speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 0.01
PROOF_STEPS = 3
SIZES = (784, 200, 10)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch, and what the parameters are at the start."""

    images: NDArray[np.float32]
    labels: NDArray[np.int32]
    parameters: tuple[NDArray[np.float32], ...]
    """Weights and biases of both layers: w1, b1, w2, b2."""


def inputs(batch: int) -> Inputs:
    """Return the same for everyone."""
    rng = np.random.default_rng(7)
    size_in, hidden, classes = SIZES
    return Inputs(
        rng.random((batch, size_in), np.float32),
        rng.integers(0, classes, batch, np.int32),
        (
            rng.standard_normal((size_in, hidden), np.float32) * np.float32((2 / size_in) ** 0.5),
            np.zeros(hidden, np.float32),
            rng.standard_normal((hidden, classes), np.float32) * np.float32((1 / hidden) ** 0.5),
            np.zeros(classes, np.float32),
        ),
    )


def factors(batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return what the large products of a step are of: images, first weights, gradient of the hidden layer."""
    given = inputs(batch)
    slope = np.random.default_rng(23).standard_normal((batch, SIZES[1]), np.float32)
    return given.images, given.parameters[0], slope


class NumpyPerceptron:
    """Every array is made once; each step writes into them."""

    def __init__(self, given: Inputs) -> None:
        self.parameters = tuple(array.copy() for array in given.parameters)
        _, self._b1, w2, _ = self.parameters
        batch, (hidden, classes) = len(given.images), w2.shape
        self._gradients = tuple(np.empty_like(array) for array in self.parameters)
        self._hidden = np.empty((batch, hidden), np.float32)
        self._active = np.empty((batch, hidden), np.bool_)
        self._slope = np.empty((batch, hidden), np.float32)
        self._logits = np.empty((batch, classes), np.float32)
        self._column = np.empty((batch, 1), np.float32)
        self._rows = np.arange(batch)

    def forward(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits, in an array that the next call writes to."""
        w1, b1, w2, b2 = self.parameters
        hidden, logits = self._hidden, self._logits
        np.dot(images, w1, out=hidden)
        np.add(hidden, b1, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.dot(hidden, w2, out=logits)
        np.add(logits, b2, out=logits)
        return logits

    def step(self, images: NDArray[np.float32], labels: NDArray[Any]) -> np.float32:
        """Do one step of gradient descent and return the loss before it."""
        logits, column, rows = self.forward(images), self._column, self._rows
        np.max(logits, axis=1, keepdims=True, out=column)
        np.subtract(logits, column, out=logits)
        chosen = logits[rows, labels]
        np.exp(logits, out=logits)
        np.sum(logits, axis=1, keepdims=True, out=column)
        loss: np.float32 = np.mean(np.log(column[:, 0]) - chosen)
        np.divide(logits, column, out=logits)
        logits[rows, labels] -= 1
        np.multiply(logits, np.float32(1 / len(rows)), out=logits)
        self._descend(images, logits)
        return loss

    def _descend(self, images: NDArray[np.float32], slope: NDArray[np.float32]) -> None:
        """Follow the gradient, from that of the logits."""
        w2 = self.parameters[2]
        dw1, db1, dw2, db2 = self._gradients
        hidden, hidden_slope = self._hidden, self._slope
        np.dot(hidden.T, slope, out=dw2)
        np.sum(slope, axis=0, out=db2)
        np.dot(slope, w2.T, out=hidden_slope)
        np.greater(hidden, 0, out=self._active)
        np.multiply(hidden_slope, self._active, out=hidden_slope)
        np.dot(images.T, hidden_slope, out=dw1)
        np.sum(hidden_slope, axis=0, out=db1)
        for parameter, gradient in zip(self.parameters, self._gradients, strict=True):
            np.multiply(gradient, np.float32(RATE), out=gradient)
            np.subtract(parameter, gradient, out=parameter)
