"""Element types, shapes, slices, versions and tensors."""

from __future__ import annotations

_DATA_TYPES = (
    "FLOAT",  # 1
    "DOUBLE",  # 2
    "INT32",  # 3
    "UINT8",  # 4
    "INT16",  # 5
    "INT8",  # 6
    "STRING",  # 7
    "COMPLEX64",  # 8
    "INT64",  # 9
    "BOOL",  # 10
    "QINT8",  # 11
    "QUINT8",  # 12
    "QINT32",  # 13
    "BFLOAT16",  # 14
    "QINT16",  # 15
    "QUINT16",  # 16
    "UINT16",  # 17
    "COMPLEX128",  # 18
    "HALF",  # 19
    "RESOURCE",  # 20
    "VARIANT",  # 21
    "UINT32",  # 22
    "UINT64",  # 23
    "FLOAT8_E5M2",  # 24
    "FLOAT8_E4M3FN",  # 25
)

ENUMS: dict[str, dict[str, int]] = {
    "DataType": {
        "DT_INVALID": 0,
        **{f"DT_{name}": number for number, name in enumerate(_DATA_TYPES, 1)},
        **{f"DT_{name}_REF": number for number, name in enumerate(_DATA_TYPES, 101)},
    },
}

MESSAGES: dict[str, str] = {
    "TensorShapeProto": """
        2 dim TensorShapeProto.Dim*
        3 unknown_rank bool
    """,
    "TensorShapeProto.Dim": """
        1 size int64
        2 name string
    """,
    "TensorSliceProto": """
        1 extent TensorSliceProto.Extent*
    """,
    "TensorSliceProto.Extent": """
        1 start int64
        2 length int64 @has_length
    """,
    "VersionDef": """
        1 producer int32
        2 min_consumer int32
        3 bad_consumers int32*
    """,
    "ResourceHandleProto": """
        1 device string
        2 container string
        3 name string
        4 hash_code uint64
        5 maybe_type_name string
    """,
    "VariantTensorDataProto": """
        1 type_name string
        2 metadata bytes
        3 tensors TensorProto*
    """,
    "TensorProto": """
        1 dtype DataType
        2 tensor_shape TensorShapeProto
        3 version_number int32
        4 tensor_content bytes
        13 half_val int32*
        5 float_val float*
        6 double_val double*
        7 int_val int32*
        8 string_val bytes*
        9 scomplex_val float*
        10 int64_val int64*
        11 bool_val bool*
        12 dcomplex_val double*
        14 resource_handle_val ResourceHandleProto*
        15 variant_val VariantTensorDataProto*
        16 uint32_val uint32*
        17 uint64_val uint64*
        18 float8_val bytes
    """,
}
