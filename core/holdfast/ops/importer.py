"""import_graph_def: the nodes of a GraphDef become operations of the default graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast import devices
from holdfast.graph import conversion, default, names
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.graph.versions import GRAPH_DEF_VERSION
from holdfast.ops.import_attrs import AttrReader, expected_inputs, outputs, producer_defaults
from holdfast.ops.import_nodes import ImportNode, creation_order, invalid, parse_tensor_name, read_nodes

if TYPE_CHECKING:
    from holdfast import protos
    from holdfast.graph.graph import Graph
    from holdfast.shapes import TensorShape

__all__ = ["import_graph_def"]

_COLOCATED = b"loc:@"


def import_graph_def(
    graph_def: Any,
    input_map: Mapping[str, Any] | None = None,
    return_elements: Sequence[str] | None = None,
    name: str | None = None,
    op_dict: Any = None,
    producer_op_list: Any = None,
) -> list[Any] | None:
    """Add the nodes of a GraphDef to the default graph. If that fails, the graph keeps its operations as they were.

    The message may come from a stranger: nothing is run or opened. Run what was imported only if you trust its author.

    Parameters
    ----------
    graph_def
        A ``GraphDef`` message, of this library or of TensorFlow; its nodes may be in any order, but without loops.
    input_map
        Tensors to be used in the place of tensors of the GraphDef, by their names in it; operations in the place of
        control inputs ``^name``.
    return_elements
        Names in the GraphDef, of operations or (``name:index``) tensors, to be returned.
    name
        Name scope for the operations, by default ``import``; empty for none.
    op_dict
        Ignored; TensorFlow deprecated it.
    producer_op_list
        ``OpList`` message of the software that made the graph: attributes unknown here are left out where they have
        the default value in it.

    Returns
    -------
    The operations and tensors that were asked for, in their order; None if none were.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If the GraphDef makes no sense, needs op types that are not defined, or does not have what the arguments name.
    RuntimeError
        If the default graph is finalized.
    """
    from holdfast.graph.graph_def import as_graph_def, as_op_list  # messages are loaded at first use

    message = as_graph_def(graph_def)
    op_list = None if producer_op_list is None else as_op_list(producer_op_list)
    replaced = _checked_input_map(input_map)
    elements = _checked_return_elements(return_elements)
    _check_versions(message.versions)
    graph = default.get_default_graph()
    graph._check_not_finalized()
    with default.name_scope(name, "import", [v for v in replaced.values() if isinstance(v, Tensor)]) as scope:
        if default.get_default_graph() is not graph:
            raise ValueError("The tensors of `input_map` must be of the default graph, which the nodes are added to.")
        run = _Import(graph, message, _as_elements(replaced, scope), producer_defaults(op_list))
        try:
            run.make_all()
            result = None if elements is None else [run.element(item) for item in elements]
        except BaseException:
            run.undo()
            raise
    if message.HasField("versions"):
        versions = message.versions
        graph._versions = (versions.producer, versions.min_consumer, tuple(versions.bad_consumers))
    return result


def _checked_input_map(input_map: Any) -> dict[str, Any]:
    """Return the input map, its keys as text."""
    if input_map is None:
        return {}
    if not isinstance(input_map, Mapping) or not all(isinstance(key, str | bytes) for key in input_map):
        raise TypeError("input_map must be a dictionary mapping strings to Tensor objects.")
    return {key if isinstance(key, str) else key.decode(): value for key, value in input_map.items()}


def _checked_return_elements(return_elements: Any) -> list[str] | None:
    """Return the names of the elements to be returned as text."""
    if return_elements is None:
        return None
    if not isinstance(return_elements, Sequence) or isinstance(return_elements, str | bytes):
        raise TypeError(f"return_elements must be a list of strings, not {return_elements!r}.")
    if not all(isinstance(item, str | bytes) for item in return_elements):
        raise TypeError("return_elements must be a list of strings.")
    return [item if isinstance(item, str) else item.decode() for item in return_elements]


def _check_versions(versions: protos.VersionDef) -> None:
    """Refuse graphs that say of themselves that they cannot be read here."""
    if versions.min_consumer > GRAPH_DEF_VERSION or GRAPH_DEF_VERSION in versions.bad_consumers:
        raise ValueError(
            f"The graph (GraphDef version {versions.producer}) cannot be read here: it needs version "
            f"{versions.min_consumer} or later, without {list(versions.bad_consumers)}; this is {GRAPH_DEF_VERSION}."
        )


def _as_elements(input_map: dict[str, Any], scope: str) -> dict[str, Tensor | Operation]:
    """Return the input map with its values converted to tensors, those of control inputs to operations."""
    result: dict[str, Tensor | Operation] = {}
    for key, value in input_map.items():
        if key.startswith("^"):
            element = default.get_default_graph().as_graph_element(value)
            result[key] = element.op if isinstance(element, Tensor) else element
        elif isinstance(value, Tensor):
            result[key] = value
        elif scope:
            with default.name_scope("_inputs"):
                result[key] = conversion.convert_to_tensor(value)
        else:
            raise ValueError(
                "tf.import_graph_def() requires a non-empty `name` if `input_map` contains non-Tensor values. Try "
                "calling tf.convert_to_tensor() on `input_map` values before calling tf.import_graph_def()."
            )
    return result


class _Import:
    """One import: makes operations of the nodes."""

    def __init__(self, graph: Graph, message: protos.GraphDef, input_map: dict[str, Any], defaults: Any) -> None:
        self._graph = graph
        self._nodes = read_nodes(message)
        self._attrs = AttrReader(message.versions.producer, defaults)
        self._tensors: dict[tuple[str, int], Tensor] = {}
        self._controls: dict[str, Operation] = {}
        for key, element in input_map.items():
            if isinstance(element, Tensor):
                self._tensors[parse_tensor_name(key)] = element
            else:
                self._controls[key[1:]] = element
        self._check_input_map()
        self._full_names: dict[str, str] = {}
        self._made: dict[str, Operation] = {}

    def _check_input_map(self) -> None:
        """Refuse an input map of which something would not be used."""
        used: set[tuple[str, int]] = set()
        used_controls: set[str] = set()
        for node in self._nodes.values():
            used.update(node.inputs)
            used_controls.update(node.control_inputs)
        unused = [f"{source}:{index}" for source, index in self._tensors.keys() - used]
        unused += [f"^{source}" for source in self._controls.keys() - used_controls]
        if unused:
            raise ValueError(f"Attempted to map inputs that were not found in graph_def: [{', '.join(sorted(unused))}]")

    def make_all(self) -> None:
        """Make all operations."""
        order = creation_order(self._nodes, frozenset(self._tensors), frozenset(self._controls))
        # Taken in the order of the message, so that this alone decides who gets which name.
        for name in self._nodes:
            self._full_names[name] = self._unique_name(name)
        for node in order:
            self._make(node)
        for node in order:
            self._colocate(node)

    def undo(self) -> None:
        """Take back what was made."""
        self._graph._remove_newest(self._made.values())
        for name in self._full_names.values():
            self._graph._names.release(name)

    def _unique_name(self, name: str) -> str:
        """Return the full name of a node."""
        scope = self._graph.get_name_scope()
        if not name or name.endswith("/"):
            raise ValueError(f"{name!r} is not a valid node name")
        names.check_op_name(f"{scope}/{name}" if scope else name)
        return self._graph.unique_name(name)

    def _make(self, node: ImportNode) -> None:
        """Make the operation of a node."""
        attrs = self._attrs.attrs(node)
        inputs = self._inputs(node, expected_inputs(node, attrs))
        types = outputs(node, attrs)
        controls = [self._controls.get(source) or self._made[source] for source in node.control_inputs]
        shapes = attrs.pop("_output_shapes", None)
        try:
            with self._graph.device(node.proto.device):
                op = self._graph.create_op(
                    node.definition,
                    inputs,
                    types,
                    attrs,
                    self._full_names[node.name],
                    control_inputs=dict.fromkeys(controls),
                )
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError) as error:
            # Shape rules trust their definition's attributes; those of a stranger may be, say, too short a list.
            invalid(node.name, f"{type(error).__name__}: {error}")
        self._made[node.name] = op
        if shapes is not None:
            _merge_shapes(node, op, shapes)

    def _inputs(self, node: ImportNode, expected: Sequence[Any]) -> list[Tensor]:
        """Return the inputs of a node, which must be what its op type expects."""
        result = []
        for (source, index), wanted in zip(node.inputs, expected, strict=True):
            tensor = self._tensors.get((source, index))
            if tensor is None:
                made = self._made[source].outputs
                if index >= len(made):
                    invalid(node.name, f"Input tensor '{source}:{index}' not found in graph_def")
                tensor = made[index]
            if not wanted.is_compatible_with(tensor.dtype):
                invalid(
                    node.name,
                    f"Input tensor '{source}:{index}' Cannot convert a tensor of type {tensor.dtype.name} to an input "
                    f"of type {wanted.name}",
                )
            result.append(tensor)
        return result

    def _colocate(self, node: ImportNode) -> None:
        """Make an operation's colocation groups speak of the imported operations, and keep it on their device."""
        groups = node.proto.attr["_class"].list.s if "_class" in node.proto.attr else ()
        if not groups:
            return
        op = self._made[node.name]
        inherited = set(op.attrs["_class"]) - set(groups)
        renamed = []
        for group in groups:
            if not group.startswith(_COLOCATED):
                renamed.append(group)
                continue
            other = self._made.get(group.removeprefix(_COLOCATED).decode(errors="replace"))
            if other is None:
                missing = group.removeprefix(_COLOCATED).decode(errors="replace")
                raise ValueError(
                    f"Specified colocation to an op that does not exist during import: {missing} in {node.name}"
                )
            renamed.append(_COLOCATED + other.name.encode())
            if other is not op and other.device:
                spec = devices.DeviceSpec.from_string(op.device)
                spec.merge_from(devices.DeviceSpec.from_string(other.device))
                op._set_device(spec)
        op.attrs["_class"] = [*sorted(inherited), *renamed]

    def element(self, name: str) -> Operation | Tensor:
        """Return the operation or tensor that a name in the GraphDef stands for."""
        operation, colon, index = name.partition(":")
        made = self._made.get(operation)
        if made is None or (colon and not (index.isdecimal() and int(index[:9]) < len(made.outputs))):
            raise ValueError(f"Requested return_element {name!r} not found in graph_def.")
        return made.outputs[int(index)] if colon else made


def _merge_shapes(node: ImportNode, op: Operation, shapes: list[TensorShape]) -> None:
    """Merge the static shapes that a node tells of its outputs into what is known of them."""
    if len(shapes) != len(op.outputs):
        invalid(node.name, f'{len(op.outputs)} outputs, but attr "_output_shapes" is of {len(shapes)}')
    for tensor, shape in zip(op.outputs, shapes, strict=True):
        try:
            tensor.set_shape(shape)
        except ValueError as error:
            invalid(node.name, error)
