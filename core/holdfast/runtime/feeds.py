"""Feeds: from the user's dict to checked values of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes
from holdfast.graph import IndexedSlices, Tensor

if TYPE_CHECKING:
    from holdfast.graph import Graph
    from holdfast.runtime.session_devices import SessionDevices


def collect_feeds(graph: Graph, feed_dict: Mapping[Any, Any] | None, devices: SessionDevices) -> dict[Tensor, Any]:
    """Return the fed tensors with their values, in an order that does not depend on the dict's.

    Values are borrowed: a NumPy array of the right dtype is used as it is and never written to.

    Raises
    ------
    TypeError
        If a key is no tensor, or a value cannot have the tensor's dtype.
    ValueError
        If a value has the wrong shape, or the tensor may not be fed.
    """
    if not feed_dict:
        return {}
    if not isinstance(feed_dict, Mapping):
        msg = f"feed_dict must be a dict of tensors and values, but got {type(feed_dict).__name__}."
        raise TypeError(msg)
    feeds: dict[Tensor, Any] = {}
    for key, value in feed_dict.items():
        for tensor, part in _pairs(graph, key, value):
            feeds[tensor] = feed_value(graph, tensor, part, devices)
    if len(feeds) > 1:
        feeds = dict(sorted(feeds.items(), key=lambda item: (item[0].op._id, item[0].value_index)))
    return feeds


def _pairs(graph: Graph, key: Any, value: Any) -> list[tuple[Tensor, Any]]:
    """Return the tensors that a key stands for, with their values."""
    if isinstance(key, IndexedSlices):
        parts = [key.values, key.indices] + ([] if key.dense_shape is None else [key.dense_shape])
        return list(zip(parts, value, strict=False))
    return [(feed_key(graph, key), value)]


def feed_key(graph: Graph, key: Any) -> Tensor:
    """Return the tensor that a key of a feed dict stands for."""
    try:
        tensor: Tensor = graph.as_graph_element(key, allow_tensor=True, allow_operation=False)
    except (TypeError, ValueError, KeyError) as error:
        reason = error.args[0] if error.args else error
        msg = f"Cannot interpret feed_dict key as Tensor: {reason}"
        raise TypeError(msg) from error
    return tensor


def feed_value(graph: Graph, tensor: Tensor, value: Any, devices: SessionDevices) -> Any:
    """Return a fed value as an array of the tensor's dtype."""
    if isinstance(value, Tensor):
        msg = (
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, "
            "strings, lists, "
            "numpy ndarrays, or TensorHandles."
        )
        raise TypeError(msg)
    dtype = tensor.dtype.base_dtype
    array = value if _lies_on_a_device(value, dtype, devices) else _as_array(value, dtype)
    if not tensor.shape.is_compatible_with(array.shape):
        msg = (
            f"Cannot feed value of shape {tuple(array.shape)!r} for Tensor {tensor.name!r}, which has shape "
            f"{str(tensor.shape)!r}"
        )
        raise ValueError(msg)
    if not graph.is_feedable(tensor):
        msg = f"Tensor {tensor} may not be fed."
        raise ValueError(msg)
    return array


def _lies_on_a_device(value: Any, dtype: dtypes.DType, devices: SessionDevices) -> bool:
    """Whether a value is an array of one of the session's devices, of the right dtype: it stays there."""
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    return any(d.device.owns(value) for d in devices.all) and dtypes.as_dtype(value.dtype) == dtype


def _as_array(value: Any, dtype: dtypes.DType) -> Any:
    """Return a value as a NumPy array of a dtype, with TensorFlow's errors."""
    if dtype == dtypes.string:
        return _string_array(value)
    target = dtype.as_numpy_dtype
    if isinstance(value, np.ndarray) and value.dtype == target:
        return value if value.dtype.isnative else value.astype(target)
    try:
        array = np.asarray(value, dtype=target)
        fits = not isinstance(value, int) or isinstance(value, bool) or array == value
    except OverflowError:
        fits = False
        array = None
    if not fits:
        msg = (
            f"Type of feed value {value} is not compatible with Tensor type {target}. Try explicitly setting the type "
            "of the "
            "feed tensor to a larger type (e.g. int64)."
        )
        raise TypeError(msg)
    return array


def _string_array(value: Any) -> Any:
    """Return strings as an object array of bytes."""
    source = np.asarray(value, dtype=object)
    result = np.empty(source.shape, dtype=object)
    for index, item in np.ndenumerate(source):
        result[index] = item.encode() if isinstance(item, str) else item
        if not isinstance(result[index], bytes):
            msg = f"Unable to get element as bytes: a string tensor was fed {type(item).__name__} {item!r}."
            raise TypeError(msg)
    return result
