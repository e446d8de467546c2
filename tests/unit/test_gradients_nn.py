"""Gradients of neural-network ops against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

import holdfast as tf
from holdfast.testing.gradients import compute_gradient_error

Build: TypeAlias = Callable[..., Any]

_IMAGES, _KERNEL = (2, 5, 4, 2), (3, 2, 2, 3)
_WINDOW = [1, 2, 2, 1]


def _named(name: str) -> Build:
    """Return a function of ``tf.nn``."""
    function: Build = getattr(tf.nn, name)
    return function


def _conv(padding: str, strides: list[int], data_format: str = "NHWC") -> Build:
    """Return a convolution."""
    return lambda x, w: tf.nn.conv2d(x, w, strides, padding, data_format=data_format)


def _pool(name: str, padding: str) -> Build:
    """Return a pooling."""
    return lambda x: getattr(tf.nn, name)(x, [1, 3, 2, 1], [1, 2, 1, 1], padding)


CASES: dict[str, tuple[Build, list[tuple[int, ...]]]] = {
    **{
        name: (_named(name), [(3, 4)])
        for name in ("relu", "relu6", "elu", "selu", "softplus", "softsign", "leaky_relu", "crelu", "l2_loss")
    },
    **{name: (_named(name), [(3, 4)]) for name in ("softmax", "log_softmax")},
    "softmax of a middle dimension": (lambda x: tf.nn.softmax(x, dim=1), [(2, 3, 2)]),
    "softmax cross entropy": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], logits=x),
        [(2, 3)],
    ),
    "sparse softmax cross entropy": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[[2], [0]], logits=x),
        [(2, 1, 3)],
    ),
    "sigmoid cross entropy": (
        lambda x, z: tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x),
        [(2, 3), (2, 3)],
    ),
    "weighted cross entropy": (
        lambda x, z: tf.nn.weighted_cross_entropy_with_logits(z, x, 2.5),
        [(2, 3), (2, 3)],
    ),
    "bias_add": (tf.nn.bias_add, [(2, 3), (3,)]),
    "bias_add NCHW": (lambda x, b: tf.nn.bias_add(x, b, data_format="NCHW"), [(2, 3, 2, 2), (3,)]),
    "xw_plus_b": (_named("xw_plus_b"), [(2, 3), (3, 2), (2,)]),
    "relu_layer": (_named("relu_layer"), [(2, 3), (3, 2), (2,)]),
    "l2_normalize": (lambda x: tf.nn.l2_normalize(x, 1), [(2, 3)]),
    "conv2d SAME": (_conv("SAME", [1, 1, 1, 1]), [_IMAGES, _KERNEL]),
    "conv2d VALID with strides": (_conv("VALID", [1, 2, 1, 1]), [_IMAGES, _KERNEL]),
    "conv2d NCHW": (_conv("SAME", [1, 1, 2, 1], "NCHW"), [(1, 2, 4, 3), _KERNEL]),
    "conv2d_transpose": (
        lambda x, w: tf.nn.conv2d_transpose(x, w, [1, 5, 4, 2], [1, 2, 2, 1]),
        [(1, 3, 2, 3), (3, 2, 2, 3)],
    ),
    "conv2d_backprop_filter": (
        lambda x, g: tf.nn.conv2d_backprop_filter(x, [3, 2, 2, 3], g, [1, 1, 1, 1], "SAME"),
        [(1, 3, 3, 2), (1, 3, 3, 3)],
    ),
    **{
        f"{name} {padding}": (_pool(name, padding), [_IMAGES])
        for name in ("max_pool", "avg_pool")
        for padding in ("SAME", "VALID")
    },
    "batch_normalization": (
        lambda x, m, v, o, s: tf.nn.batch_normalization(x, m, v * v, o, s, 0.1),
        [(2, 3), (3,), (3,), (3,), (3,)],
    ),
    "moments, mean": (lambda x: tf.nn.moments(x, [0])[0], [(4, 2)]),
    "moments, variance": (lambda x: tf.nn.moments(x, [0, 1])[1], [(4, 2)]),
    "weighted_moments": (lambda x, w: tf.nn.weighted_moments(x, [0], w * w + 1)[1], [(4, 2), (4, 1)]),
    "top_k": (lambda x: tf.nn.top_k(x, 2).values, [(2, 2, 3)]),
}


def values(shapes: list[tuple[int, ...]]) -> list[NDArray[Any]]:
    """Return numbers that are apart from each other and from all bends, so that differences are smooth there."""
    result = []
    for i, shape in enumerate(shapes):
        count = int(np.prod(shape))
        spread = (np.arange(count) - count / 2 + 0.25) * (4.0 / count)
        result.append(np.random.default_rng(i).permutation(spread).reshape(shape))
    return result


@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    """The gradient by each input agrees with central differences."""
    build, shapes = CASES[name]
    starts = values(shapes)
    inputs = [tf.constant(start) for start in starts]
    y = build(*inputs)
    with tf.Session():
        error = compute_gradient_error(
            inputs, [list(shape) for shape in shapes], y, y.shape.as_list(), x_init_value=starts, delta=1e-6
        )
    assert error < 1e-6


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "elu",
        "selu",
        "softplus",
        "softsign",
        "softmax",
        "log_softmax",
        "softmax cross entropy",
        "max_pool SAME",
        "avg_pool VALID",
        "conv2d SAME",
        "bias_add",
    ],
)
def test_second_derivative(name: str) -> None:
    """The gradient of a gradient agrees with differences of the gradient."""
    build, shapes = CASES[name]
    starts = values(shapes)
    inputs = [tf.constant(start) for start in starts]
    # Squared, so that the first derivative of what is piecewise linear is not constant.
    (first,) = tf.gradients(tf.square(build(*inputs)), inputs[:1])
    with tf.Session():
        error = compute_gradient_error(
            inputs[0], list(shapes[0]), first, list(shapes[0]), x_init_value=starts[0], delta=1e-6
        )
    assert error < 1e-5


def test_no_second_derivative_of_the_sparse_cross_entropy() -> None:
    """Where the fused implementation would give a wrong second derivative, an error says so."""
    logits = tf.constant([[1.0, 2.0]])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=logits)
    (first,) = tf.gradients(loss, [logits])
    with pytest.raises(LookupError, match="Gradient explicitly disabled"):
        tf.gradients(first, [logits])


def test_labels_have_no_gradient() -> None:
    """The gradient of the softmax cross entropy flows to the logits only."""
    labels = tf.constant([[0.5, 0.5]])
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=tf.constant([[1.0, 2.0]]))
    assert tf.gradients(loss, [labels]) == [None]


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_fused_batch_norm(is_training: bool, data_format: str) -> None:
    """The fused normalization and its gradients are those of the composition; it is float32 only."""
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 3, 3)), tf.float32)
    scale, offset = tf.constant([0.5, 1.0, 2.0]), tf.constant([0.0, 1.0, -1.0])
    given: list[Any] = [None, None] if is_training else [tf.constant([0.1, 0.2, 0.3]), tf.constant([1.0, 2.0, 0.5])]
    fused, mean, _ = tf.nn.fused_batch_norm(x, scale, offset, given[0], given[1], 0.01, data_format, is_training)
    axes, shape = ([0, 1, 2], [1, 1, 1, 3]) if data_format == "NHWC" else ([0, 2, 3], [1, 3, 1, 1])
    found = tf.nn.moments(x, axes) if is_training else given
    spread: list[Any] = [tf.reshape(t, shape) for t in (*found, offset, scale)]
    plain = tf.nn.batch_normalization(x, spread[0], spread[1], spread[2], spread[3], 0.01)
    weights = tf.constant(np.random.default_rng(1).normal(size=(2, 3, 3, 3)), tf.float32)
    parts = [(y, *tf.gradients(tf.reduce_sum(y * weights), [x, scale, offset])) for y in (fused, plain)]
    with tf.Session() as session:
        (left, right), (told, exact) = session.run([parts, (mean, found[0])])
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(told, exact, rtol=1e-5)
