"""A trace as TensorFlow's ``StepStats`` message."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from holdfast import protos
from holdfast.runtime.node_names import NodeNames
from holdfast.runtime.plan import AnyStep, CopyStep, Fetch, ReadStep, Step, writes

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.session_devices import SessionDevices
    from holdfast.runtime.tracing import Made, Record, Trace


def step_stats(trace: Trace, devices: SessionDevices) -> protos.StepStats:
    """Return the message of a trace.

    There is a node for each step that ran, under the name of its op; reads of variables are under the name of the
    variable or of its read. ``_SOURCE`` lasts from the call of ``run`` until the feeds were converted; ``_arg_...``
    are the fed values, ``_retval_...`` the hand-outs of what was fetched.
    """
    return _Writer(trace, devices).message()


class _Writer:
    """One message while it is written."""

    def __init__(self, trace: Trace, devices: SessionDevices) -> None:
        self._trace = trace
        self._host = devices.host.device
        self._device_names = {id(found.device): found.name for found in devices.all}
        self._names = NodeNames([tensor for tensor, _ in trace.fed])
        self._nodes: dict[str, list[Any]] = {}
        self._values: dict[int, tuple[str, Tensor]] = {}
        """The values of registers, as inputs are written, as far as steps have come."""

    def message(self) -> protos.StepStats:
        """Write the message."""
        self._before()
        fetches = iter(range(len(self._trace.records)))
        for record in self._trace.records:
            item = record.item
            if isinstance(item, Fetch):
                self._fetch(item, next(fetches), record)
            else:
                self._step(item, record)
        message = protos.StepStats()
        for name in sorted(self._nodes):
            message.dev_stats.add(device=name).node_stats.extend(self._nodes[name])
        return message

    def _before(self) -> None:
        """Write what precedes the first step: the feeds."""
        trace, plan = self._trace, self._trace.plan
        self._node(self._host, "_SOURCE", "NoOp", (), (trace.began, trace.taken, trace.taken))
        if plan is None:
            return
        for register, (tensor, made) in zip(plan.feeds, trace.fed, strict=True):
            name = self._names.argument(tensor)
            self._values[register] = name, tensor
            node = self._node(self._host, name, "_Arg", (), (trace.taken,) * 3)
            self._outputs(node, self._host, [(0, tensor, made)])

    def _fetch(self, fetch: Fetch, number: int, record: Record) -> None:
        """Write the hand-out of a fetched value, which ends in the host's memory."""
        name, source = self._names.result(fetch.tensor, number), self._names.output(fetch.tensor)
        node = self._node(self._host, name, "_Retval", (source,), (record.began, record.ended, record.cleared))
        self._outputs(node, self._host, [(0, fetch.tensor, made) for made in record.made])

    def _step(self, step: Step, record: Record) -> None:
        """Write a step."""
        match step:
            case AnyStep():
                return  # what a Merge asks before it runs is no node
            case ReadStep():
                name, kind, inputs = self._read(step)
                outputs = [(0, self._variable(step), made) for made in record.made]
            case CopyStep():
                source, tensor = self._values.get(step.input) or ("constant", None)
                name, kind, inputs = f"_recv_{source.replace(':', '_')}_0", "_Recv", (source,)
                outputs = [] if tensor is None else [(0, tensor, made) for made in record.made]
            case _:
                name, kind, inputs = step.op.name, step.op.type, self._names.inputs(step.op)
                outputs = _outputs_of(step, record.made)
        node = self._node(step.device, name, kind, inputs, (record.began, record.ended, record.cleared))
        self._outputs(node, step.device, outputs)
        for register, (slot, tensor, _) in zip(writes(step), outputs, strict=False):
            self._values[register] = f"{name}:{slot}" if slot else name, tensor

    def _read(self, step: ReadStep) -> tuple[str, str, Sequence[str]]:
        """Return the node that a read of a variable is: its own read, where that was asked for, else the variable."""
        variable = self._variable(step).op
        for candidate in (step.op, *(tensor.op for tensor in step.op._inputs)):
            if candidate.type == "Identity" and candidate.inputs[0].op is variable:
                return candidate.name, candidate.type, self._names.inputs(candidate)
        return variable.name, variable.type, ()

    def _variable(self, step: ReadStep) -> Tensor:
        """Return the variable that a step reads; one that is chosen in the run is told by the op that reads it."""
        plan = self._trace.plan
        slot = None if plan is None else plan.template[step.slot]
        op = step.op if slot is None else slot.op
        return op.outputs[0] if op.outputs else op.inputs[0]

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _node(self, device: Device, name: str, kind: str, inputs: Sequence[str], times: tuple[int, int, int]) -> Any:
        """Add a node with its times: beginning, end, end of what came with it."""
        began, ended, cleared = times
        node = protos.NodeExecStats(
            node_name=name,
            timeline_label=f"{name} = {kind}({', '.join(inputs)})",
            thread_id=self._trace.thread & 0xFFFFFFFF,
            memory=[protos.AllocatorMemoryUsed(allocator_name=_allocator(device))],
            memory_stats=protos.MemoryStats(),
        )
        _set_times(node, "nanos", began, ended, cleared)
        # Each instant is cut, not each duration: so nodes that follow each other do not overlap.
        _set_times(node, "micros", began // 1000, ended // 1000, cleared // 1000)
        self._nodes.setdefault(self._device_names[id(device)], []).append(node)
        return node

    def _outputs(self, node: Any, device: Device, outputs: Sequence[tuple[int, Tensor, Made]]) -> None:
        """Add the outputs of a node, and the memory it took for them."""
        taken = kept = 0
        for slot, tensor, made in outputs:
            size = prod(made.shape) * tensor.dtype.base_dtype.size
            description = protos.AllocationDescription(
                requested_bytes=size,
                allocated_bytes=size if made.allocated else 0,
                allocator_name=_allocator(device),
                has_single_reference=made.allocated and not made.kept,
                ptr=made.address,
            )
            output = node.output.add(slot=slot).tensor_description
            output.dtype = tensor.dtype.base_dtype.as_datatype_enum
            output.shape.SetInParent()
            output.shape.dim.extend(protos.TensorShapeProto.Dim(size=n) for n in made.shape)
            output.allocation_description.CopyFrom(description)
            taken += description.allocated_bytes
            kept += size if made.kept else 0
        (memory,) = node.memory
        memory.total_bytes = memory.peak_bytes = memory.live_bytes = taken
        side = "host" if device.device_type == "CPU" else "device"
        setattr(node.memory_stats, f"{side}_persistent_memory_size", kept)


def _set_times(node: Any, unit: str, began: int, ended: int, cleared: int) -> None:
    """Set the times of a node in one unit."""
    setattr(node, f"scheduled_{unit}", began)
    setattr(node, f"all_start_{unit}", began)
    setattr(node, f"op_end_rel_{unit}", ended - began)
    setattr(node, f"all_end_rel_{unit}", cleared - began)


def _outputs_of(step: Step, made: Sequence[Made]) -> list[tuple[int, Tensor, Made]]:
    """Return number, tensor and description of the outputs of a step: values, and variables that it updated."""
    own = len(writes(step))
    values, updated = iter(made[:own]), made[own:]
    # All ref outputs of an update are its first variable, as in TensorFlow.
    return [
        (i, tensor, updated[0] if updated and tensor.dtype._is_ref_dtype else next(values))
        for i, tensor in enumerate(step.op.outputs)
    ]


def _allocator(device: Device) -> str:
    """Return the name of what gives out a device's memory."""
    return "cpu" if device.device_type == "CPU" else f"{device.device_type}_{device.index}"
