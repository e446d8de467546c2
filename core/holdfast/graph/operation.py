"""Operation: one node of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from holdfast import devices
from holdfast.graph import sessions
from holdfast.graph.tensor import Tensor

if TYPE_CHECKING:
    from holdfast.dtypes import DType
    from holdfast.graph.graph import Graph
    from holdfast.graph.op_def import OpDef
    from holdfast.graph.site import Site


class Operation:
    """One node of a graph. Made by the public functions through ``Graph.create_op``.

    ``attrs`` holds the attributes in Python's terms (DType, TensorShape, int, float, bool, bytes, NumPy arrays, lists);
    ``get_attr`` and ``node_def`` give them in TensorFlow's.
    """

    # With a dict, as programs keep notes of their own on operations.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_control_flow_context",
        "_control_inputs",
        "_device",
        "_id",
        "_inputs",
        "_name",
        "attrs",
        "graph",
        "op_def",
        "outputs",
        "site",
        "type",
    )

    def __init__(
        self,
        graph: Graph,
        name: str,
        op_def: OpDef,
        inputs: Sequence[Tensor],
        control_inputs: Collection[Operation],
        attrs: dict[str, Any],
        site: Site | None,
        control_flow_context: Any = None,
    ) -> None:
        self.graph = graph
        """The graph it belongs to."""
        self._name = name
        self.type = op_def.type
        """TensorFlow's op type."""
        self.op_def = op_def
        """Definition of its type."""
        self.attrs = attrs
        """Attributes in Python's terms; read only for callers."""
        self.site = site
        """The line of the user's program that made it."""
        self.outputs: list[Tensor] = []
        """Its output tensors."""
        self._inputs = tuple(inputs)
        self._control_inputs = tuple(control_inputs)
        self._device = ""
        self._id = 0
        self._control_flow_context = control_flow_context

    @property
    def name(self) -> str:
        """Full name, unique in the graph."""
        return self._name

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Its input tensors."""
        return self._inputs

    @property
    def control_inputs(self) -> list[Operation]:
        """Operations that run before it without giving it a value; a new list."""
        return list(self._control_inputs)

    @property
    def device(self) -> str:
        """Device as asked for; empty where none was."""
        return self._device

    @property
    def output_types(self) -> list[DType]:
        """Dtypes of the outputs."""
        return [t.dtype for t in self.outputs]

    @property
    def traceback(self) -> list[tuple[str, int, str, str | None]]:
        """The creation site in the form of ``traceback.extract_stack``: at most one entry, without the source line."""
        return [] if self.site is None else [(self.site.filename, self.site.lineno, self.site.function, None)]

    @property
    def node_def(self) -> Any:
        """A NodeDef message with all that is known of it; a new one each time."""
        from holdfast.graph.graph_def import node_def  # messages are loaded at first use

        return node_def(self)

    def get_attr(self, name: str) -> Any:
        """Return an attribute as TensorFlow does: shapes and tensors as messages, strings as bytes, types as DType.

        Raises
        ------
        ValueError
            If it has no such attribute.
        """
        if name not in self.attrs:
            raise ValueError(
                f'No attr named \'{name}\' in name: "{self._name}"\nop: "{self.type}"\n'
                f"Its attrs: {', '.join(sorted(self.attrs)) or 'none'}."
            )
        from holdfast.graph.attr_messages import public_attr  # messages are loaded at first use

        return public_attr(self.attrs[name])

    def values(self) -> tuple[Tensor, ...]:
        """Return the output tensors as a tuple."""
        return tuple(self.outputs)

    def colocation_groups(self) -> list[bytes]:
        """Return the colocation groups it belongs to, as ``loc:@<op>``: by default its own."""
        groups = [g for g in self.attrs.get("_class", ()) if g.startswith(b"loc:@")]
        return groups or [b"loc:@" + self._name.encode()]

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run it in the given or the default session."""
        sessions.execute(self, feed_dict, session)

    def _set_device(self, device: Any) -> None:
        """Set the device from a string, a DeviceSpec or None."""
        self._device = device if isinstance(device, str) else devices.canonical_name(device)

    def _set_attr(self, name: str, value: Any) -> None:
        """Set an attribute in Python's terms."""
        self.graph._touch()
        self.attrs[name] = value

    def _add_control_inputs(self, ops: Sequence[Operation]) -> None:
        """Add control inputs after the fact."""
        for op in ops:
            if op.graph is not self.graph:
                raise ValueError(f"{op.name} must be from the same graph as {self._name}.")
        self.graph._touch()
        self._control_inputs = tuple(dict.fromkeys((*self._control_inputs, *ops)))

    def _update_input(self, index: int, tensor: Tensor) -> None:
        """Replace an input after the fact."""
        if tensor.graph is not self.graph:
            raise ValueError(f"{tensor} must be from the same graph as {self._name}.")
        self.graph._touch()
        self._inputs = (*self._inputs[:index], tensor, *self._inputs[index + 1 :])

    def __repr__(self) -> str:
        return f"<tf.Operation '{self._name}' type={self.type}>"

    def __str__(self) -> str:
        from holdfast.graph.graph_def import text  # messages are loaded at first use

        return text(self.node_def)

    def __copy__(self) -> Operation:
        # An operation stands for a node of a graph: a copy would be another node.
        return self
