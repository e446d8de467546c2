"""Random tensors. Values differ from TensorFlow's, distributions do not; see the guide on random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast import dtypes
from holdfast.graph import get_seed, name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import AttrDef, define_op, integer, not_differentiable, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.sequences import zeros_like
from holdfast.ops.static import constant_value, constant_value_as_shape
from holdfast.shapes import TensorShape

__all__ = [
    "multinomial",
    "random_gamma",
    "random_normal",
    "random_poisson",
    "random_shuffle",
    "random_uniform",
    "truncated_normal",
]

_SEEDS: dict[str, AttrDef] = {"seed": integer(0), "seed2": integer(0)}
_FLOATING = type_attr(dtypes.float16, dtypes.float32, dtypes.float64)
_INDEX = type_attr(dtypes.int32, dtypes.int64)
_REAL = type_attr(*number_types.ORDERED)


def _said_shape(op: Operation) -> list[TensorShape]:
    shape_rules.check_rank(op._inputs[0]._shape, 1)
    return [constant_value_as_shape(op._inputs[0])]


def _said_shape_and_parameters(op: Operation) -> list[TensorShape]:
    (said,) = _said_shape(op)
    return [said.concatenate(op.inputs[1].shape)]


def _multinomial_shape(op: Operation) -> list[TensorShape]:
    rows, _ = shape_rules.of_rank(op.inputs[0].shape, 2)
    shape_rules.of_rank(op.inputs[1].shape, 0)
    count = constant_value(op.inputs[1])
    if count is not None and count < 0:
        raise ValueError(f"Dimension size, given by scalar input 1, must be non-negative but is {count}")
    return [TensorShape([rows, None if count is None else int(count)])]


for _name in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
    define_op(
        _name,
        "shape: T -> output: dtype",
        attrs={**_SEEDS, "dtype": _FLOATING, "T": _INDEX},
        shape=_said_shape,
        stateful=True,
    )
define_op(
    "RandomUniformInt",
    "shape: T, minval: Tout, maxval: Tout -> output: Tout",
    attrs={**_SEEDS, "Tout": _INDEX, "T": _INDEX},
    shape=_said_shape,
    stateful=True,
)
define_op(
    "RandomShuffle",
    "value: T -> output: T",
    attrs={**_SEEDS, "T": type_attr()},
    shape=shape_rules.first_input,
    stateful=True,
)
define_op(
    "Multinomial",
    "logits: T, num_samples: int32 -> output: int64",
    attrs={**_SEEDS, "T": _REAL},
    shape=_multinomial_shape,
    stateful=True,
)
define_op(
    "RandomGamma",
    "shape: S, alpha: T -> output: T",
    attrs={**_SEEDS, "S": _INDEX, "T": _FLOATING},
    shape=_said_shape_and_parameters,
    stateful=True,
)
define_op(
    "RandomPoisson",
    "shape: S, rate: dtype -> output: dtype",
    attrs={**_SEEDS, "S": _INDEX, "dtype": _FLOATING},
    shape=_said_shape_and_parameters,
    stateful=True,
)
not_differentiable(
    "RandomUniform",
    "RandomStandardNormal",
    "TruncatedNormal",
    "RandomUniformInt",
    "Multinomial",
    "RandomGamma",
    "RandomPoisson",
)


def _shape_tensor(shape: Any) -> Tensor:
    """Return a shape as a tensor; an empty list is one of integers."""
    dtype = dtypes.int32 if isinstance(shape, Sequence) and not len(shape) else None
    return convert_to_tensor(shape, dtype=dtype, name="shape")


def _draw(op_type: str, *inputs: Any, seed: int | None, name: str | None = None, **attrs: Any) -> Tensor:
    """Return the output of a random op."""
    first, second = get_seed(seed)
    return apply_op(op_type, *inputs, seed=first, seed2=second, name=name, **attrs).outputs[0]


def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers of a normal distribution.

    Parameters
    ----------
    shape
        Shape of the draw: a vector of integers.
    mean, stddev
        Of the distribution; they broadcast against the draw.
    dtype
        float16, float32 or float64.
    seed
        Seed of the op: with one, or with that of ``set_random_seed``, each new session draws the same numbers.
    """
    return _normal("RandomStandardNormal", "random_normal", shape, mean, stddev, dtype, seed, name)


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers of a normal distribution, those farther than two standard deviations from the mean drawn again.

    Parameters as for :func:`random_normal`.
    """
    return _normal("TruncatedNormal", "truncated_normal", shape, mean, stddev, dtype, seed, name)


def _normal(
    op_type: str,
    default_name: str,
    shape: Any,
    mean: Any,
    stddev: Any,
    dtype: Any,
    seed: int | None,
    name: str | None,
) -> Tensor:
    """Return a draw of a standard distribution, scaled and moved."""
    with name_scope(name, default_name, [shape, mean, stddev]) as scope:
        shape = _shape_tensor(shape)
        dtype = dtypes.as_dtype(dtype)
        mean = convert_to_tensor(mean, dtype=dtype, name="mean")
        stddev = convert_to_tensor(stddev, dtype=dtype, name="stddev")
        scaled = _draw(op_type, shape, seed=seed, dtype=dtype) * stddev
        return apply_op("Add", scaled, mean, name=scope).outputs[0]


def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers from ``minval`` up to, but without, ``maxval``, all equally likely.

    Parameters
    ----------
    shape
        Shape of the result: a vector of integers.
    minval, maxval
        Bounds; ``maxval`` is 1 by default, and must be given for integers, for which both are scalars.
    dtype
        float16, float32, float64, int32 or int64.
    seed
        Seed of the op, see :func:`random_normal`.

    Raises
    ------
    ValueError
        If the dtype is none of these, or ``maxval`` is missing for integers.
    """
    dtype = dtypes.as_dtype(dtype)
    if dtype not in {dtypes.float16, dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64}:
        raise ValueError(f"Invalid dtype {dtype!r}")
    if maxval is None:
        if dtype.is_integer:
            raise ValueError(f"Must specify maxval for integer dtype {dtype!r}")
        maxval = 1
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        shape = _shape_tensor(shape)
        minval = convert_to_tensor(minval, dtype=dtype, name="min")
        maxval = convert_to_tensor(maxval, dtype=dtype, name="max")
        if dtype.is_integer:
            return _draw("RandomUniformInt", shape, minval, maxval, seed=seed, name=scope)
        drawn = _draw("RandomUniform", shape, seed=seed, dtype=dtype)
        return apply_op("Add", drawn * (maxval - minval), minval, name=scope).outputs[0]


