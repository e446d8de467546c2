"""Lowering: from the operations of a run to a flat list of steps over registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard, cast

from holdfast import errors
from holdfast.checkpoint import escaped
from holdfast.contracts import KernelRequest
from holdfast.runtime import guards
from holdfast.runtime.aliasing import decide_memory
from holdfast.runtime.checkpoint_ops import SESSION_OPS, SessionKernels
from holdfast.runtime.control_flow import lower_merge, lower_switch
from holdfast.runtime.folding import fold
from holdfast.runtime.placeholders import PLACEHOLDERS, lower_placeholder
from holdfast.runtime.plan import (
    AssignStep,
    Fetch,
    Guard,
    InitializedStep,
    Plan,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
    stretches_of,
)
from holdfast.runtime.registers import BORROWED, Registers
from holdfast.runtime.saving import SaveKernel
from holdfast.runtime.transfers import Transfers
from holdfast.runtime.unread import without_unread

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel, UpdateKernel
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.checkpoint_ops import SessionKernel
    from holdfast.runtime.placement import Placer
    from holdfast.runtime.session_devices import SessionDevices
    from holdfast.runtime.slots import SlotStore

_PASS_ON = ("Identity", "StopGradient", "PreventGradient", "PlaceholderWithDefault", "Snapshot", "RefIdentity")
_ONLY_ORDER = ("NoOp", "ControlTrigger")
_VARIABLES = frozenset({"VariableV2", "Variable"})
_NO_ALIASES: Mapping[int, tuple[int, ...]] = {}
_FRESH: frozenset[int] = frozenset()
_CALLS = frozenset({"PyFunc", "PyFuncStateless"})
"""Ops that call back into Python: what they return still belongs to the function."""


def kernel_request(op: Operation) -> KernelRequest:
    """Return an op as a backend sees it."""
    return KernelRequest(
        op.type,
        op.name,
        op.attrs,
        tuple([t._dtype._base for t in op._inputs]),
        tuple([t._dtype._base for t in op.outputs]),
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
        self.predicates: dict[int, str] = {}
        """Registers of predicates, with the names of their tensors."""
        self.folded = 0
        self._placer = placer
        self._slots = slots
        self._kernels = kernels
        self._session_kernels = SessionKernels(())
        self._transfers = Transfers(self)
        self._reads: dict[int, tuple[int, Guard]] = {}
        self._readers: dict[int, list[int]] = {}

    def plan(
        self, ops: Sequence[Operation], feeds: Sequence[Tensor], fetches: Sequence[Tensor], targets: Sequence[Operation]
    ) -> Plan:
        """Lower all ops and return the plan."""
        self._session_kernels = SessionKernels(ops, set(feeds))
        feed_registers = tuple(self.registers.new(None, (BORROWED,)) for _ in feeds)
        self.values.update(zip(feeds, feed_registers, strict=True))
        for op in ops:
            if op.type in _VARIABLES:
                # First of all, so that an error about a device names the variable, as TensorFlow's does.
                self._placer.device(op)
        for op in ops:
            self._lower(op)
        for op in targets:
            if is_own_read(op):
                # To run the read of a variable is to make sure that it has a value.
                self.value(op.outputs[0], op, self._placer.device(op).device)
        results = [self._fetch(tensor) for tensor in fetches]
        return self._finish(ops, feed_registers, results, targets)

    def _finish(
        self,
        ops: Sequence[Operation],
        feeds: tuple[int, ...],
        fetches: list[Fetch],
        targets: Sequence[Operation],
    ) -> Plan:
        """Decide about memory and return the plan."""
        registers, steps = self.registers, without_unread(self.steps, fetches, targets)
        decide_memory(steps, registers, fetches)
        read = registers.slots({step.slot for step in steps if isinstance(step, ReadStep)})
        restored = registers.slots(_written(steps)) if self._session_kernels.restores else ()
        template = [registers.constants.get(i) for i in range(len(registers.roots))]
        notes = self._placer.notes(ops)
        stretches = stretches_of(steps)
        return Plan(stretches, template, feeds, fetches, read, restored, self.folded, self.predicates, notes)

    # -- ops ---------------------------------------------------------------------------------------------------------

    def _lower(self, op: Operation) -> None:
        """Lower one op."""
        device = self._placer.device(op).device
        if op.type in ("Merge", "RefMerge"):
            lower_merge(self, op, device)
            return
        guard: Guard = ()
        if self.guards or self.op_guards:
            before = [self.guards.get(t, ()) for t in op._inputs]
            guard = guards.conjunction([*before, *(self.op_guards.get(o, ()) for o in op._control_inputs)])
        if guard:
            self.set_guard(op, guard)
        _LOWER.get(op.type, Lowering._kernel)(self, op, device, guard)

    def set_guard(self, op: Operation, guard: Guard) -> None:
        """Note when an op runs, and with it when its outputs exist; a fed one always does."""
        self.op_guards[op] = guard
        self.guards.update((t, guard) for t in op.outputs if t not in self.values)

    def _only_order(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an op that only orders others."""

    def _variable(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a variable."""
        self.refs[op.outputs[0]] = self.registers.new_slot(self._slots.slot(op, device))

    def _constant(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a constant."""
        self.define(op.outputs[0], self.registers.constant(op.attrs["value"], None))

    def _switch(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a Switch."""
        lower_switch(self, op, device, guard)

    def _placeholder(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower a placeholder that is not fed."""
        lower_placeholder(self, op, device, guard)

    def _is_initialized(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower the question whether a variable is initialised."""
        output = self.registers.new(None)
        self.emit(InitializedStep(op, device, guard, self.ref(op, 0), output))
        self.define(op.outputs[0], output)

    def _pass_on(self, op: Operation, device: Device, guard: Guard) -> None:
        """Drop an identity: its output is its input."""
        source, output = op._inputs[0], op.outputs[0]
        if self.is_ref(source) and (op.type == "RefIdentity" or is_own_read(op)):
            self.refs[output] = self.refs[source]
        else:
            self.define(output, self.value(source, op, self.device_of(source, device), guard))

    def _assign(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an assignment."""
        slot = self.ref(op, 0)
        device = self.registers.slot_device(slot)
        value = self.value(op._inputs[1], op, device, guard)
        self.emit(AssignStep(op, device, guard, slot, value, bool(op.attrs["validate_shape"])))
        self.refs[op.outputs[0]] = slot
        self._forget_reads(slot)

    def _kernel(self, op: Operation, device: Device, guard: Guard) -> None:
        """Lower an op that has a kernel."""
        own = self._session_kernels.kernel(op)
        if own is not None:
            # What it gives are NumPy's arrays, whatever library the host's device is of.
            host = self.devices.host.device
            if isinstance(own, SaveKernel):
                # It brings the tensors to the host itself, one by one, when their turn has come.
                own.devices = [self.device_of(t, host) for t in op._inputs[3:]]
                self._run(op, host, guard, own, where=None, places=(host, host, host, *own.devices))
            else:
                self._run(op, host, guard, own, where=None)
            return
        kernel = self._kernels(op, device)
        if kernel is None:
            msg = (
                f"No kernel for op '{escaped(op.name)}' ({escaped(op.type)}) with these dtypes on "
                f"{self._placer.device(op).name}."
            )
            raise errors.UnimplementedError(op.node_def, op, msg)
        if _is_update(kernel):
            self._update(op, guard, kernel)
        else:
            self._run(op, device, guard, cast("Kernel", kernel), where=device)

    def _run(
        self,
        op: Operation,
        device: Device,
        guard: Guard,
        kernel: Kernel | SessionKernel,
        *,
        where: Device | None,
        places: Sequence[Device] = (),
    ) -> None:
        """Lower an op whose kernel is a function of values; ``where`` is the device of its outputs.

        It takes its inputs on its own device, or each on one of ``places``.
        """
        places = places or (device,) * len(op._inputs)
        inputs = tuple([self.value(t, op, places[i], guard) for i, t in enumerate(op._inputs)])
        if fold(self, op, device, guard, kernel, inputs):
            return
        outputs = [self.registers.new(where, roots) for roots in self._output_roots(op, kernel, inputs)]
        for tensor, register in zip(op.outputs, outputs, strict=True):
            self.define(tensor, register)
        self.emit(RunStep(op, device, guard, kernel, inputs, tuple(outputs)))
        if op.op_def.stateful or op.op_def.effects or op.type in _CALLS:
            # It may let other runs go on meanwhile: what they update is to be seen from here on.
            self._reads.clear()
            self._readers.clear()

    def _output_roots(
        self, op: Operation, kernel: Kernel | SessionKernel, inputs: tuple[int, ...]
    ) -> list[frozenset[int]]:
        """Return for each output what memory it may share: nothing, if it is fresh."""
        if op.type in _CALLS:
            return [frozenset((BORROWED,))] * len(op.outputs)
        aliases: Mapping[int, tuple[int, ...]] = getattr(kernel, "aliases", _NO_ALIASES)
        if not aliases:
            return [_FRESH] * len(op.outputs)
        roots = self.registers.roots
        return [frozenset[int]().union(*(roots[inputs[j]] for j in aliases.get(i, ()))) for i in range(len(op.outputs))]

    def _update(self, op: Operation, guard: Guard, kernel: UpdateKernel) -> None:
        """Lower an op that updates variables, on their device."""
        flags = _ref_flags(op)
        slots = tuple(self.ref(op, i) for i, is_ref in enumerate(flags) if is_ref)
        device = self.registers.slot_device(slots[0])
        inputs = tuple(
            self.value(t, op, device, guard) for t, is_ref in zip(op._inputs, flags, strict=True) if not is_ref
        )
        outputs = []
        for i, tensor in enumerate(op.outputs):
            if tensor.dtype._is_ref_dtype:
                self.refs[tensor] = self.ref(op, op.op_def.ref_of_output[i])
            else:
                outputs.append(self.registers.new(device))
                self.define(tensor, outputs[-1])
        self.emit(UpdateStep(op, device, guard, kernel, slots, inputs, tuple(outputs)))
        for slot in slots:
            self._forget_reads(slot)

    # -- values ------------------------------------------------------------------------------------------------------

    def emit(self, step: Step) -> None:
        """Append a step."""
        self.steps.append(step)

    def define(self, tensor: Tensor, register: int) -> None:
        """Give a tensor its register, unless it is fed."""
        self.values.setdefault(tensor, register)

    def is_ref(self, tensor: Tensor) -> bool:
        """Whether a tensor stands for a variable here; a fed one is a value, whatever its dtype."""
        return tensor in self.refs and tensor not in self.values

    def ref(self, op: Operation, index: int) -> int:
        """Return the slot register of an op's ref input."""
        tensor = op._inputs[index]
        if not self.is_ref(tensor):
            msg = (
                f"Input {index} of '{escaped(op.name)}' ({escaped(op.type)}) must be a variable; "
                f"{escaped(tensor.name)} is fed, or is only a value."
            )
            raise errors.InvalidArgumentError(op.node_def, op, msg)
        return self.refs[tensor]

    def device_of(self, tensor: Tensor, default: Device) -> Device:
        """Return the device a tensor's value lies on."""
        register = self.values.get(tensor)
        if register is not None:
            return self.registers.where[register] or self.devices.host.device
        slot = self.refs.get(tensor)
        return default if slot is None else self.registers.slot_device(slot)

    def value(self, tensor: Tensor, op: Operation, device: Device, guard: Guard = ()) -> int:
        """Return the register of a tensor's value for an op at this point, on the given device."""
        register = self.values.get(tensor)
        if register is None:
            register = self._read(tensor, op, guard)
        if self.registers.where[register] is device:
            return register
        return self._transfers.on_device(register, op, device, guard)

    def _read(self, tensor: Tensor, op: Operation, guard: Guard) -> int:
        """Read the variable that a tensor stands for."""
        slot = self.refs[tensor]
        known = self._reads.get(slot)
        if known is not None and set(known[1]) <= set(guard):
            return known[0]
        device = self.registers.slot_device(slot)
        register = self.registers.new(device, self.registers.slot_roots[slot])
        self.emit(ReadStep(op, device, guard, slot, register))
        self._reads[slot] = register, guard
        for root in self.registers.slot_roots[slot]:
            self._readers.setdefault(root, []).append(slot)
        return register

    def _forget_reads(self, slot: int) -> None:
        """Forget reads that an update of a slot has made old."""
        for root in self.registers.slot_roots[slot]:
            for reader in self._readers.pop(root, ()):
                self._reads.pop(reader, None)

    def _fetch(self, tensor: Tensor) -> Fetch:
        """Return how to hand out a fetched tensor; variables are read at the end of the run."""
        guard = self.guards.get(tensor, ())
        if tensor not in self.values and tensor not in self.refs:
            msg = f"'{escaped(tensor.op.name)}' has no value to fetch."
            raise errors.InvalidArgumentError(tensor.op.node_def, tensor.op, msg)
        register = self.values.get(tensor)
        if register is None:
            register = self._read(tensor, tensor.op, guard)
        return Fetch(tensor, register, guard, self.registers.where[register])


def _is_update(kernel: Kernel | UpdateKernel) -> TypeGuard[UpdateKernel]:
    """Whether a kernel updates variables; isinstance says the same of a protocol, and takes long for it."""
    return hasattr(kernel, "update")


def _written(steps: Sequence[Step]) -> set[int]:
    """Return the slot registers that steps update."""
    assigned = {step.slot for step in steps if isinstance(step, AssignStep)}
    return assigned.union(*(step.slots for step in steps if isinstance(step, UpdateStep)))


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
    **dict.fromkeys(_ONLY_ORDER, Lowering._only_order),
    **dict.fromkeys(_VARIABLES, Lowering._variable),
    **dict.fromkeys(PLACEHOLDERS, Lowering._placeholder),
    **dict.fromkeys(("Switch", "RefSwitch"), Lowering._switch),
    "Const": Lowering._constant,
    "Assign": Lowering._assign,
    "IsVariableInitialized": Lowering._is_initialized,
}

RUNTIME_OPS = frozenset({*_LOWER, "Merge", "RefMerge"}) | SESSION_OPS
"""Op types that the session carries out itself, on any device."""
