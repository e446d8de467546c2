"""Updates that are as large as memory, or as small as a few rows of it: their inputs, and NumPy's way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ADAM_SIZE = 10_000_000
RATE, BETA1, BETA2, EPSILON = 0.001, 0.9, 0.999, 1e-8
TABLE_ROWS, SMALL_TABLE_ROWS, WIDTH, TOUCHED = 1_000_000, 10_000, 64, 1_000
PROOF_STEPS = 3


def adam_inputs() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a variable and its gradient."""
    rng = np.random.default_rng(11)
    return rng.standard_normal(ADAM_SIZE, np.float32), rng.standard_normal(ADAM_SIZE, np.float32)


def row_numbers(rows: int) -> NDArray[np.int32]:
    """Return different rows of a table, in no order."""
    return np.random.default_rng(13).permutation(rows)[:TOUCHED].astype(np.int32)


def row_values() -> NDArray[np.float32]:
    """Return what is to be subtracted from the rows."""
    return np.random.default_rng(17).standard_normal((TOUCHED, WIDTH), np.float32)


class NumpyAdam:
    """Adam as in section 2 of its paper, with a pass over memory for each operation, and nothing allocated."""

    def __init__(self, variable: NDArray[np.float32]) -> None:
        self.variable = variable
        self._m, self._v = np.zeros_like(variable), np.zeros_like(variable)
        self._first, self._second = np.empty_like(variable), np.empty_like(variable)
        self._powers = [1.0, 1.0]

    def step(self, gradient: NDArray[np.float32]) -> None:
        """Follow the gradient."""
        self._powers = [self._powers[0] * BETA1, self._powers[1] * BETA2]
        rate = RATE * (1 - self._powers[1]) ** 0.5 / (1 - self._powers[0])
        change, root = self._first, self._second
        np.multiply(self._m, np.float32(BETA1), out=self._m)
        np.multiply(gradient, np.float32(1 - BETA1), out=change)
        np.add(self._m, change, out=self._m)
        np.multiply(self._v, np.float32(BETA2), out=self._v)
        np.multiply(gradient, gradient, out=change)
        np.multiply(change, np.float32(1 - BETA2), out=change)
        np.add(self._v, change, out=self._v)
        np.sqrt(self._v, out=root)
        np.add(root, np.float32(EPSILON), out=root)
        np.divide(self._m, root, out=root)
        np.multiply(root, np.float32(rate), out=root)
        np.subtract(self.variable, root, out=self.variable)