def random_shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return ``value`` with its elements along the first dimension in random order, all orders equally likely."""
    return _draw("RandomShuffle", value, seed=seed, name=name)


def multinomial(logits: Any, num_samples: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return numbers of classes, drawn with the probabilities ``softmax(logits)``.

    Parameters
    ----------
    logits
        ``[batch, classes]``; an element that is not finite has probability 0.
    num_samples
        How many to draw, with replacement, for each row.
    seed
        Seed of the op, see :func:`random_normal`.

    Returns
    -------
    Tensor
        int64 ``[batch, num_samples]``.
    """
    with name_scope(name, "multinomial", [logits]):
        logits = convert_to_tensor(logits, name="logits")
        return _draw("Multinomial", logits, num_samples, seed=seed)


def random_gamma(
    shape: Any,
    alpha: Any,
    beta: Any = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers of gamma distributions, never 0.

    Parameters
    ----------
    shape
        Shape of the draw for each pair of parameters.
    alpha, beta
        Shape and inverse scale of the distributions; they broadcast against each other. ``beta`` is 1 by default.
    dtype
        float16, float32 or float64.
    seed
        Seed of the op, see :func:`random_normal`.

    Returns
    -------
    Tensor
        Of the shape ``shape + (alpha + beta).shape``.
    """
    with name_scope(name, "random_gamma", [shape, alpha, beta]):
        shape = convert_to_tensor(shape, name="shape", dtype=dtypes.int32)
        alpha = convert_to_tensor(alpha, name="alpha", dtype=dtype)
        beta = convert_to_tensor(1 if beta is None else beta, name="beta", dtype=dtype)
        drawn = _draw("RandomGamma", shape, alpha + zeros_like(beta), seed=seed)
        tiny = np.finfo(alpha.dtype.as_numpy_dtype).tiny
        return apply_op("Maximum", tiny, drawn / beta).outputs[0]


def random_poisson(
    lam: Any, shape: Any, dtype: Any = dtypes.float32, seed: int | None = None, name: str | None = None
) -> Tensor:
    """Return numbers of Poisson distributions.

    Parameters
    ----------
    lam
        Rates; not negative.
    shape
        Shape of the draw for each rate.
    dtype
        float16, float32 or float64.
    seed
        Seed of the op, see :func:`random_normal`.

    Returns
    -------
    Tensor
        Of the shape ``shape + lam.shape``.
    """
    with name_scope(name, "random_poisson", [lam, shape]):
        lam = convert_to_tensor(lam, name="lam", dtype=dtype)
        shape = convert_to_tensor(shape, name="shape", dtype=dtypes.int32)
        return _draw("RandomPoisson", shape, lam, seed=seed)
