"""What of a graph a run has run where, as one ``GraphDef`` per device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast import protos
from holdfast.graph.graph_def import node_def, version_def
from holdfast.runtime.node_names import NodeNames

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.placement import Placer
    from holdfast.runtime.plan import Fetch
    from holdfast.runtime.prepared import PreparedPlan
    from holdfast.runtime.session_devices import SessionDevices


def partition_graphs(
    graph: Graph, plan: PreparedPlan, placer: Placer, devices: SessionDevices
) -> list[protos.GraphDef]:
    """Return the operations that a plan was made of, by device.

    What is fed and fetched are ``_Arg`` and ``_Retval`` nodes, as in TensorFlow, and between devices there are pairs of
    ``_Send`` and ``_Recv``. Constants that were folded and identities that were dropped are still there:
    ``Session.explain`` shows what is left of them.
    """
    return _Partitions(graph, plan.fed, placer, devices).messages(plan.ops, plan.plan.fetches)


class _Partitions:
    """The messages while they are written."""

    def __init__(self, graph: Graph, fed: Sequence[Tensor], placer: Placer, devices: SessionDevices) -> None:
        self._graph = graph
        self._fed = fed
        self._placer = placer
        self._host = devices.host.name
        self._names = NodeNames(fed)
        self._parts: dict[str, Any] = {}
        self._received: dict[tuple[str, str], str] = {}
        self._edges = 0

    def messages(self, ops: Sequence[Operation], fetches: Sequence[Fetch]) -> list[protos.GraphDef]:
        """Write the messages."""
        for i, tensor in enumerate(self._fed):
            node = self._node(self._host, self._names.argument(tensor), "_Arg", [])
            node.attr["T"].type = tensor.dtype.base_dtype.as_datatype_enum
            node.attr["index"].i = i
        for op in ops:
            self._operation(op)
        for i, tensor in enumerate(fetch.tensor for fetch in fetches):
            device = self._device_of(tensor)
            node = self._node(device, self._names.result(tensor, i), "_Retval", [self._names.output(tensor)])
            node.attr["T"].type = tensor.dtype.base_dtype.as_datatype_enum
            node.attr["index"].i = i
        return [self._parts[name] for name in sorted(self._parts)]

    def _operation(self, op: Operation) -> None:
        """Write an operation on its device."""
        device = self._placer.device(op).name
        node = node_def(op)
        node.device = device
        del node.input[:]
        for tensor in op._inputs:
            source = self._device_of(tensor)
            name = self._names.output(tensor)
            if source != device:
                stem = name.partition(":")[0]
                name = self._sent(name, stem, tensor.dtype.base_dtype.as_datatype_enum, source, device)
            node.input.append(name)
        for control in op._control_inputs:
            source = self._placer.device(control).name
            node.input.append(f"^{control.name if source == device else self._signalled(control, source, device)}")
        self._part(device).node.append(node)

    def _sent(self, name: str, stem: str, dtype: int, source: str, target: str) -> str:
        """Send a value to another device, once, and return the node that receives it; its name begins with ``stem``."""
        known = self._received.get((name, target))
        if known is not None:
            return known
        edge = f"edge_{self._edges}_{stem}"
        send = self._node(source, f"{stem}/_{self._edges}", "_Send", [name])
        received = self._node(target, f"{stem}/_{self._edges + 1}", "_Recv", [])
        self._edges += 2
        send.attr["T"].type = received.attr["tensor_type"].type = dtype
        for node in (send, received):
            node.attr["tensor_name"].s = edge.encode()
            node.attr["send_device"].s = source.encode()
            node.attr["send_device_incarnation"].i = 1
            node.attr["recv_device"].s = target.encode()
            node.attr["client_terminated"].b = False
        self._received[name, target] = received.name
        return str(received.name)

    def _signalled(self, control: Operation, source: str, target: str) -> str:
        """Tell another device that an operation has run: an empty tensor is sent."""
        key = f"^{control.name}", target
        if key not in self._received:
            constant = self._node(source, f"{control.name}/_{self._edges}", "Const", [f"^{control.name}"])
            self._edges += 1
            constant.attr["dtype"].type = protos.DataType.DT_FLOAT
            constant.attr["value"].tensor.dtype = protos.DataType.DT_FLOAT
            constant.attr["value"].tensor.tensor_shape.dim.add(size=0)
            self._received[key] = self._sent(constant.name, control.name, protos.DataType.DT_FLOAT, source, target)
        return self._received[key]

    def _node(self, device: str, name: str, kind: str, inputs: Sequence[str]) -> Any:
        """Add a node that is no operation of the graph."""
        return self._part(device).node.add(name=name, op=kind, device=device, input=inputs)

    def _part(self, device: str) -> Any:
        """Return the message of a device."""
        part = self._parts.get(device)
        if part is None:
            part = self._parts[device] = protos.GraphDef(versions=version_def(self._graph))
        return part

    def _device_of(self, tensor: Tensor) -> str:
        """Return where a tensor's value is: fed ones are on the host."""
        return self._host if tensor in self._fed else self._placer.device(tensor.op).name
