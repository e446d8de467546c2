from holdfast import checkpoint as checkpoint
from holdfast import errors as errors
from holdfast import nn as nn
from holdfast import train as train
from holdfast.devices import DeviceSpec as DeviceSpec
from holdfast.dtypes import QUANTIZED_DTYPES as QUANTIZED_DTYPES
from holdfast.dtypes import DType as DType
from holdfast.dtypes import as_dtype as as_dtype
from holdfast.dtypes import bfloat16 as bfloat16
from holdfast.dtypes import bool as bool
from holdfast.dtypes import complex64 as complex64
from holdfast.dtypes import complex128 as complex128
from holdfast.dtypes import double as double
from holdfast.dtypes import float16 as float16
from holdfast.dtypes import float32 as float32
from holdfast.dtypes import float64 as float64
from holdfast.dtypes import half as half
from holdfast.dtypes import int8 as int8
from holdfast.dtypes import int16 as int16
from holdfast.dtypes import int32 as int32
from holdfast.dtypes import int64 as int64
from holdfast.dtypes import qint8 as qint8
from holdfast.dtypes import qint16 as qint16
from holdfast.dtypes import qint32 as qint32
from holdfast.dtypes import quint8 as quint8
from holdfast.dtypes import quint16 as quint16
from holdfast.dtypes import resource as resource
from holdfast.dtypes import string as string
from holdfast.dtypes import uint8 as uint8
from holdfast.dtypes import uint16 as uint16
from holdfast.dtypes import variant as variant
from holdfast.graph.collections import GraphKeys as GraphKeys
from holdfast.graph.conversion import convert_to_tensor as convert_to_tensor
from holdfast.graph.conversion import convert_to_tensor_or_indexed_slices as convert_to_tensor_or_indexed_slices
from holdfast.graph.conversion import register_tensor_conversion_function as register_tensor_conversion_function
from holdfast.graph.default import add_to_collection as add_to_collection
from holdfast.graph.default import colocate_with as colocate_with
from holdfast.graph.default import container as container
from holdfast.graph.default import control_dependencies as control_dependencies
from holdfast.graph.default import device as device
from holdfast.graph.default import get_collection as get_collection
from holdfast.graph.default import get_collection_ref as get_collection_ref
from holdfast.graph.default import get_default_graph as get_default_graph
from holdfast.graph.default import get_seed as get_seed
from holdfast.graph.default import name_scope as name_scope
from holdfast.graph.default import op_scope as op_scope
from holdfast.graph.default import reset_default_graph as reset_default_graph
from holdfast.graph.default import set_random_seed as set_random_seed
from holdfast.graph.graph import Graph as Graph
from holdfast.graph.indexed_slices import IndexedSlices as IndexedSlices
from holdfast.graph.operation import Operation as Operation
from holdfast.graph.sessions import get_default_session as get_default_session
from holdfast.graph.tensor import Tensor as Tensor
from holdfast.graph.versions import GRAPH_DEF_VERSION as GRAPH_DEF_VERSION
from holdfast.graph.versions import GRAPH_DEF_VERSION_MIN_CONSUMER as GRAPH_DEF_VERSION_MIN_CONSUMER
from holdfast.graph.versions import GRAPH_DEF_VERSION_MIN_PRODUCER as GRAPH_DEF_VERSION_MIN_PRODUCER
from holdfast.ops.arg_reductions import arg_max as arg_max
from holdfast.ops.arg_reductions import arg_min as arg_min
from holdfast.ops.arg_reductions import argmax as argmax
from holdfast.ops.arg_reductions import argmin as argmin
from holdfast.ops.arithmetic import abs as abs
from holdfast.ops.arithmetic import add as add
from holdfast.ops.arithmetic import maximum as maximum
from holdfast.ops.arithmetic import minimum as minimum
from holdfast.ops.arithmetic import multiply as multiply
from holdfast.ops.arithmetic import negative as negative
from holdfast.ops.arithmetic import pow as pow
from holdfast.ops.arithmetic import sign as sign
from holdfast.ops.arithmetic import square as square
from holdfast.ops.arithmetic import squared_difference as squared_difference
from holdfast.ops.arithmetic import subtract as subtract
from holdfast.ops.assertions import Assert as Assert
from holdfast.ops.case import case as case
from holdfast.ops.casting import cast as cast
from holdfast.ops.casting import saturate_cast as saturate_cast
from holdfast.ops.casting import to_bfloat16 as to_bfloat16
from holdfast.ops.casting import to_double as to_double
from holdfast.ops.casting import to_float as to_float
from holdfast.ops.casting import to_int32 as to_int32
from holdfast.ops.casting import to_int64 as to_int64
from holdfast.ops.checks import assert_equal as assert_equal
from holdfast.ops.checks import assert_greater as assert_greater
from holdfast.ops.checks import assert_greater_equal as assert_greater_equal
from holdfast.ops.checks import assert_less as assert_less
from holdfast.ops.checks import assert_less_equal as assert_less_equal
from holdfast.ops.checks import assert_negative as assert_negative
from holdfast.ops.checks import assert_non_negative as assert_non_negative
from holdfast.ops.checks import assert_non_positive as assert_non_positive
from holdfast.ops.checks import assert_none_equal as assert_none_equal
from holdfast.ops.checks import assert_positive as assert_positive
from holdfast.ops.checks import is_non_decreasing as is_non_decreasing
from holdfast.ops.checks import is_strictly_increasing as is_strictly_increasing
from holdfast.ops.clipping import clip_by_average_norm as clip_by_average_norm
from holdfast.ops.clipping import clip_by_global_norm as clip_by_global_norm
from holdfast.ops.clipping import clip_by_norm as clip_by_norm
from holdfast.ops.clipping import clip_by_value as clip_by_value
from holdfast.ops.clipping import global_norm as global_norm
from holdfast.ops.comparison import equal as equal
from holdfast.ops.comparison import greater as greater
from holdfast.ops.comparison import greater_equal as greater_equal
from holdfast.ops.comparison import less as less
from holdfast.ops.comparison import less_equal as less_equal
from holdfast.ops.comparison import logical_and as logical_and
from holdfast.ops.comparison import logical_not as logical_not
from holdfast.ops.comparison import logical_or as logical_or
from holdfast.ops.comparison import logical_xor as logical_xor
from holdfast.ops.comparison import not_equal as not_equal
from holdfast.ops.complex_numbers import angle as angle
from holdfast.ops.complex_numbers import complex as complex
from holdfast.ops.complex_numbers import conj as conj
from holdfast.ops.complex_numbers import imag as imag
from holdfast.ops.complex_numbers import real as real
from holdfast.ops.cond import cond as cond
from holdfast.ops.constants import constant as constant
from holdfast.ops.cumulative import cumprod as cumprod
from holdfast.ops.cumulative import cumsum as cumsum
from holdfast.ops.diagonals import diag as diag
from holdfast.ops.diagonals import eye as eye
from holdfast.ops.diagonals import matrix_diag as matrix_diag
from holdfast.ops.diagonals import matrix_diag_part as matrix_diag_part
from holdfast.ops.diagonals import matrix_set_diag as matrix_set_diag
from holdfast.ops.division import div as div
from holdfast.ops.division import divide as divide
from holdfast.ops.division import floor_div as floor_div
from holdfast.ops.division import floordiv as floordiv
from holdfast.ops.division import floormod as floormod
from holdfast.ops.division import mod as mod
from holdfast.ops.division import realdiv as realdiv
from holdfast.ops.division import truediv as truediv
from holdfast.ops.division import truncatediv as truncatediv
from holdfast.ops.division import truncatemod as truncatemod
from holdfast.ops.dynamic_rows import dynamic_partition as dynamic_partition
from holdfast.ops.dynamic_rows import dynamic_stitch as dynamic_stitch
from holdfast.ops.dynamic_rows import segment_sum as segment_sum
from holdfast.ops.exponentials import exp as exp
from holdfast.ops.exponentials import expm1 as expm1
from holdfast.ops.exponentials import log as log
from holdfast.ops.exponentials import log1p as log1p
from holdfast.ops.exponentials import log_sigmoid as log_sigmoid
from holdfast.ops.exponentials import reciprocal as reciprocal
from holdfast.ops.exponentials import rsqrt as rsqrt
from holdfast.ops.exponentials import sigmoid as sigmoid
from holdfast.ops.exponentials import sqrt as sqrt
from holdfast.ops.exponentials import tanh as tanh
from holdfast.ops.gathering import gather as gather
from holdfast.ops.gathering import gather_nd as gather_nd
from holdfast.ops.gathering import scatter_nd as scatter_nd
from holdfast.ops.gradient_registry import NoGradient as NoGradient
from holdfast.ops.gradient_registry import NotDifferentiable as NotDifferentiable
from holdfast.ops.gradient_registry import RegisterGradient as RegisterGradient
from holdfast.ops.grids import meshgrid as meshgrid
from holdfast.ops.grouping import group as group
from holdfast.ops.grouping import no_op as no_op
from holdfast.ops.grouping import tuple as tuple
from holdfast.ops.identities import identity as identity
from holdfast.ops.identities import placeholder as placeholder
from holdfast.ops.identities import placeholder_with_default as placeholder_with_default
from holdfast.ops.identities import stop_gradient as stop_gradient
from holdfast.ops.importer import import_graph_def as import_graph_def
from holdfast.ops.joining import concat as concat
from holdfast.ops.masking import boolean_mask as boolean_mask
from holdfast.ops.masking import sequence_mask as sequence_mask
from holdfast.ops.masking import where as where
from holdfast.ops.matmul import matmul as matmul
from holdfast.ops.norms import norm as norm
from holdfast.ops.numeric_checks import add_check_numerics_ops as add_check_numerics_ops
from holdfast.ops.numeric_checks import check_numerics as check_numerics
from holdfast.ops.numeric_checks import verify_tensor_all_finite as verify_tensor_all_finite
from holdfast.ops.padding import pad as pad
from holdfast.ops.padding import tile as tile
from holdfast.ops.printing import Print as Print
from holdfast.ops.python_functions import py_func as py_func
from holdfast.ops.random_crop import random_crop as random_crop
from holdfast.ops.random_ops import multinomial as multinomial
from holdfast.ops.random_ops import random_gamma as random_gamma
from holdfast.ops.random_ops import random_normal as random_normal
from holdfast.ops.random_ops import random_poisson as random_poisson
from holdfast.ops.random_ops import random_shuffle as random_shuffle
from holdfast.ops.random_ops import random_uniform as random_uniform
from holdfast.ops.random_ops import truncated_normal as truncated_normal
from holdfast.ops.rank_checks import assert_integer as assert_integer
from holdfast.ops.rank_checks import assert_proper_iterable as assert_proper_iterable
from holdfast.ops.rank_checks import assert_rank as assert_rank
from holdfast.ops.rank_checks import assert_rank_at_least as assert_rank_at_least
from holdfast.ops.rank_checks import assert_rank_in as assert_rank_in
from holdfast.ops.rank_checks import assert_scalar as assert_scalar
from holdfast.ops.rank_checks import assert_type as assert_type
from holdfast.ops.rank_checks import is_numeric_tensor as is_numeric_tensor
from holdfast.ops.reductions import count_nonzero as count_nonzero
from holdfast.ops.reductions import reduce_all as reduce_all
from holdfast.ops.reductions import reduce_any as reduce_any
from holdfast.ops.reductions import reduce_logsumexp as reduce_logsumexp
from holdfast.ops.reductions import reduce_max as reduce_max
from holdfast.ops.reductions import reduce_mean as reduce_mean
from holdfast.ops.reductions import reduce_min as reduce_min
from holdfast.ops.reductions import reduce_prod as reduce_prod
from holdfast.ops.reductions import reduce_sum as reduce_sum
from holdfast.ops.reordering import invert_permutation as invert_permutation
from holdfast.ops.reordering import reverse as reverse
from holdfast.ops.reordering import reverse_sequence as reverse_sequence
from holdfast.ops.reordering import reverse_v2 as reverse_v2
from holdfast.ops.reshaping import expand_dims as expand_dims
from holdfast.ops.reshaping import matrix_transpose as matrix_transpose
from holdfast.ops.reshaping import reshape as reshape
from holdfast.ops.reshaping import squeeze as squeeze
from holdfast.ops.reshaping import transpose as transpose
from holdfast.ops.rounding import ceil as ceil
from holdfast.ops.rounding import floor as floor
from holdfast.ops.rounding import is_finite as is_finite
from holdfast.ops.rounding import is_inf as is_inf
from holdfast.ops.rounding import is_nan as is_nan
from holdfast.ops.rounding import rint as rint
from holdfast.ops.rounding import round as round
from holdfast.ops.scatter_ops import scatter_add as scatter_add
from holdfast.ops.scatter_ops import scatter_div as scatter_div
from holdfast.ops.scatter_ops import scatter_mul as scatter_mul
from holdfast.ops.scatter_ops import scatter_sub as scatter_sub
from holdfast.ops.scatter_ops import scatter_update as scatter_update
from holdfast.ops.segment_ops import unique as unique
from holdfast.ops.segment_ops import unsorted_segment_sum as unsorted_segment_sum
from holdfast.ops.sequences import fill as fill
from holdfast.ops.sequences import linspace as linspace
from holdfast.ops.sequences import one_hot as one_hot
from holdfast.ops.sequences import ones as ones
from holdfast.ops.sequences import ones_like as ones_like
from holdfast.ops.sequences import range as range
from holdfast.ops.sequences import zeros as zeros
from holdfast.ops.sequences import zeros_like as zeros_like
from holdfast.ops.shape_queries import broadcast_dynamic_shape as broadcast_dynamic_shape
from holdfast.ops.shape_queries import broadcast_static_shape as broadcast_static_shape
from holdfast.ops.shape_queries import rank as rank
from holdfast.ops.shape_queries import shape as shape
from holdfast.ops.shape_queries import shape_n as shape_n
from holdfast.ops.shape_queries import size as size
from holdfast.ops.slicing import newaxis as newaxis
from holdfast.ops.slicing import slice as slice
from holdfast.ops.slicing import strided_slice as strided_slice
from holdfast.ops.special_functions import digamma as digamma
from holdfast.ops.special_functions import erf as erf
from holdfast.ops.special_functions import erfc as erfc
from holdfast.ops.special_functions import lgamma as lgamma
from holdfast.ops.special_functions import polygamma as polygamma
from holdfast.ops.special_functions import zeta as zeta
from holdfast.ops.splitting import split as split
from holdfast.ops.stacking import stack as stack
from holdfast.ops.stacking import unstack as unstack
from holdfast.ops.state_ops import assign as assign
from holdfast.ops.state_ops import assign_add as assign_add
from holdfast.ops.state_ops import assign_sub as assign_sub
from holdfast.ops.state_ops import count_up_to as count_up_to
from holdfast.ops.sums import accumulate_n as accumulate_n
from holdfast.ops.sums import add_n as add_n
from holdfast.ops.sums import scalar_mul as scalar_mul
from holdfast.ops.tensordot import tensordot as tensordot
from holdfast.ops.trigonometry import acos as acos
from holdfast.ops.trigonometry import acosh as acosh
from holdfast.ops.trigonometry import asin as asin
from holdfast.ops.trigonometry import asinh as asinh
from holdfast.ops.trigonometry import atan as atan
from holdfast.ops.trigonometry import atan2 as atan2
from holdfast.ops.trigonometry import atanh as atanh
from holdfast.ops.trigonometry import cos as cos
from holdfast.ops.trigonometry import cosh as cosh
from holdfast.ops.trigonometry import sin as sin
from holdfast.ops.trigonometry import sinh as sinh
from holdfast.ops.trigonometry import tan as tan
from holdfast.protos import AttrValue as AttrValue
from holdfast.protos import ConfigProto as ConfigProto
from holdfast.protos import GPUOptions as GPUOptions
from holdfast.protos import GraphDef as GraphDef
from holdfast.protos import GraphOptions as GraphOptions
from holdfast.protos import MetaGraphDef as MetaGraphDef
from holdfast.protos import NameAttrList as NameAttrList
from holdfast.protos import NodeDef as NodeDef
from holdfast.protos import OptimizerOptions as OptimizerOptions
from holdfast.protos import RunMetadata as RunMetadata
from holdfast.protos import RunOptions as RunOptions
from holdfast.runtime.session import InteractiveSession as InteractiveSession
from holdfast.runtime.session import Session as Session
from holdfast.shapes import Dimension as Dimension
from holdfast.shapes import TensorShape as TensorShape
from holdfast.train.aggregation import AggregationMethod as AggregationMethod
from holdfast.train.gradients import gradients as gradients
from holdfast.variables.collections import all_variables as all_variables
from holdfast.variables.collections import global_variables as global_variables
from holdfast.variables.collections import local_variables as local_variables
from holdfast.variables.collections import model_variables as model_variables
from holdfast.variables.collections import moving_average_variables as moving_average_variables
from holdfast.variables.collections import trainable_variables as trainable_variables
from holdfast.variables.initialization import assert_variables_initialized as assert_variables_initialized
from holdfast.variables.initialization import global_variables_initializer as global_variables_initializer
from holdfast.variables.initialization import initialize_all_variables as initialize_all_variables
from holdfast.variables.initialization import initialize_local_variables as initialize_local_variables
from holdfast.variables.initialization import initialize_variables as initialize_variables
from holdfast.variables.initialization import is_variable_initialized as is_variable_initialized
from holdfast.variables.initialization import local_variables_initializer as local_variables_initializer
from holdfast.variables.initialization import report_uninitialized_variables as report_uninitialized_variables
from holdfast.variables.initialization import variables_initializer as variables_initializer
from holdfast.variables.variable import Variable as Variable

