"""The state file, and the index of TensorFlow's checkpoint files (V2 bundles and V1 tables)."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {
    "BundleHeaderProto.Endianness": {"LITTLE": 0, "BIG": 1},
}

MESSAGES: dict[str, str] = {
    "CheckpointState": """
        1 model_checkpoint_path string
        2 all_model_checkpoint_paths string*
        3 all_model_checkpoint_timestamps double*
        4 last_preserved_timestamp double
            """,
    "BundleHeaderProto": """
        1 num_shards int32
        2 endianness BundleHeaderProto.Endianness
        3 version VersionDef
    """,
    "BundleEntryProto": """
        1 dtype DataType
        2 shape TensorShapeProto
        3 shard_id int32
        4 offset int64
        5 size int64
        6 crc32c fixed32
        7 slices TensorSliceProto*
    """,
    "SavedTensorSlices": """
        1 meta SavedTensorSliceMeta
        2 data SavedSlice
    """,
    "SavedTensorSliceMeta": """
        1 tensor SavedSliceMeta*
        2 versions VersionDef
    """,
    "SavedSliceMeta": """
        1 name string
        2 shape TensorShapeProto
        3 type DataType
        4 slice TensorSliceProto*
    """,
    "SavedSlice": """
        1 name string
        2 slice TensorSliceProto
        3 data TensorProto
    """,
}
