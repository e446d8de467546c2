"""Activation functions: nodes and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.graph import get_default_graph
from holdfast.graph.op_def import op_def
from holdfast.kernels import nn_activations as kernels  # noqa: F401  (fills the table)
from holdfast.kernels.registry import GENERIC
from holdfast.ops import nn_activations as nn
from holdfast.ops.identities import placeholder


def run(op_type: str, *inputs: Any) -> NDArray[Any]:
    """Run a kernel on NumPy arrays of one dtype."""
    arrays = [np.asarray(value) for value in inputs]
    dtype = dtypes.as_dtype(arrays[0].dtype)
    kernel: Any = GENERIC[op_type](np, KernelRequest(op_type, "x", {}, (dtype,) * len(arrays), (dtype,)))
    with np.errstate(all="ignore"):
        (result,) = kernel(None, *arrays)
    assert result.dtype == arrays[0].dtype
    return np.asarray(result)


@pytest.mark.parametrize("name", ["relu", "relu6", "elu", "selu", "softplus", "softsign"])
def test_one_node_of_the_functions_type(name: str) -> None:
    """An activation is one node with the shape and dtype of its input."""
    features = placeholder(dtypes.float32, [None, 3])
    result = getattr(nn, name)(features)
    assert (result.op.type, result.name) == (name.title(), f"{name.title()}:0")
    assert result.shape.as_list() == [None, 3]
    assert result.dtype == dtypes.float32


def test_every_activation_has_a_gradient_op() -> None:
    """Each gradient op has TensorFlow's argument names."""
    for name, kept in {"Relu": "features", "Elu": "outputs", "Softplus": "features"}.items():
        definition = op_def(f"{name}Grad")
        assert definition is not None
        assert [arg.name for arg in definition.inputs] == ["gradients", kept]


def test_leaky_relu_is_a_composition() -> None:
    """leaky_relu has TensorFlow's three nodes."""
    nn.leaky_relu(placeholder(dtypes.float32, [2], name="x"))
    assert [op.name for op in get_default_graph().get_operations()] == [
        "x",
        "LeakyRelu/alpha",
        "LeakyRelu/mul",
        "LeakyRelu/Maximum",
    ]


def test_crelu_doubles_the_last_axis() -> None:
    """Both signs are joined along the last axis."""
    assert nn.crelu(placeholder(dtypes.float32, [2, 3])).shape.as_list() == [2, 6]


def test_strings_are_refused() -> None:
    """An activation of strings is a TypeError that lists what is allowed."""
    with pytest.raises(TypeError, match="DataType string not in list of allowed values: float32, float64"):
        nn.relu(["a"])


def test_relu_of_numbers() -> None:
    """Relu keeps what is positive, of any real dtype, and passes NaN on."""
    assert run("Relu", np.array([-3, 0, 7], np.int8)).tolist() == [0, 0, 7]
    assert np.isnan(run("Relu", np.float32(np.nan)))
    assert run("Relu6", np.array([-1.0, 3.0, 9.0], np.float16)).tolist() == [0.0, 3.0, 6.0]


def test_relu_gradients_at_their_bends() -> None:
    """At a bend the gradient is 0."""
    grad, x = np.ones(5, np.float32), np.array([-1.0, 0.0, 3.0, 6.0, 7.0], np.float32)
    assert run("ReluGrad", grad, x).tolist() == [0, 0, 1, 1, 1]
    assert run("Relu6Grad", grad, x).tolist() == [0, 0, 1, 0, 0]


def test_elu_and_selu() -> None:
    """Elu and Selu bend smoothly at 0 and saturate."""
    x = np.array([-100.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose(run("Elu", x), [-1.0, np.expm1(-1.0), 0.0, 2.0], rtol=1e-15)
    np.testing.assert_allclose(run("Selu", x)[[0, 3]], [-1.7580993408473766, 2.101401974710961], rtol=1e-15)
    np.testing.assert_allclose(run("EluGrad", np.full(4, 2.0), run("Elu", x)), [0.0, 2 * np.exp(-1.0), 2.0, 2.0])


def test_softplus_neither_overflows_nor_loses_digits() -> None:
    """Softplus is exact to the last digits for very large and very small numbers."""
    x = np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0], np.float32)
    expected = [0.0, np.exp(-40.0), np.log(2.0), 40.0, 1000.0]
    np.testing.assert_allclose(run("Softplus", x), np.array(expected, np.float32), rtol=1e-6)
    np.testing.assert_allclose(run("SoftplusGrad", np.ones(5, np.float32), x), [0, np.exp(-40.0), 0.5, 1, 1], rtol=1e-6)


def test_softsign() -> None:
    """Softsign and its gradient."""
    x = np.array([-3.0, 0.0, 1.0])
    assert run("Softsign", x).tolist() == [-0.75, 0.0, 0.5]
    assert run("SoftsignGrad", np.ones(3), x).tolist() == [1 / 16, 1.0, 0.25]


def test_half_precision_is_computed_in_single() -> None:
    """A float16 result is the float32 one, rounded once."""
    x = np.linspace(-4, 4, 101).astype(np.float16)
    for name in ("Elu", "Selu", "Softplus", "Softsign"):
        expected = run(name, x.astype(np.float32)).astype(np.float16)
        np.testing.assert_array_equal(run(name, x), expected)


def test_l2_loss_of_half_does_not_overflow_on_the_way() -> None:
    """L2Loss sums float16 in float32."""
    kernel: Any = GENERIC["L2Loss"](np, KernelRequest("L2Loss", "x", {}, (dtypes.float16,), (dtypes.float16,)))
    (result,) = kernel(None, np.full(800, 10.0, np.float16))
    assert float(result) == 40000.0
