"""Two-dimensional convolution, its transpose, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import boolean, define_op, list_of, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.nn_windows import LAYOUT, PADDING, check_four, checked_list, layout_of, window_count
from holdfast.ops.shape_queries import shape, shape_n
from holdfast.ops.static import constant_value, constant_value_as_shape
from holdfast.shapes import TensorShape

__all__ = ["conv2d", "conv2d_backprop_filter", "conv2d_backprop_input", "conv2d_transpose"]

_ATTRS = {
    "T": type_attr(*number_types.FLOATING),
    "strides": list_of("int"),
    "use_cudnn_on_gpu": boolean(True),
    "padding": PADDING,
    "data_format": LAYOUT,
}


def _conv2d_shape(op: Operation) -> list[TensorShape]:
    images = shape_rules.of_rank(op.inputs[0].shape, 4)
    height, width, depth, count = shape_rules.of_rank(op.inputs[1].shape, 4)
    strides, padding, layout = op.attrs["strides"], op.attrs["padding"], layout_of(op)
    check_four(op, strides, "stride")
    shape_rules.check_equal_dimensions(images[layout.index("C")], depth)
    result: dict[str, int | None] = {"N": images[layout.index("N")], "C": count}
    for axis, window in (("H", height), ("W", width)):
        at = layout.index(axis)
        result[axis] = window_count(images[at], window, strides[at], padding)
    return [TensorShape([result[axis] for axis in layout])]


def _shape_from(index: int) -> Any:
    """Return the shape rule of an op whose output has the shape that one of its inputs says."""

    def rule(op: Operation) -> list[TensorShape]:
        said = constant_value_as_shape(op.inputs[index])
        return [TensorShape(shape_rules.of_rank(said, 4))]

    return rule


define_op("Conv2D", "input: T, filter: T -> output: T", attrs=_ATTRS, shape=_conv2d_shape)
define_op(
    "Conv2DBackpropInput",
    "input_sizes: int32, filter: T, out_backprop: T -> output: T",
    attrs=_ATTRS,
    shape=_shape_from(0),
)
define_op(
    "Conv2DBackpropFilter",
    "input: T, filter_sizes: int32, out_backprop: T -> output: T",
    attrs=_ATTRS,
    shape=_shape_from(1),
)


def _same(op: Operation, op_type: str, *inputs: Any) -> Tensor:
    """Return an op of the same attributes."""
    attrs = {name: op.attrs[name] for name in _ATTRS if name != "T"}
    return apply_op(op_type, *inputs, **attrs).outputs[0]


@register_gradient("Conv2D")
def _conv2d_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    images, kernel = op.inputs
    sizes = shape_n([images, kernel])
    return [
        _same(op, "Conv2DBackpropInput", sizes[0], kernel, grad),
        _same(op, "Conv2DBackpropFilter", images, sizes[1], grad),
    ]


@register_gradient("Conv2DBackpropInput")
def _backprop_input_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    _, kernel, out_backprop = op.inputs
    return [
        None,
        _same(op, "Conv2DBackpropFilter", grad, shape(kernel), out_backprop),
        _same(op, "Conv2D", grad, kernel),
    ]


@register_gradient("Conv2DBackpropFilter")
def _backprop_filter_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    images, _, out_backprop = op.inputs
    return [
        _same(op, "Conv2DBackpropInput", shape(images), grad, out_backprop),
        None,
        _same(op, "Conv2D", images, grad),
    ]


def conv2d(
    input: Any,
    filter: Any,
    strides: Sequence[int],
    padding: str,
    use_cudnn_on_gpu: bool = True,
    data_format: str | None = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the two-dimensional cross-correlation of images with a filter.

    Parameters
    ----------
    input
        Images ``[batch, height, width, in_channels]`` (in the order of ``data_format``), float16, float32 or float64.
    filter
        ``[height, width, in_channels, out_channels]``, of the same dtype.
    strides
        Four integers, in the order of ``data_format``; those of batch and channels must be 1.
    padding
        ``"SAME"``: as many windows as the image has places for at that stride; ``"VALID"``: those that lie within it.
    use_cudnn_on_gpu
        Kept in the graph; without effect.
    data_format
        ``"NHWC"`` or ``"NCHW"``.

    Raises
    ------
    TypeError
        If ``strides`` is no list, or the dtypes do not fit.
    ValueError
        If the shapes, strides, padding or format do not fit.
    """
    return apply_op(
        "Conv2D",
        input,
        filter,
        strides=checked_list(strides, "strides", "conv2d"),
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        padding=padding,
        data_format=data_format,
        name=name,
    ).outputs[0]


