"""Batch normalization of images as one op, with its gradient."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import (
    AttrDef,
    boolean,
    define_op,
    floating,
    register_gradient,
    string,
    type_attr,
)
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.shapes import TensorShape

__all__ = ["fused_batch_norm"]

_OPTIONS: dict[str, AttrDef] = {
    "epsilon": floating(9.999999747378752e-05),
    "data_format": string(b"NHWC"),
    "is_training": boolean(True),
}
_SINGLE = {"T": type_attr(dtypes.float32), **_OPTIONS}
_MIXED = {"T": type_attr(dtypes.float16, dtypes.float32), "U": type_attr(dtypes.float32), **_OPTIONS}
_LEAST_EPSILON = 1.001e-5
"""What TensorFlow raises smaller ones to."""


def _channels(op: Operation, images: int, vectors: int) -> tuple[TensorShape, int | None]:
    """Return the shape of the images, and the number of channels that images and parameters agree on."""
    dims = list(shape_rules.of_rank(op.inputs[images].shape, 4))
    axis = 1 if op.attrs["data_format"] == b"NCHW" else 3
    for tensor in op.inputs[vectors : vectors + (2 if op.attrs["is_training"] else 4)]:
        (size,) = shape_rules.of_rank(tensor.shape, 1)
        shape_rules.check_equal_dimensions(dims[axis], size)
        dims[axis] = size if dims[axis] is None else dims[axis]
    return TensorShape(dims), dims[axis]


def _forward_shape(op: Operation) -> list[TensorShape]:
    images, channels = _channels(op, 0, 1)
    return [images, *[TensorShape([channels])] * 4]


def _gradient_shape(op: Operation) -> list[TensorShape]:
    dims = list(shape_rules.of_rank(op.inputs[0].shape, 4))
    images = shape_rules.merged(TensorShape(dims), op.inputs[1].shape)
    axis = 1 if op.attrs["data_format"] == b"NCHW" else 3
    (scale,) = shape_rules.of_rank(op.inputs[2].shape, 1)
    found = images.as_tuple()
    assert found is not None  # noqa: S101  (it has rank 4)
    channels = scale if found[axis] is None else found[axis]
    shape_rules.check_equal_dimensions(channels, scale)
    images = TensorShape([channels if i == axis else size for i, size in enumerate(found)])
    kept = TensorShape([0 if op.attrs["is_training"] else channels])
    return [images, *[TensorShape([channels])] * 2, kept, kept]


for _suffix, _attrs, _u, _scale in (("", _SINGLE, "T", "T"), ("V2", _MIXED, "U", "float32")):
    define_op(
        f"FusedBatchNorm{_suffix}",
        f"x: T, scale: {_u}, offset: {_u}, mean: {_u}, variance: {_u} -> y: T, batch_mean: {_u}, "
        f"batch_variance: {_u}, reserve_space_1: {_u}, reserve_space_2: {_u}",
        attrs=_attrs,
        shape=_forward_shape,
    )
    define_op(
        f"FusedBatchNormGrad{_suffix}",
        f"y_backprop: T, x: T, scale: {_scale}, reserve_space_1: {_u}, reserve_space_2: {_u} -> x_backprop: T, "
        f"scale_backprop: {_u}, offset_backprop: {_u}, reserve_space_3: {_u}, reserve_space_4: {_u}",
        attrs=_attrs,
        shape=_gradient_shape,
    )


@register_gradient("FusedBatchNorm", "FusedBatchNormV2")
def _fused_batch_norm_gradient(op: Operation, grad: Tensor, *_: Any) -> list[Tensor | None]:
    x, scale = op.inputs[:2]
    kept = op.outputs[3:5] if op.attrs["is_training"] else op.inputs[3:5]
    attrs = {name: op.attrs[name] for name in _OPTIONS}
    op_type = op.type.replace("Norm", "NormGrad")
    to_x, to_scale, to_offset = apply_op(op_type, grad, x, scale, *kept, **attrs).outputs[:3]
    return [to_x, to_scale, to_offset, None, None]


def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return images normalized channel by channel, and the mean and variance of each channel.

    Parameters
    ----------
    x
        Images ``[batch, height, width, channels]`` in the order of ``data_format``; float32 or float16.
    scale, offset
        One number a channel, float32.
    mean, variance
        What to normalize by where ``is_training`` is False; else None, since the batch's own are used.
    epsilon
        Added to the variance; at least 1.001e-5.
    data_format
        ``"NHWC"`` or ``"NCHW"``.

    Returns
    -------
    tuple of Tensor
        ``y``, the mean, and the variance (in training that without bias: divided by n - 1).

    Raises
    ------
    ValueError
        If mean or variance is given in training, or the shapes cannot fit.
    """
    x = convert_to_tensor(x, name="input")
    scale = convert_to_tensor(scale, name="scale")
    offset = convert_to_tensor(offset, name="offset")
    if is_training and (mean is not None or variance is not None):
        raise ValueError("Both 'mean' and 'variance' must be None if is_training is True.")
    mean = constant([]) if mean is None else mean
    variance = constant([]) if variance is None else variance
    op_type = "FusedBatchNormV2" if x.dtype.base_dtype == dtypes.float16 else "FusedBatchNorm"
    outputs = apply_op(
        op_type,
        x,
        scale,
        offset,
        mean,
        variance,
        epsilon=max(epsilon, _LEAST_EPSILON),
        data_format=data_format,
        is_training=is_training,
        name=name,
    ).outputs
    return outputs[0], outputs[1], outputs[2]
