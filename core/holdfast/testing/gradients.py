"""Numeric checks of gradients: what ``tf.gradients`` builds against finite differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.graph import Tensor, convert_to_tensor, get_default_session
from holdfast.ops.constants import constant
from holdfast.train.gradients import gradients

Jacobians = tuple[NDArray[Any], NDArray[Any]]
"""A theoretical and a numeric Jacobian, ``[size of x, size of y]``; of complex numbers the parts count singly."""


def compute_gradient(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
    session: Any = None,
) -> Any:
    """Compute the Jacobian of ``y`` by ``x`` twice: by ``tf.gradients``, and by central differences.

    Parameters
    ----------
    x
        A tensor or variable of floating-point or complex dtype, or a list of them; it is fed.
    x_shape, y_shape
        Their shapes, for a list of xs a list of shapes.
    x_init_value
        Where to compute it; by default random values between 0 and 1, the same at each call.
    delta
        Half the distance of the differences. In float64 1e-6 gives errors around 1e-9; in float32 the default is best.
    init_targets
        Operations to run before.
    extra_feed_dict
        What else to feed.
    session
        By default the default session.

    Returns
    -------
    A pair (theoretical, numeric) of arrays of shape ``[size of x, size of y]``, for a list of xs a list of pairs.

    Raises
    ------
    ValueError
        If there is no session, or y does not depend on x.
    """
    session = get_default_session() if session is None else session
    if session is None:
        raise ValueError("No session is given and no default session is registered. Use `with sess.as_default()`.")
    if init_targets is not None:
        session.run(init_targets)
    feeds = dict(extra_feed_dict or {})
    several = isinstance(x, (list, tuple))
    xs = list(x) if several else [x]
    shapes = list(x_shape) if several else [x_shape]
    values = _initial_values(xs, shapes, x_init_value if several else [x_init_value])
    pairs = [_jacobians(session, xs, values, index, y, tuple(y_shape), delta, feeds) for index in range(len(xs))]
    return pairs if several else pairs[0]


def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
    session: Any = None,
) -> float:
    """Return the largest difference between the two Jacobians of :func:`compute_gradient`; NaN anywhere gives NaN."""
    pairs = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict, session)
    errors = [
        float(np.max(np.abs(theoretical - numeric), initial=0.0))
        for theoretical, numeric in (pairs if isinstance(pairs, list) else [pairs])
    ]
    return float(np.max(errors))


def _initial_values(xs: Sequence[Any], shapes: Sequence[Any], given: Any) -> list[NDArray[Any]]:
    """Return the point to compute Jacobians at, as contiguous arrays of each x's dtype."""
    random = np.random.default_rng(0)
    given = [None] * len(xs) if given is None else given
    values = []
    for x, shape, value in zip(xs, shapes, given, strict=True):
        dims = tuple(shape)
        drawn: Any = random.random(dims)
        if x.dtype.is_complex:
            drawn = drawn + 1j * random.random(dims)
        chosen = drawn if value is None else value
        values.append(np.array(chosen, dtype=x.dtype.base_dtype.as_numpy_dtype, order="C").reshape(dims))
    return values


def _jacobians(
    session: Any,
    xs: Sequence[Any],
    values: Sequence[NDArray[Any]],
    index: int,
    y: Tensor,
    y_shape: tuple[int, ...],
    delta: float,
    feeds: Mapping[Any, Any],
) -> Jacobians:
    """Return both Jacobians of y by one of the xs."""
    fed = {**feeds, **dict(zip(xs, values, strict=True))}
    theoretical = _theoretical(session, xs[index], y, y_shape, fed)
    numeric = _numeric(session, xs[index], y, delta, fed, theoretical.shape)
    return theoretical, numeric


def _parts(array: NDArray[Any]) -> NDArray[Any]:
    """Return the elements as a vector; of complex ones the real and imaginary parts in turn. A view where it can be."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _theoretical(session: Any, x: Any, y: Tensor, y_shape: tuple[int, ...], fed: dict[Any, Any]) -> NDArray[Any]:
    """Return the Jacobian by ``gradients``, one run for each element of y."""
    with y.graph.as_default():
        dy = constant(np.ones(y_shape, y.dtype.base_dtype.as_numpy_dtype))
        (dx,) = gradients(y, x, grad_ys=dy)
        if dx is None:
            raise ValueError(f"{y} does not depend on {x}: the gradient is None.")
        dx = convert_to_tensor(dx)
    seed = np.zeros(y_shape, y.dtype.base_dtype.as_numpy_dtype)
    elements = _parts(seed)
    result = np.zeros((_parts(fed[x]).size, elements.size), np.result_type(_parts(fed[x]).dtype, elements.dtype))
    for column in range(elements.size):
        elements[column] = 1
        result[:, column] = _parts(session.run(dx, {**fed, dy: seed}))
        elements[column] = 0
    return result


def _numeric(
    session: Any, x: Any, y: Tensor, delta: float, fed: dict[Any, Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return the Jacobian by central differences, two runs for each element of x."""
    point = fed[x].copy()
    elements = _parts(point)
    result = np.zeros(shape, np.float64)
    for row in range(elements.size):
        centre = elements[row]
        elements[row] = centre + delta
        above = elements[row]
        high = np.array(_parts(np.asarray(session.run(y, {**fed, x: point}))), dtype=np.float64)
        elements[row] = centre - delta
        low = np.array(_parts(np.asarray(session.run(y, {**fed, x: point}))), dtype=np.float64)
        # What the dtype made of centre +- delta, not delta itself.
        result[row] = (high - low) / (float(above) - float(elements[row]))
        elements[row] = centre
    return result
