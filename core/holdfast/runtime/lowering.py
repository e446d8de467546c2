"""Lowering: from the operations of a run to a flat list of steps over registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast import errors
from holdfast.contracts import AliasingKernel, KernelRequest, UpdateKernel
from holdfast.runtime import guards
from holdfast.runtime.aliasing import BORROWED, Registers, finish
from holdfast.runtime.control_flow import lower_merge, lower_switch
from holdfast.runtime.folding import fold
from holdfast.runtime.plan import (
    AssignStep,
    CopyStep,
    Fetch,
    Guard,
    InitializedStep,
    Plan,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
)

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.checkpoint_ops import SessionKernel
    from holdfast.runtime.placement import Placer
    from holdfast.runtime.session_devices import SessionDevices
    from holdfast.runtime.slots import SlotStore

_PASS_ON = frozenset({"Identity", "StopGradient", "PreventGradient", "PlaceholderWithDefault", "Snapshot"})
_NOTHING = frozenset({"NoOp", "ControlTrigger"})
_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
_VARIABLES = frozenset({"VariableV2", "Variable"})


def kernel_request(op: Operation) -> KernelRequest:
    """Return an op as a backend sees it."""
    return KernelRequest(
        op.type,
        op.name,
        op.attrs,
        tuple(t.dtype.base_dtype for t in op._inputs),
        tuple(t.dtype.base_dtype for t in op.outputs),
    )


def is_own_read(op: Operation) -> bool:
    """Whether this is the read that a variable is made with (``w/read``).

    It stands for the variable: whoever takes it reads the variable at its own place in the order.
    """
    if op.type != "Identity" or op._control_inputs:
        return False
    source = op._inputs[0].op
    return source.type in _VARIABLES and op.name == f"{source.name}/read"


class Lowering:
    """One lowering. The steps come in the order of the ops; registers are numbered as they are made."""

    def __init__(
        self,
        devices: SessionDevices,
        placer: Placer,
        slots: SlotStore,
        kernels: Callable[[Operation, Device], Kernel | UpdateKernel | None],
        session_kernels: Callable[[Operation, Sequence[Operation]], SessionKernel | None],
    ) -> None:
        self.devices = devices
        self.registers = Registers()
        self.steps: list[Step] = []
        self.values: dict[Tensor, int] = {}
        """Tensors that are values, with their registers."""
        self.refs: dict[Tensor, int] = {}
        """Tensors that stand for variables, with the registers of their slots."""
        self.guards: dict[Tensor, Guard] = {}
        self.op_guards: dict[Operation, Guard] = {}
        self.folded = 0
        self._placer = placer
        self._slots = slots
        self._kernels = kernels
        self._session_kernels = session_kernels
        self._ops: Sequence[Operation] = ()
        # Where every device takes NumPy's arrays as they are, host values need no copies.
        self._numpy_only = all(d.device.owns(np.empty(0)) for d in devices.all)
        self._reads: dict[int, tuple[int, Guard]] = {}
        self._copies: dict[tuple[int, int], tuple[int, Guard]] = {}

    def plan(
        self, ops: Sequence[Operation], feeds: Sequence[Tensor], fetches: Sequence[Tensor], targets: Sequence[Operation]
    ) -> Plan:
        """Lower all ops and return the plan."""
        self._ops = ops
        feed_registers = []
        for tensor in feeds:
            register = self.registers.new(None, {BORROWED})
            self.values[tensor] = register
            feed_registers.append(register)
        for op in ops:
            self._lower(op)
        for op in targets:
            if is_own_read(op):
                self.value(op.outputs[0], op, self._placer.device(op).device)
        results = [self._fetch(tensor) for tensor in fetches]
        names = {op.name for op in ops}
        notes = {name: why for name, why in self._placer.fallbacks.items() if name in names}
        notes.update(self._host_notes(ops))
        return finish(self.steps, self.registers, tuple(feed_registers), results, self.folded, notes)

    def _host_notes(self, ops: Sequence[Operation]) -> dict[str, str]:
        """Return why ops run on the host that were placed on another device."""
        notes = {}
        for op in ops:
            reason = self._placer.device(op).backend.limitations.get(op.type)
            if reason is not None and op.type not in RUNTIME_OPS:
                notes[op.name] = f"computed on the host: {reason}"
        return notes

    # -- ops ---------------------------------------------------------------------------------------------------------

    def _lower(self, op: Operation) -> None:
        """Lower one op."""
        device = self._placer.device(op).device
        if op.type in ("Merge", "RefMerge"):
            lower_merge(self, op, device)
            return
        guard = guards.conjunction(
            [
                *(self.guards.get(t, ()) for t in op._inputs),
                *(self.op_guards.get(o, ()) for o in op._control_inputs),
            ]
        )
        self.op_guards[op] = guard
        if guard:
            self.guards.update((t, guard) for t in op.outputs if t not in self.values)
        _LOWER.get(op.type, Lowering._kernel)(self, op, device, guard)

    def _nothing(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an op that only orders others."""

    def _variable(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a variable."""
        self.refs[op.outputs[0]] = self.registers.new_slot(self._slots.slot(op, device))

    def _constant(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a constant."""
        self._define(op.outputs[0], self.registers.constant(op.attrs["value"], None))

    def _switch(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a Switch."""
        lower_switch(self, op, device, guard)

    def _is_initialized(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower the question whether a variable is initialised."""
        output = self.registers.new(None, set())
        self._define(op.outputs[0], output)
        self.emit(InitializedStep(op, device, guard, self.ref(op, 0), output))

    def _define(self, tensor: Tensor, register: int) -> None:
        """Give a tensor its register, unless it is fed."""
        self.values.setdefault(tensor, register)

    def _placeholder(self, op: Operation, device: Device, guard: Guard) -> None:
        """Raise unless the placeholder is fed; it is only lowered where something needs the op itself."""
        output = op.outputs[0]
        if output in self.values:
            return
        dims = output.shape.as_tuple()
        known = "" if dims is None else ",".join("?" if d is None else str(d) for d in dims)
        shape = "" if dims is None else f" and shape [{known}]"
        msg = f"You must feed a value for placeholder tensor '{op.name}' with dtype {_type_name(output)}{shape}"
        raise errors.InvalidArgumentError(op.node_def, op, msg)

    def _pass_on(self, op: Operation, device: Device, guard: Guard) -> None:
        """Drop an identity: its output is its input."""
        source, output = op._inputs[0], op.outputs[0]
        if output in self.values:
            return
        if source in self.refs and source not in self.values and (op.type == "RefIdentity" or is_own_read(op)):
            self.refs[output] = self.refs[source]
            return
        self.values[output] = self.value(source, op, self.device_of(source, device), guard)

    def _assign(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an assignment."""
        slot = self.ref(op, 0)
        value = self.value(op._inputs[1], op, device, guard)
        self.emit(AssignStep(op, device, guard, slot, value, bool(op.attrs["validate_shape"])))
        self.refs[op.outputs[0]] = slot
        self._forget_reads(slot)

    def _kernel(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an op that has a kernel."""
        own = self._session_kernels(op, self._ops)
        if own is not None:
            self._run(op, self.devices.host.device, guard, own)
            return
        kernel = self._kernels(op, device)
        if kernel is None:
            msg = f"No kernel for op '{op.name}' ({op.type}) on {self._placer.device(op).name}."
            raise errors.UnimplementedError(op.node_def, op, msg)
        if isinstance(kernel, UpdateKernel):
            self._update(op, device, guard, kernel)
        else:
            self._run(op, device, guard, kernel)

    def _run(self, op: Operation, device: Device, guard: Guard, kernel: Kernel | SessionKernel) -> None:
        """Lower an op whose kernel is a function of values."""
        inputs = tuple(self.value(t, op, device, guard) for t in op._inputs)
        if fold(self, op, device, guard, kernel, inputs):
            return
        aliases = kernel.aliases if isinstance(kernel, AliasingKernel) else {}
        outputs = []
        for i, tensor in enumerate(op.outputs):
            roots = set[int]().union(*(self.registers.roots[inputs[j]] for j in aliases.get(i, ())))
            register = self.registers.new(device, roots)
            outputs.append(register)
            self._define(tensor, register)
        self.emit(RunStep(op, device, guard, kernel, inputs, tuple(outputs)))

    def _update(self, op: Operation, device: Device, guard: Guard, kernel: UpdateKernel) -> None:
        """Lower an op that updates variables."""
        flags = _ref_flags(op)
        slots = tuple(self.ref(op, i) for i, is_ref in enumerate(flags) if is_ref)
        inputs = tuple(
            self.value(t, op, device, guard) for t, is_ref in zip(op._inputs, flags, strict=True) if not is_ref
        )
        outputs = []
        for i, tensor in enumerate(op.outputs):
            if tensor.dtype._is_ref_dtype:
                self.refs[tensor] = self.ref(op, op.op_def.ref_of_output[i])
            else:
                register = self.registers.new(device, set())
                outputs.append(register)
                self._define(tensor, register)
        self.emit(UpdateStep(op, device, guard, kernel, slots, inputs, tuple(outputs)))
        for slot in slots:
            self._forget_reads(slot)

    # -- values ------------------------------------------------------------------------------------------------------

    def emit(self, step: Step) -> None:
        """Append a step."""
        self.steps.append(step)

    def ref(self, op: Operation, index: int) -> int:
        """Return the slot register of an op's ref input."""
        tensor = op._inputs[index]
        if tensor in self.values or tensor not in self.refs:
            msg = (
                f"Input {index} of '{op.name}' ({op.type}) must be a variable; {tensor.name} is fed, or is only a "
                "value."
            )
            raise errors.InvalidArgumentError(op.node_def, op, msg)
        return self.refs[tensor]

    def device_of(self, tensor: Tensor, default: Device) -> Device:
        """Return the device a tensor's value lies on."""
        register = self.values.get(tensor)
        if register is None:
            slot = self.refs.get(tensor)
            return default if slot is None else self.registers.slot_device(slot, default)
        return self.registers.where[register] or self.devices.host.device

    def value(self, tensor: Tensor, op: Operation, device: Device, guard: Guard = ()) -> int:
        """Return the register of a tensor's value for an op at this point, on the given device."""
        register = self.values.get(tensor)
        if register is None:
            register = self._read(tensor, op, guard)
        return self._on_device(register, op, device, guard)

    def _read(self, tensor: Tensor, op: Operation, guard: Guard) -> int:
        """Read the variable that a tensor stands for."""
        slot = self.refs[tensor]
        known = self._reads.get(slot)
        if known is not None and set(known[1]) <= set(guard):
            return known[0]
        device = self.registers.slot_device(slot, self.devices.host.device)
        register = self.registers.new(device, set(self.registers.slot_roots[slot]))
        self.emit(ReadStep(op, device, guard, slot, register))
        self._reads[slot] = register, guard
        return register

    def _forget_reads(self, slot: int) -> None:
        """Forget reads that an update of a slot has made old."""
        changed = self.registers.slot_roots[slot]
        for other in [s for s in self._reads if self.registers.slot_roots[s] & changed]:
            del self._reads[other]

    def _on_device(self, register: int, op: Operation, device: Device, guard: Guard) -> int:
        """Return a register with the same value on the given device."""
        where = self.registers.where[register]
        if where is device or (where is None and self._numpy_only):
            return register
        if register in self.registers.constants:
            return self._constant_on(register, device)
        key = register, id(device)
        known = self._copies.get(key)
        if known is not None and set(known[1]) <= set(guard):
            return known[0]
        output = self.registers.new(device, set(self.registers.roots[register]))
        self.emit(CopyStep(op, device, guard, where, register, output))
        self._copies[key] = output, guard
        return output

    def _constant_on(self, register: int, device: Device) -> int:
        """Return a constant's register on another device: copied once, when the plan is made."""
        key = register, id(device)
        known = self._copies.get(key)
        if known is not None:
            return known[0]
        value = self.registers.constants[register]
        source = self.registers.where[register]
        host = value if source is None else source.to_host(value)
        output = self.registers.constant(device.from_host(host), device)
        self._copies[key] = output, ()
        return output

    def _fetch(self, tensor: Tensor) -> Fetch:
        """Return how to hand out a fetched tensor; variables are read at the end of the run."""
        guard = self.guards.get(tensor, ())
        if tensor not in self.values and tensor not in self.refs:
            msg = f"'{tensor.op.name}' has no value to fetch."
            raise errors.InvalidArgumentError(tensor.op.node_def, tensor.op, msg)
        register = self.values.get(tensor)
        if register is None:
            register = self._read(tensor, tensor.op, guard)
        return Fetch(tensor.name, register, guard, self.registers.where[register], copy=True, alias_of=frozenset())


def _type_name(tensor: Tensor) -> str:
    """Return TensorFlow's C++ name of a dtype: ``float`` for float32, ``double`` for float64."""
    name = tensor.dtype.base_dtype.name
    return {"float32": "float", "float64": "double", "float16": "half"}.get(name, name)


def _ref_flags(op: Operation) -> list[bool]:
    """Return for each input whether the definition takes a variable there."""
    flags: list[bool] = []
    for arg in op.op_def.inputs:
        count = 1
        if arg.number_attr:
            count = op.attrs[arg.number_attr]
        elif arg.type_list_attr:
            count = len(op.attrs[arg.type_list_attr])
        flags.extend([arg.is_ref] * count)
    return flags


_LOWER: dict[str, Callable[[Lowering, Operation, Device, Guard], None]] = {
    **dict.fromkeys(_PASS_ON, Lowering._pass_on),
    **dict.fromkeys(_NOTHING, Lowering._nothing),
    **dict.fromkeys(_PLACEHOLDERS, Lowering._placeholder),
    **dict.fromkeys(_VARIABLES, Lowering._variable),
    "RefIdentity": Lowering._pass_on,
    "Const": Lowering._constant,
    "Switch": Lowering._switch,
    "RefSwitch": Lowering._switch,
    "Assign": Lowering._assign,
    "IsVariableInitialized": Lowering._is_initialized,
}

RUNTIME_OPS = frozenset({*_LOWER, "Merge", "RefMerge"})
"""Op types that the runtime carries out itself, on any device."""
