from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.graph import IndexedSlices, Tensor, convert_to_tensor
from holdfast.ops import (
    diagonals,
    dynamic_rows,
    gathering,
    identities,
    joining,
    masking,
    numeric_checks,
    padding,
    printing,
    reordering,
    reshaping,
    sequences,
    slicing,
    splitting,
    stacking,
)
from holdfast.ops.cond import cond
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.runtime import Session
from holdfast.testing.gradients import compute_gradient_error
from holdfast.train.gradients import gradients

TOLERANCE = 1e-6
Function = Callable[..., Any]

# From the shapes of float64 inputs to what is built of them.
CASES: dict[str, tuple[list[tuple[int, ...]], Function]] = {
    "identity": ([(2, 3)], identities.identity),
    "placeholder_with_default": ([(2, 3)], lambda x: identities.placeholder_with_default(x, [None, 3])),
    "fill": ([()], lambda x: sequences.fill([2, 3], x)),
    "reshape": ([(2, 3)], lambda x: reshaping.reshape(x, [3, -1])),
    "transpose": ([(2, 3, 4)], lambda x: reshaping.transpose(x, [2, 0, 1])),
    "transpose reversed": ([(2, 3)], reshaping.transpose),
    "expand_dims": ([(2, 3)], lambda x: reshaping.expand_dims(x, 1)),
    "squeeze": ([(2, 1, 3)], lambda x: reshaping.squeeze(x, [1])),
    "concat": ([(2, 3), (2, 1)], lambda x, y: joining.concat([x, y, x], -1)),
    "stack": ([(2, 3), (2, 3)], lambda x, y: stacking.stack([x, y, x], 1)),
    "unstack": ([(3, 2)], lambda x: stacking.unstack(x, num=3)[1]),
    "split": ([(2, 4)], lambda x: splitting.split(x, 2, 1)[1]),
    "split by sizes": ([(2, 4)], lambda x: splitting.split(x, [1, -1], 1)[1]),
    "slice": ([(4, 3)], lambda x: slicing.slice(x, [1, 0], [2, -1])),
    "strided slice": ([(5, 4)], lambda x: x[3:0:-2, None, 1]),
    "gradient of a strided slice": ([(5, 4)], lambda x: gradients(slicing.getitem(x, 1) ** 2, x)[0]),
    "pad": ([(2, 3)], lambda x: padding.pad(x, [[1, 0], [2, 1]])),
    "pad with a value": ([(2, 3)], lambda x: padding.pad(x, [[1, 0], [2, 1]], constant_values=5.0)),
    "reflect": ([(3, 4)], lambda x: padding.pad(x, [[2, 1], [0, 3]], "REFLECT")),
    "symmetric": ([(3, 2)], lambda x: padding.pad(x, [[3, 1], [0, 2]], "SYMMETRIC")),
    "tile": ([(2, 3)], lambda x: padding.tile(x, [2, 3])),
    "gather": ([(4, 3)], lambda x: gathering.gather(x, [[3, 0], [3, 3]])),
    "gather one": ([(4, 3)], lambda x: gathering.gather(x, 2)),
    "gather columns": ([(2, 4, 3)], lambda x: gathering.gather(x, [[3, 0], [3, 3]], axis=1)),
    "gather_nd": ([(4, 3)], lambda x: gathering.gather_nd(x, [[3, 1], [0, 0], [3, 1]])),
    "gather_nd of rows": ([(4, 3)], lambda x: gathering.gather_nd(x, [[3], [3]])),
    "scatter_nd": ([(3, 2)], lambda x: gathering.scatter_nd([[3], [0], [3]], x, [4, 2])),
    "select": ([(2, 3), (2, 3)], lambda x, y: masking.where(np.eye(2, 3) > 0, x, y)),
    "select rows": ([(2, 3), (2, 3)], lambda x, y: masking.where([True, False], x, y)),
    "boolean_mask": ([(3, 2)], lambda x: masking.boolean_mask(x, [True, False, True])),
    "reverse": ([(2, 3)], lambda x: reordering.reverse(x, [1])),
    "reverse_sequence": ([(2, 3)], lambda x: reordering.reverse_sequence(x, [2, 3], 1, 0)),
    "dynamic_partition": ([(4, 2)], lambda x: dynamic_rows.dynamic_partition(x, [1, 0, 1, 1], 2)[1]),
    "dynamic_stitch": ([(2, 2), (1, 2)], lambda x, y: dynamic_rows.dynamic_stitch([[0, 2], [1]], [x, y])),
    "segment_sum": ([(3, 2)], lambda x: dynamic_rows.segment_sum(x, [0, 0, 1])),
    "matrix_diag": ([(2, 3)], diagonals.matrix_diag),
    "matrix_diag_part": ([(2, 3, 3)], diagonals.matrix_diag_part),
    "matrix_diag_part of no square": ([(2, 3)], diagonals.matrix_diag_part),
    "matrix_set_diag": ([(2, 3, 3), (2, 3)], diagonals.matrix_set_diag),
    "diag": ([(2, 2)], diagonals.diag),
    "check_numerics": ([(2,)], lambda x: numeric_checks.check_numerics(x, "m")),
    "verify_tensor_all_finite": ([(2,)], lambda x: numeric_checks.verify_tensor_all_finite(x, "m")),
    "taken branch": ([(2,)], lambda x: cond(constant(True), lambda: x * x, lambda: x)),
    "other branch": ([(2,)], lambda x: cond(constant(False), lambda: x, lambda: x * x + x)),
    "one branch only": ([(2,), (2,)], lambda x, y: cond(constant(True), lambda: x * y, lambda: y)),
    "nested branches": (
        [(2,)],
        lambda x: cond(constant(True), lambda: cond(constant(False), lambda: x, lambda: x * x), lambda: x),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("static", [True, False])
def test_against_finite_differences(name: str, *, static: bool) -> None:
    """Gradients are those of finite differences, with static shapes and without."""
    shapes, function = CASES[name]
    inputs = [placeholder(dtypes.float64, shape if static else None) for shape in shapes]
    values = [np.random.RandomState(i).uniform(0.5, 2, shape) for i, shape in enumerate(shapes)]
    y = function(*inputs)
    with Session() as session:
        shape = session.run(y, dict(zip(inputs, values, strict=True))).shape
        for x, x_shape, x_value in zip(inputs, shapes, values, strict=True):
            others = {other: value for other, value in zip(inputs, values, strict=True) if other is not x}
            error = compute_gradient_error(x, x_shape, y, shape, x_value, extra_feed_dict=others, session=session)
            assert error < TOLERANCE


def _fed(*shape: int) -> Tensor:
    return placeholder(dtypes.float32, shape, name="x")


def test_gradient_of_gather_is_sparse() -> None:
    """Only the rows that were gathered have a gradient; the full shape is on the device of the parameters."""
    x = _fed(5, 3)
    [grad] = gradients(gathering.gather(x, [[1, 0]]), [x])
    assert isinstance(grad, IndexedSlices)
    assert grad.values.name == "gradients/Gather_grad/Reshape:0"
    assert grad.values.shape.as_list() == [2, 3]
    assert grad.dense_shape.op.colocation_groups() == [b"loc:@x"]
    with Session() as session:
        dense = session.run(convert_to_tensor(grad))
    assert dense.tolist() == [[1.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3, [0.0] * 3]


def test_gradient_of_gather_in_a_branch() -> None:
    """Sparse gradients of a branch are merged with zero rows of the other."""
    x, pred = _fed(2), placeholder(dtypes.bool, [])
    y = cond(pred, lambda: gathering.gather(x, [1, 1]), lambda: constant([3.0, 3.0]))
    [grad] = gradients(y, [x])
    assert isinstance(grad, IndexedSlices)
    dense = convert_to_tensor(grad)
    with Session() as session:
        assert session.run(dense, {x: [1.0, 2.0], pred: True}).tolist() == [0.0, 2.0]
        assert session.run(dense, {x: [1.0, 2.0], pred: False}).tolist() == [0.0, 0.0]


def test_names_of_concat() -> None:
    """The gradients of the parts are slices at calculated offsets."""
    x, y = _fed(2, 3), _fed(2, 2)
    first, second = gradients(joining.concat([x, y], 1), [x, y])
    assert (first.name, second.name) == ("gradients/concat_grad/Slice:0", "gradients/concat_grad/Slice_1:0")
    assert first.op.inputs[1].name == "gradients/concat_grad/ConcatOffset:0"


def test_print_passes_the_gradient_on() -> None:
    """What is shown has no gradient of its own."""
    x, y = _fed(2), _fed(2)
    first, second = gradients(printing.Print(x, [y]), [x, y])
    assert (first.name, second) == ("gradients/Fill:0", None)


def test_stop_gradient() -> None:
    """Nothing flows through it."""
    x = _fed(2)
    assert gradients(identities.stop_gradient(x), [x]) == [None]
