from __future__ import annotations

import copy
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool, text_format

from holdfast import protos
from holdfast.dtypes import as_dtype
from holdfast.protos.tables import ENUMS, MESSAGES
from holdfast.protos.tensor import make_ndarray

# Written by TensorFlow. 1.4.1: a variable "v", a partitioned one "p", a cond, and collections of four kinds.
# 2.21.0 (compat.v1): a variable "v".
_META_GRAPHS = {version: Path(__file__).parent / "data" / f"tf-{version}.meta" for version in ("1.4.1", "2.21.0")}


def _meta_graph(version: str) -> protos.MetaGraphDef:
    """Return the message of a file."""
    meta = protos.MetaGraphDef()
    meta.ParseFromString(_META_GRAPHS[version].read_bytes())
    return meta


def test_importing_the_package_does_not_import_protobuf() -> None:
    """The protobuf package comes with the first message, not before."""
    code = (
        "import sys, holdfast.protos as p; assert 'google.protobuf' not in sys.modules, 'early'; "
        "p.GraphDef(); assert 'google.protobuf' in sys.modules, 'never'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_messages_stay_out_of_the_default_pool() -> None:
    """The real TensorFlow, whose messages have the same names, finds none of them taken."""
    assert protos.GraphDef.DESCRIPTOR.full_name == "tensorflow.GraphDef"
    assert protos.GraphDef.DESCRIPTOR.file.pool is not descriptor_pool.Default()
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("holdfast/messages.proto")


def test_a_clash_in_the_default_pool_does_not_matter() -> None:
    """Another library may register another message of the same name, before or after."""
    code = """
from google.protobuf import descriptor_pb2, descriptor_pool
def register(name):
    file = descriptor_pb2.FileDescriptorProto(name=name + ".proto", package="tensorflow", syntax="proto3")
    file.message_type.add(name=name)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
register("GraphDef")
from holdfast import protos
assert protos.GraphDef(version=3).version == 3
register("NodeDef")
assert protos.NodeDef(name="a").name == "a"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names() -> None:
    """The module has the messages of its tables, and says so when asked for another."""
    with pytest.raises(AttributeError, match=r"^module 'holdfast\.protos' has no attribute 'NoSuchDef'$"):
        _ = protos.NoSuchDef  # type: ignore[attr-defined]
    assert {"GraphDef", "ConfigProto", "DataType"} <= set(dir(protos))


def test_the_stub_lists_the_messages_of_the_tables() -> None:
    """Type checkers see what is there."""
    spec = importlib.util.find_spec("holdfast.protos")
    assert spec is not None
    assert spec.origin is not None
    stub = Path(spec.origin).with_suffix(".pyi").read_text(encoding="utf-8")
    messages = [line[6:].split("(")[0] for line in stub.splitlines() if line.endswith("(_Message): ...")]

    assert messages == sorted(name for name in MESSAGES if "." not in name)
    assert [name for name in ENUMS if "." not in name] == ["DataType"]


@pytest.mark.parametrize("name", [name for name in (*MESSAGES, *ENUMS) if "." not in name])
def test_every_message_can_be_made_and_found_again(name: str) -> None:
    """Each class belongs to the module, and an empty message to its class."""
    cls: Any = getattr(protos, name)
    if name != "DataType":
        assert pickle.loads(pickle.dumps(cls())) == cls()  # noqa: S301  # our own bytes


def test_data_types_have_the_numbers_of_dtypes() -> None:
    """The enum and the DTypes agree, references included."""
    alias = {"float": "float32", "double": "float64", "half": "float16"}
    for name, number in protos.DataType.items():
        word = name.removeprefix("DT_").lower()
        base, ref = word.removesuffix("_ref"), "_ref" * word.endswith("_ref")
        if number:
            assert as_dtype(alias.get(base, base) + ref).as_datatype_enum == number
    assert protos.DataType.Name(101) == "DT_FLOAT_REF"


@pytest.mark.parametrize(
    "message,wire",
    [
        (protos.BundleHeaderProto(num_shards=1, version=protos.VersionDef(producer=1)), "08011a020801"),
        (
            protos.BundleEntryProto(
                dtype=1,
                shape=protos.TensorShapeProto(dim=[{"size": 2}, {"size": 3}]),
                size=24,
                crc32c=0x173DDBC0,
            ),
            "0801 1208120208021202 0803 2818 35c0db3d17",
        ),
        (protos.TensorShapeProto(dim=[{"size": 0}]), "1200"),
        (protos.VersionDef(producer=24, bad_consumers=[1, 300]), "0818 1a0301ac02"),
        (protos.SaverDef(version=protos.SaverDef.V2, keep_checkpoint_every_n_hours=1.0), "350000803f 3802"),
        (protos.AttrValue(i=0), "1800"),
        (protos.AttrValue(list={"b": [True, False]}), "0a04 2a020100"),
        (protos.NodeDef(attr={"T": protos.AttrValue(type=1)}), "2a07 0a0154 12023001"),
        (protos.ConfigProto(device_count={"CPU": 2}), "0a07 0a03435055 1002"),
        (protos.OptimizerOptions(opt_level=protos.OptimizerOptions.L0), "18ffffffffffffffffff01"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_wire_form(message: Any, wire: str) -> None:
    """The bytes are those that TensorFlow reads and writes, written out by hand."""
    assert message.SerializeToString() == bytes.fromhex(wire)
    assert type(message).FromString(bytes.fromhex(wire)) == message


def test_a_meta_graph_of_tensorflow() -> None:
    """A file of TensorFlow's is understood."""
    meta = _meta_graph("1.4.1")
    nodes = {node.name: node for node in meta.graph_def.node}

    assert meta.meta_info_def.tensorflow_version == "1.4.1"
    assert meta.graph_def.versions.producer == 24
    assert [dim.size for dim in nodes["v"].attr["shape"].shape.dim] == [3]
    assert nodes["v"].attr["dtype"].type == protos.DataType.DT_FLOAT
    assert make_ndarray(nodes["v/initial_value"].attr["value"].tensor).tolist() == [1.0, 2.0, 3.0]
    assert nodes["c/mul"].device == "/device:GPU:0"
    assert meta.saver_def.restore_op_name == "save/restore_all"
    assert meta.saver_def.version == protos.SaverDef.V2
    assert {key: value.WhichOneof("kind") for key, value in meta.collection_def.items()} == {
        "variables": "bytes_list",
        "trainable_variables": "bytes_list",
        "cond_context": "bytes_list",
        "numbers": "int64_list",
        "rates": "float_list",
        "ends": "node_list",
    }


def test_messages_inside_the_collections_of_a_meta_graph() -> None:
    """Variables and cond contexts are messages stored as bytes."""
    collections = _meta_graph("1.4.1").collection_def
    variables = [protos.VariableDef.FromString(each) for each in collections["variables"].bytes_list.value]
    contexts = [protos.CondContextDef.FromString(each) for each in collections["cond_context"].bytes_list.value]

    assert [variable.variable_name for variable in variables] == ["v:0", "p/part_0:0", "p/part_1:0"]
    assert variables[0].initial_value_name == "v/initial_value:0"
    assert list(variables[2].save_slice_info_def.var_offset) == [2, 0]
    assert [(context.context_name, context.branch) for context in contexts] == [
        ("c/cond_text", 1),
        ("c/cond_text_1", 0),
    ]
    assert contexts[0].values_def.external_values["x:0"] == "c/mul/Switch:1"


@pytest.mark.parametrize("version", _META_GRAPHS)
def test_a_meta_graph_of_tensorflow_is_written_as_it_was_read(version: str) -> None:
    """Nothing of the file is unknown or lost: the text form, which leaves out unknown fields, gives it all back."""
    meta = _meta_graph(version)
    again = text_format.Parse(text_format.MessageToString(meta), protos.MetaGraphDef())

    assert again.SerializeToString(deterministic=True) == meta.SerializeToString(deterministic=True)
    assert len(again.SerializeToString(deterministic=True)) == _META_GRAPHS[version].stat().st_size


def test_fields_of_later_versions_are_kept() -> None:
    """An unknown field survives reading and writing."""
    assert protos.VariableDef.FromString(b"\x40\x01").SerializeToString() == b"\x40\x01"


def test_oneofs() -> None:
    """A oneof holds one value: the last one set."""
    value = protos.AttrValue(i=3)
    value.s = b"x"

    assert (value.WhichOneof("value"), value.HasField("i")) == ("s", False)
    value.ClearField("s")
    assert value.WhichOneof("value") is None
    assert protos.CollectionDef(node_list={"value": ["a"]}).WhichOneof("kind") == "node_list"
    assert protos.TensorInfo(name="x:0").WhichOneof("encoding") == "name"


def test_defaults() -> None:
    """Fields that were never set have proto3's defaults; a submessage says whether it was set."""
    config = protos.ConfigProto()

    assert config.allow_soft_placement is False
    assert config.gpu_options.per_process_gpu_memory_fraction == 0.0
    assert not config.HasField("gpu_options")
    config.gpu_options.allow_growth = True
    assert config.HasField("gpu_options")
    assert protos.OptimizerOptions().opt_level == protos.OptimizerOptions.L1


def test_enum_values_are_attributes_of_their_message() -> None:
    """Enum values are found where TensorFlow's code looks for them."""
    options = protos.RunOptions

    assert [options.NO_TRACE, options.SOFTWARE_TRACE, options.HARDWARE_TRACE, options.FULL_TRACE] == [0, 1, 2, 3]
    assert (protos.SaverDef.LEGACY, protos.SaverDef.V1, protos.SaverDef.V2) == (0, 1, 2)
    assert protos.OptimizerOptions.ON_2 == 2
    assert protos.RewriterConfig.HEURISTICS == 3


def test_unknown_fields_and_types_are_refused() -> None:
    """A typo in a field name, or a value of another type, is an error at once."""
    with pytest.raises(ValueError, match="no_such_field"):
        protos.ConfigProto(no_such_field=True)
    with pytest.raises(AttributeError):
        protos.ConfigProto().no_such_field = True
    with pytest.raises(TypeError):
        protos.ConfigProto().allow_soft_placement = "yes"


def test_any() -> None:
    """A collection can hold messages of any type."""
    item = protos.CollectionDef(any_list={}).any_list.value.add()
    item.Pack(protos.SaverDef(max_to_keep=3))
    saver = protos.SaverDef()

    assert item.type_url == "type.googleapis.com/tensorflow.SaverDef"
    assert item.Unpack(saver)
    assert saver.max_to_keep == 3


def test_text_form_of_a_state_file() -> None:
    """The state file is the text form of CheckpointState, TensorFlow 2's fields included."""
    text = 'model_checkpoint_path: "m-2"\nall_model_checkpoint_paths: "m-1"\nall_model_checkpoint_paths: "m-2"\n'
    state = text_format.Parse(text + "all_model_checkpoint_timestamps: 1.5\n", protos.CheckpointState())

    assert list(state.all_model_checkpoint_paths) == ["m-1", "m-2"]
    assert list(state.all_model_checkpoint_timestamps) == [1.5]
    state.ClearField("all_model_checkpoint_timestamps")
    assert text_format.MessageToString(state) == text


def test_copies() -> None:
    """Messages are copied, compared and merged by value."""
    node = protos.NodeDef(name="a", input=["b"])
    other = protos.NodeDef()
    other.CopyFrom(node)
    duplicate = copy.deepcopy(node)
    node.input.append("c")

    assert list(other.input) == list(duplicate.input) == ["b"]
    assert other == duplicate != node
