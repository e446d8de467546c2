"""Meta graphs: a graph with its collections, signatures and saver."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {
    "SaverDef.CheckpointFormatVersion": {"LEGACY": 0, "V1": 1, "V2": 2},
}

MESSAGES: dict[str, str] = {
    "MetaGraphDef": """
        1 meta_info_def MetaGraphDef.MetaInfoDef
        2 graph_def GraphDef
        3 saver_def SaverDef
        4 collection_def map<string,CollectionDef>
        5 signature_def map<string,SignatureDef>
        6 asset_file_def AssetFileDef*
    """,
    "MetaGraphDef.MetaInfoDef": """
        1 meta_graph_version string
        2 stripped_op_list OpList
        3 any_info google.protobuf.Any
        4 tags string*
        5 tensorflow_version string
        6 tensorflow_git_version string
        7 stripped_default_attrs bool
    """,
    "CollectionDef": """
        1 node_list CollectionDef.NodeList @kind
        2 bytes_list CollectionDef.BytesList @kind
        3 int64_list CollectionDef.Int64List @kind
        4 float_list CollectionDef.FloatList @kind
        5 any_list CollectionDef.AnyList @kind
    """,
    "CollectionDef.NodeList": """
        1 value string*
    """,
    "CollectionDef.BytesList": """
        1 value bytes*
    """,
    "CollectionDef.Int64List": """
        1 value int64*
    """,
    "CollectionDef.FloatList": """
        1 value float*
    """,
    "CollectionDef.AnyList": """
        1 value google.protobuf.Any*
    """,
    "SignatureDef": """
        1 inputs map<string,TensorInfo>
        2 outputs map<string,TensorInfo>
        3 method_name string
    """,
    "TensorInfo": """
        1 name string @encoding
        4 coo_sparse TensorInfo.CooSparse @encoding
        2 dtype DataType
        3 tensor_shape TensorShapeProto
    """,
    "TensorInfo.CooSparse": """
        1 values_tensor_name string
        2 indices_tensor_name string
        3 dense_shape_tensor_name string
    """,
    "AssetFileDef": """
        1 tensor_info TensorInfo
        2 filename string
    """,
    "SaverDef": """
        1 filename_tensor_name string
        2 save_tensor_name string
        3 restore_op_name string
        4 max_to_keep int32
        5 sharded bool
        6 keep_checkpoint_every_n_hours float
        7 version SaverDef.CheckpointFormatVersion
    """,
    "VariableDef": """
        1 variable_name string
        6 initial_value_name string
        2 initializer_name string
        3 snapshot_name string
        4 save_slice_info_def SaveSliceInfoDef
        5 is_resource bool
        7 trainable bool
    """,
    "SaveSliceInfoDef": """
        1 full_name string
        2 full_shape int64*
        3 var_offset int64*
        4 var_shape int64*
    """,
    "CondContextDef": """
        1 context_name string
        2 pred_name string
        3 pivot_name string
        4 branch int32
        5 values_def ValuesDef
    """,
    "WhileContextDef": """
        1 context_name string
        2 parallel_iterations int32
        3 back_prop bool
        4 swap_memory bool
        5 pivot_name string
        6 pivot_for_pred_name string
        7 pivot_for_body_name string
        8 loop_exit_names string*
        10 loop_enter_names string*
        9 values_def ValuesDef
    """,
    "ValuesDef": """
        1 values string*
        2 external_values map<string,string>
    """,
}
