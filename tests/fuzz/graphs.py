"""Target ``graph``: GraphDefs that are imported."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf.message import DecodeError

import holdfast as tf
from holdfast import protos
from tests.faults.hostile_containers import LARGE, NUMBERS
from tests.fuzz.mutations import other_bytes, other_text
from tests.fuzz.target import Target

_NUMBERS = [number for number in (*NUMBERS, *LARGE) if number < 1 << 63]


def seeds() -> dict[str, bytes]:
    """Return a small model with its gradients, and one with conditions and reshaping."""
    found = {}
    for name, build in {"model": _model, "shapes": _shapes}.items():
        with tf.Graph().as_default() as graph:
            build()
        found[name] = graph.as_graph_def().SerializeToString(deterministic=True)
    return found


def _model() -> None:
    """Build a layer and a step of training."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(tf.zeros([3, 2]), name="w")
    tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(tf.square(tf.matmul(x, w))))


def _shapes() -> None:
    """Build ops whose shapes depend on constants."""
    x = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [2, 2], name="x")
    y = tf.cond(tf.less(x[0, 0], 2.0), lambda: tf.tile(x, [2, 1]), lambda: tf.pad(x, [[1, 1], [0, 0]]))
    tf.strided_slice(tf.concat([y, y], 1), [0, -1], [4, 1], [1, -1], end_mask=2)
    tf.transpose(tf.stack(tf.split(x, 2, axis=1)), [2, 0, 1])
    tf.nn.conv2d(tf.reshape(x, [1, 2, 2, 1]), tf.ones([1, 1, 1, 2]), [1, 1, 1, 1], "SAME")
    tf.one_hot(tf.range(3), 4)
    tf.constant(["a", ""], name="words")


def read(data: bytes) -> None:
    """Import a GraphDef into an empty graph, which stays empty if it is refused."""
    message = protos.GraphDef()
    message.ParseFromString(data)
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(message, name="")
        except Exception:
            assert not graph.get_operations()
            raise


def change(data: bytes, random: Random) -> bytes:
    """Change nodes, inputs and attributes; bytes that are none are changed as they are."""
    message = protos.GraphDef()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return other_bytes(data, random)
    if not message.node or random.random() < 0.1:
        return other_bytes(data, random)
    for _ in range(random.choice((1, 1, 2, 3))):
        node, other = random.choice(message.node), random.choice(message.node)
        _change_node(node, other, random)
        if random.random() < 0.05:
            message.node.remove(other) if len(message.node) > 1 else None
    return bytes(message.SerializeToString(deterministic=True))


def _change_node(node: Any, other: Any, random: Random) -> None:
    """Change one node; `other` is one to take something from."""
    inputs = list(node.input)
    match random.randrange(6):
        case 0 if inputs:
            inputs[random.randrange(len(inputs))] = random.choice(
                (other.name, f"{other.name}:{random.choice((1, 2, -1, 10**9))}", f"^{other.name}", *other.input)
            )
        case 1:
            inputs = random.choice((inputs[1:], inputs + inputs, [*inputs, other.name], inputs[::-1]))
        case 2:
            node.op = other.op
        case 3:
            node.name = random.choice((other.name, other_text(node.name, random).encode("utf-8", "replace").decode()))
        case _ if keys := sorted(set(node.attr) | set(other.attr)):
            _change_attr(node, other, random.choice(keys), random)
    del node.input[:]
    node.input.extend(inputs)


def _change_attr(node: Any, other: Any, key: str, random: Random) -> None:
    """Change one attribute of a node."""
    value, number = node.attr[key], random.choice((-1, *_NUMBERS))
    match random.randrange(6):
        case 0:
            del node.attr[key]
        case 1:
            value.CopyFrom(other.attr[random.choice(sorted(other.attr) or [key])])
        case 2:
            value.i = number
        case 3:
            value.type = number % 130
        case 4 if value.HasField("tensor"):
            for size in value.tensor.tensor_shape.dim[:2]:
                size.size = number
        case 5 if value.HasField("tensor") and value.tensor.tensor_content:
            value.tensor.tensor_content = other_bytes(value.tensor.tensor_content, random)
        case _:
            value.list.i.append(number)


TARGET = Target("graph", seeds, read, change, (ValueError, TypeError, DecodeError))
