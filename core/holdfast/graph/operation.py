"""Operation: one node of a graph."""

from __future__ import annotations

from collections.abc import Sequence
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

    __slots__ = (
        "_control_flow_context",
        "_control_inputs",
        "_device",
        "_id",
        "_inputs",
        "attrs",
        "graph",
        "name",
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
        control_inputs: Sequence[Operation],
        attrs: dict[str, Any],
        site: Site | None,
    ) -> None:
        self.graph = graph
        """The graph it belongs to."""
        self.name = name
        """Full name, unique in the graph."""
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
        self._inputs = list(inputs)
        self._control_inputs = list(control_inputs)
        self._device = ""
        self._id = 0
        self._control_flow_context: Any = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Its input tensors."""
        return tuple(self._inputs)

    @property
    def control_inputs(self) -> list[Operation]:
        """Operations that run before it without giving it a value; a new list."""
        return list(self._control_inputs)

    @property
    def device(self) -> str:
        """Device as asked for, in canonical form; empty where none was."""
        return self._device

    @property
    def output_types(self) -> list[DType]:
        """Dtypes of the outputs."""
        return [t.dtype for t in self.outputs]

    @property
    def traceback(self) -> list[tuple[str, int, str, str | None]]:
        """The creation site, in the form of ``traceback.extract_stack``: at most one entry, without the source line."""
        return [] if self.site is None else [(self.site.filename, self.site.lineno, self.site.function, None)]

    @property
    def node_def(self) -> Any:
        """A NodeDef message with all that is known of it; a new one each time."""
        from holdfast.graph.graph_def import node_def  # noqa: PLC0415  (messages are loaded at first use)

        return node_def(self)

    def get_attr(self, name: str) -> Any:
        """Return an attribute as TensorFlow does: shapes and tensors as messages, strings as bytes, types as DType.

        Raises
        ------
        ValueError
            If it has no such attribute.
        """
        if name not in self.attrs:
            msg = f'No attr named "{name}" in name: "{self.name}" op: "{self.type}"; it has {sorted(self.attrs)}.'
            raise ValueError(msg)
        from holdfast.graph.graph_def import public_attr  # noqa: PLC0415  (messages are loaded at first use)

        return public_attr(self.attrs[name])

    def values(self) -> tuple[Tensor, ...]:
        """Return the output tensors as a tuple."""
        return tuple(self.outputs)

    def colocation_groups(self) -> list[bytes]:
        """Return the colocation groups it belongs to, as ``loc:@<op>``: by default its own."""
        default = [b"loc:@" + self.name.encode()]
        groups = [g for g in self.attrs.get("_class", ()) if g.startswith(b"loc:@")]
        return groups or default

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run it in the given or the default session."""
        sessions.execute(self, feed_dict, session)

    def _set_device(self, device: Any) -> None:
        """Set the device from a string, a DeviceSpec or None."""
        self._device = devices.canonical_name(device) if not isinstance(device, str) else device

    def _set_attr(self, name: str, value: Any) -> None:
        """Set an attribute in Python's terms."""
        self.attrs[name] = value
        self.graph._touch()

    def _add_control_inputs(self, ops: Sequence[Operation]) -> None:
        """Add control inputs after the fact."""
        for op in ops:
            if op.graph is not self.graph:
                msg = f"{op.name} must be from the same graph as {self.name}."
                raise ValueError(msg)
        self._control_inputs.extend(op for op in ops if op not in self._control_inputs)
        self.graph._touch()

    def _update_input(self, index: int, tensor: Tensor) -> None:
        """Replace an input after the fact."""
        if tensor.graph is not self.graph:
            msg = f"{tensor} must be from the same graph as {self.name}."
            raise ValueError(msg)
        old = self._inputs[index]
        self._inputs[index] = tensor
        tensor._consumers.append(self)
        old._consumers.remove(self)
        self.graph._touch()

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"

    def __str__(self) -> str:
        return str(self.node_def)
