"""Feeds: from the user's dict to checked values of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        raise TypeError(f"feed_dict must be a dict of tensors and values, but got {type(feed_dict).__name__}.")
    feeds: dict[Tensor, Any] = {}
    for key, value in feed_dict.items():
        for part, part_value in _pairs(key, value):
            tensor = feed_key(graph, part)
            feeds[tensor] = feed_value(graph, tensor, part_value, devices)
    return in_order(feeds)


def in_order(feeds: dict[Tensor, Any]) -> dict[Tensor, Any]:
    """Return feeds in the order in which their tensors were made."""
    return {tensor: feeds[tensor] for tensor in sorted_tensors(feeds)} if len(feeds) > 1 else feeds


def sorted_tensors(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Return tensors in the order in which they were made."""
    return sorted(tensors, key=lambda tensor: (tensor.op._id, tensor.value_index))


def _pairs(key: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return what a key stands for, with its parts of the value; keys may be (nested) tuples."""
    if isinstance(key, IndexedSlices):
        parts = (key.values, key.indices) if key.dense_shape is None else (key.values, key.indices, key.dense_shape)
        if isinstance(value, Sequence) and len(value) == 3 and value[2] is None:
            value = value[:2]
        key = parts
    if not isinstance(key, tuple):
        return [(key, value)]
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != len(key):
        found = f"{len(value)} elements" if isinstance(value, (list, tuple, np.ndarray)) else type(value).__name__
        raise ValueError(
            f"Could not flatten dictionary. Key had {len(key)} elements, but value had {found}. Key: {list(key)}."
        )
    return [pair for part, item in zip(key, value, strict=True) for pair in _pairs(part, item)]


def feed_key(graph: Graph, key: Any) -> Tensor:
    """Return the tensor that a key of a feed dict stands for; TypeError if it stands for none."""
    try:
        tensor: Tensor = graph.as_graph_element(key, allow_tensor=True, allow_operation=False)
    except (TypeError, ValueError, KeyError) as error:
        reason = error.args[0] if error.args else error
        raise TypeError(f"Cannot interpret feed_dict key as Tensor: {reason}") from error
    return tensor


def feed_value(graph: Graph, tensor: Tensor, value: Any, devices: SessionDevices) -> Any:
    """Return a fed value as an array of the tensor's dtype; errors as :func:`collect_feeds` says."""
    if hasattr(value, "_as_graph_element") or isinstance(value, Tensor):
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, "
            "strings, lists, numpy ndarrays, or TensorHandles."
        )
    dtype = tensor.dtype.base_dtype
    array = value if type(value) is np.ndarray else _from_device(value, dtype, devices)
    if isinstance(array, np.ndarray) or array is None:
        array = _as_array(value if array is None else array, dtype)
    if not tensor.shape.is_compatible_with(array.shape):
        raise ValueError(
            f"Cannot feed value of shape {tuple(array.shape)!r} for Tensor {tensor.name!r}, which has shape "
            f"{str(tensor.shape)!r}"
        )
    if not graph.is_feedable(tensor):
        raise ValueError(f"Tensor {tensor} may not be fed.")
    return array


def _from_device(value: Any, dtype: dtypes.DType, devices: SessionDevices) -> Any:
    """Return an array of one of the session's devices as it is, of another dtype as NumPy's; None for anything else."""
    if isinstance(value, np.ndarray | np.generic):
        return None
    for found in devices.all:
        if found.device.owns(value):
            host = found.device.to_host(value)
            return value if dtypes.as_dtype(host.dtype) is dtype else host
    return None


def _as_array(value: Any, dtype: dtypes.DType) -> Any:
    """Return a value as a NumPy array of a dtype, with TensorFlow's errors."""
    if dtype is dtypes.string:
        return _string_array(value)
    target = dtype.as_numpy_dtype
    if type(value) is np.ndarray and value.dtype == target:
        return value
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(value, dtype=target)
        # The one check that TensorFlow makes: Python's integers must not change.
        fits = not isinstance(value, int) or array.item() == value
    except OverflowError:
        array, fits = None, False
    if not fits:
        raise TypeError(
            f"Type of feed value {value} is not compatible with Tensor type {target}. Try explicitly setting the type "
            "of the feed tensor to a larger type (e.g. int64)."
        )
    return array


def _string_array(value: Any) -> Any:
    """Return strings as an object array of bytes; text is encoded as UTF-8."""
    source = np.asarray(value, dtype=object)
    flat = source.reshape(-1)
    if type(value) is np.ndarray and all(type(item) is bytes for item in flat):
        return source
    result = np.empty(source.shape, dtype=object)
    out = result.reshape(-1)
    for i, item in enumerate(flat):
        if not isinstance(item, str | bytes):
            raise TypeError(f"A string tensor takes str and bytes, but was fed {type(item).__name__} {item!r}.")
        out[i] = item.encode() if isinstance(item, str) else bytes(item)
    return result
