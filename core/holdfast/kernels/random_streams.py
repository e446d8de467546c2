"""Generators of random ops: one counter-based stream per op, one disjoint part of it per execution."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import RunContext
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.shape_text import shape_text

_WORD = (1 << 64) - 1


class _Local(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.draw = np.random.Generator(np.random.Philox(0))


_local = _Local()


def generator(context: RunContext, op_name: str, seed: int, seed2: int) -> np.random.Generator:
    """Return the generator for this execution of an op: to be used at once, as the thread has only one.

    Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) maps a 128-bit key and a 256-bit counter
    to random bits. The key is the op's; the upper half of the counter is the number of the execution, and the lower one
    runs within it: no execution can reach the numbers of another.
    """
    key0, key1, execution = context.random_key(op_name, seed, seed2)
    draw = _local.draw
    # As a new Philox(key=..., counter=...), which would be seeded first, from a hash that takes its time.
    draw.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"key": (key0 & _WORD, key1 & _WORD), "counter": (0, 0, execution & _WORD, execution >> 64)},
        "buffer": (0, 0, 0, 0),
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return draw


def shape_argument(shape: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape that an op was given; InvalidArgumentError if it is none."""
    if shape.ndim != 1:
        raise InvalidArgumentError(
            None, None, f"shape must be a vector of {{int32,int64}}, got shape {shape_text(shape.shape)}"
        )
    dims = int_tuple(shape)
    for dim in dims:
        if dim < 0:
            raise InvalidArgumentError(None, None, f"Dimension {dim} must be >= 0")
    return dims


def uniform(draw: np.random.Generator, shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Return numbers in [0, 1), evenly spaced over what the dtype can tell apart below 1."""
    if dtype == np.float16:
        return (draw.integers(0, 1 << 11, size=shape, dtype=np.uint16) * np.float32(2.0**-11)).astype(np.float16)
    return draw.random(size=shape, dtype=dtype)


def normal(draw: np.random.Generator, shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Return numbers of the standard normal distribution."""
    if dtype == np.float16:
        return draw.standard_normal(size=shape, dtype=np.float32).astype(np.float16)
    return draw.standard_normal(size=shape, dtype=dtype)


def truncated_normal(draw: np.random.Generator, shape: Sequence[int], dtype: Any, bound: float = 2.0) -> NDArray[Any]:
    """Return numbers of the standard normal distribution, given that they are nearer to 0 than ``bound``."""
    result = normal(draw, (int(np.prod(shape, dtype=np.int64)),), dtype)
    outside = np.flatnonzero(np.abs(result) >= bound)
    while outside.size:
        # Only what was refused is drawn again, so that a large array costs little more than a plain one.
        result[outside] = normal(draw, outside.shape, dtype)
        outside = outside[np.abs(result[outside]) >= bound]
    return result.reshape(shape)
