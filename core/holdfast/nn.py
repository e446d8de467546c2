"""Neural-network operations: TensorFlow 1.x's ``tf.nn``."""

from holdfast.ops.exponentials import sigmoid, tanh
from holdfast.ops.nn_activations import crelu, elu, leaky_relu, relu, relu6, selu, softplus, softsign
from holdfast.ops.nn_bias import bias_add, relu_layer, xw_plus_b
from holdfast.ops.nn_conv import conv2d, conv2d_backprop_filter, conv2d_backprop_input, conv2d_transpose
from holdfast.ops.nn_cross_entropy import softmax_cross_entropy_with_logits, sparse_softmax_cross_entropy_with_logits
from holdfast.ops.nn_dropout import dropout, zero_fraction
from holdfast.ops.nn_fused_batch_norm import fused_batch_norm
from holdfast.ops.nn_losses import (
    l2_loss,
    log_poisson_loss,
    sigmoid_cross_entropy_with_logits,
    weighted_cross_entropy_with_logits,
)
from holdfast.ops.nn_normalization import (
    batch_norm_with_global_normalization,
    batch_normalization,
    l2_normalize,
    moments,
    normalize_moments,
    sufficient_statistics,
    weighted_moments,
)
from holdfast.ops.nn_pool import avg_pool, max_pool
from holdfast.ops.nn_softmax import log_softmax, softmax
from holdfast.ops.nn_top_k import in_top_k, top_k

__all__ = [
    "avg_pool",
    "batch_norm_with_global_normalization",
    "batch_normalization",
    "bias_add",
    "conv2d",
    "conv2d_backprop_filter",
    "conv2d_backprop_input",
    "conv2d_transpose",
    "crelu",
    "dropout",
    "elu",
    "fused_batch_norm",
    "in_top_k",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_poisson_loss",
    "log_softmax",
    "max_pool",
    "moments",
    "normalize_moments",
    "relu",
    "relu6",
    "relu_layer",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "sufficient_statistics",
    "tanh",
    "top_k",
    "weighted_cross_entropy_with_logits",
    "weighted_moments",
    "xw_plus_b",
    "zero_fraction",
]
