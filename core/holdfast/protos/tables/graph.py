"""Graphs, nodes, attrs, functions and op definitions."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {}

MESSAGES: dict[str, str] = {
    "AttrValue": """
        2 s bytes @value
        3 i int64 @value
        4 f float @value
        5 b bool @value
        6 type DataType @value
        7 shape TensorShapeProto @value
        8 tensor TensorProto @value
        1 list AttrValue.ListValue @value
        10 func NameAttrList @value
        9 placeholder string @value
    """,
    "AttrValue.ListValue": """
        2 s bytes*
        3 i int64*
        4 f float*
        5 b bool*
        6 type DataType*
        7 shape TensorShapeProto*
        8 tensor TensorProto*
        9 func NameAttrList*
    """,
    "NameAttrList": """
        1 name string
        2 attr map<string,AttrValue>
    """,
    "NodeDef": """
        1 name string
        2 op string
        3 input string*
        4 device string
        5 attr map<string,AttrValue>
    """,
    "GraphDef": """
        1 node NodeDef*
        4 versions VersionDef
        3 version int32
        2 library FunctionDefLibrary
    """,
    "FunctionDefLibrary": """
        1 function FunctionDef*
        2 gradient GradientDef*
    """,
    "FunctionDef": """
        1 signature OpDef
        5 attr map<string,AttrValue>
        3 node_def NodeDef*
        4 ret map<string,string>
    """,
    "GradientDef": """
        1 function_name string
        2 gradient_func string
    """,
    "OpDef": """
        1 name string
        2 input_arg OpDef.ArgDef*
        3 output_arg OpDef.ArgDef*
        4 attr OpDef.AttrDef*
        8 deprecation OpDeprecation
        5 summary string
        6 description string
        18 is_commutative bool
        16 is_aggregate bool
        17 is_stateful bool
        19 allows_uninitialized_input bool
    """,
    "OpDef.ArgDef": """
        1 name string
        2 description string
        3 type DataType
        4 type_attr string
        5 number_attr string
        6 type_list_attr string
        16 is_ref bool
    """,
    "OpDef.AttrDef": """
        1 name string
        2 type string
        3 default_value AttrValue
        4 description string
        5 has_minimum bool
        6 minimum int64
        7 allowed_values AttrValue
    """,
    "OpDeprecation": """
        1 version int32
        2 explanation string
    """,
    "OpList": """
        1 op OpDef*
    """,
}