__version__: str
__all__ = [
    "GRAPH_DEF_VERSION",
    "GRAPH_DEF_VERSION_MIN_CONSUMER",
    "GRAPH_DEF_VERSION_MIN_PRODUCER",
    "QUANTIZED_DTYPES",
    "AggregationMethod",
    "Assert",
    "AttrValue",
    "ConfigProto",
    "DType",
    "DeviceSpec",
    "Dimension",
    "GPUOptions",
    "Graph",
    "GraphDef",
    "GraphKeys",
    "GraphOptions",
    "IndexedSlices",
    "InteractiveSession",
    "MetaGraphDef",
    "NameAttrList",
    "NoGradient",
    "NodeDef",
    "NotDifferentiable",
    "Operation",
    "OptimizerOptions",
    "Print",
    "RegisterGradient",
    "RunMetadata",
    "RunOptions",
    "Session",
    "Tensor",
    "TensorShape",
    "Variable",
    "__version__",
    "abs",
    "accumulate_n",
    "acos",
    "acosh",
    "add",
    "add_check_numerics_ops",
    "add_n",
    "add_to_collection",
    "all_variables",
    "angle",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "as_dtype",
    "asin",
    "asinh",
    "assert_equal",
    "assert_greater",
    "assert_greater_equal",
    "assert_integer",
    "assert_less",
    "assert_less_equal",
    "assert_negative",
    "assert_non_negative",
    "assert_non_positive",
    "assert_none_equal",
    "assert_positive",
    "assert_proper_iterable",
    "assert_rank",
    "assert_rank_at_least",
    "assert_rank_in",
    "assert_scalar",
    "assert_type",
    "assert_variables_initialized",
    "assign",
    "assign_add",
    "assign_sub",
    "atan",
    "atan2",
    "atanh",
    "bfloat16",
    "bool",
    "boolean_mask",
    "broadcast_dynamic_shape",
    "broadcast_static_shape",
    "case",
    "cast",
    "ceil",
    "check_numerics",
    "checkpoint",
    "clip_by_average_norm",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "colocate_with",
    "complex",
    "complex64",
    "complex128",
    "concat",
    "cond",
    "conj",
    "constant",
    "container",
    "control_dependencies",
    "convert_to_tensor",
    "convert_to_tensor_or_indexed_slices",
    "cos",
    "cosh",
    "count_nonzero",
    "count_up_to",
    "cumprod",
    "cumsum",
    "device",
    "diag",
    "digamma",
    "div",
    "divide",
    "double",
    "dynamic_partition",
    "dynamic_stitch",
    "equal",
    "erf",
    "erfc",
    "errors",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "fill",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_div",
    "floordiv",
    "floormod",
    "gather",
    "gather_nd",
    "get_collection",
    "get_collection_ref",
    "get_default_graph",
    "get_default_session",
    "get_seed",
    "global_norm",
    "global_variables",
    "global_variables_initializer",
    "gradients",
    "greater",
    "greater_equal",
    "group",
    "half",
    "identity",
    "imag",
    "import_graph_def",
    "initialize_all_variables",
    "initialize_local_variables",
    "initialize_variables",
    "int8",
    "int16",
    "int32",
    "int64",
    "invert_permutation",
    "is_finite",
    "is_inf",
    "is_nan",
    "is_non_decreasing",
    "is_numeric_tensor",
    "is_strictly_increasing",
    "is_variable_initialized",
    "less",
    "less_equal",
    "lgamma",
    "linspace",
    "local_variables",
    "local_variables_initializer",
    "log",
    "log1p",
    "log_sigmoid",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_diag",
    "matrix_diag_part",
    "matrix_set_diag",
    "matrix_transpose",
    "maximum",
    "meshgrid",
    "minimum",
    "mod",
    "model_variables",
    "moving_average_variables",
    "multinomial",
    "multiply",
    "name_scope",
    "negative",
    "newaxis",
    "nn",
    "no_op",
    "norm",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "op_scope",
    "pad",
    "placeholder",
    "placeholder_with_default",
    "polygamma",
    "pow",
    "py_func",
    "qint8",
    "qint16",
    "qint32",
    "quint8",
    "quint16",
    "random_crop",
    "random_gamma",
    "random_normal",
    "random_poisson",
    "random_shuffle",
    "random_uniform",
    "range",
    "rank",
    "real",
    "realdiv",
    "reciprocal",
    "reduce_all",
    "reduce_any",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "register_tensor_conversion_function",
    "report_uninitialized_variables",
    "reset_default_graph",
    "reshape",
    "resource",
    "reverse",
    "reverse_sequence",
    "reverse_v2",
    "rint",
    "round",
    "rsqrt",
    "saturate_cast",
    "scalar_mul",
    "scatter_add",
    "scatter_div",
    "scatter_mul",
    "scatter_nd",
    "scatter_sub",
    "scatter_update",
    "segment_sum",
    "sequence_mask",
    "set_random_seed",
    "shape",
    "shape_n",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "size",
    "slice",
    "split",
    "sqrt",
    "square",
    "squared_difference",
    "squeeze",
    "stack",
    "stop_gradient",
    "strided_slice",
    "string",
    "subtract",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "to_bfloat16",
    "to_double",
    "to_float",
    "to_int32",
    "to_int64",
    "train",
    "trainable_variables",
    "transpose",
    "truediv",
    "truncated_normal",
    "truncatediv",
    "truncatemod",
    "tuple",
    "uint8",
    "uint16",
    "unique",
    "unsorted_segment_sum",
    "unstack",
    "variables_initializer",
    "variant",
    "verify_tensor_all_finite",
    "where",
    "zeros",
    "zeros_like",
    "zeta",
]