def conv2d_backprop_input(
    input_sizes: Any,
    filter: Any,
    out_backprop: Any,
    strides: Sequence[int],
    padding: str,
    use_cudnn_on_gpu: bool = True,
    data_format: str | None = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the gradient of :func:`conv2d` with respect to its input, of shape ``input_sizes``."""
    return apply_op(
        "Conv2DBackpropInput",
        input_sizes,
        filter,
        out_backprop,
        strides=checked_list(strides, "strides", "conv2d_backprop_input"),
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        padding=padding,
        data_format=data_format,
        name=name,
    ).outputs[0]


def conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Sequence[int],
    padding: str,
    use_cudnn_on_gpu: bool = True,
    data_format: str | None = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the gradient of :func:`conv2d` with respect to its filter, of shape ``filter_sizes``."""
    return apply_op(
        "Conv2DBackpropFilter",
        input,
        filter_sizes,
        out_backprop,
        strides=checked_list(strides, "strides", "conv2d_backprop_filter"),
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        padding=padding,
        data_format=data_format,
        name=name,
    ).outputs[0]


def conv2d_transpose(
    value: Any,
    filter: Any,
    output_shape: Any,
    strides: Sequence[int],
    padding: str = "SAME",
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the transpose of :func:`conv2d`: the gradient of a convolution that gives the shape of ``value``.

    Parameters
    ----------
    value
        ``[batch, height, width, in_channels]``, in the order of ``data_format``.
    filter
        ``[height, width, out_channels, in_channels]``.
    output_shape
        Shape of the result: a vector of four integers.
    strides, padding, data_format
        As for :func:`conv2d`.

    Raises
    ------
    ValueError
        If the shapes, padding or format do not fit.
    """
    with name_scope(name, "conv2d_transpose", [value, filter, output_shape]) as scope:
        if data_format not in {"NCHW", "NHWC"}:
            raise ValueError(f"data_format has to be either NCHW or NHWC. Got {data_format!r}.")
        value = convert_to_tensor(value, name="value")
        filter = convert_to_tensor(filter, name="filter")
        axis = data_format.index("C")
        _check_channels(value.shape, axis, filter.shape, 3, "input channels does not match filter's input channels")
        output_shape = convert_to_tensor(output_shape, name="output_shape")
        if not output_shape.shape.is_compatible_with([4]):
            raise ValueError(f"output_shape must have shape (4,), got {output_shape.shape}")
        known = constant_value(output_shape)
        if known is not None:
            said = TensorShape([int(size) for size in known])
            _check_channels(said, axis, filter.shape, 2, "output_shape does not match filter's output channels")
        if padding not in {"VALID", "SAME"}:
            raise ValueError(f"padding must be either VALID or SAME: {padding}")
        return conv2d_backprop_input(output_shape, filter, value, strides, padding, data_format=data_format, name=scope)


def _check_channels(found: TensorShape, axis: int, kernel: TensorShape, kernel_axis: int, message: str) -> None:
    """Raise ValueError unless a size and one of the filter's can be the same."""
    dims, kernel_dims = found.as_tuple(), kernel.as_tuple()
    if dims is None or kernel_dims is None or None in {dims[axis], kernel_dims[kernel_axis]}:
        return
    if dims[axis] != kernel_dims[kernel_axis]:
        raise ValueError(f"{message}, {dims[axis]} != {kernel_dims[kernel_axis]}")
