"""Graph: operations, and the scopes that new ones are made in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast.graph import default, lookup, names
from holdfast.graph.collections import Collections
from holdfast.graph.consumers import Consumers
from holdfast.graph.control import ControlDependencies, control_inputs_for
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.operation import Operation
from holdfast.graph.placement import (
    Colocation,
    DeviceFunction,
    apply_colocation,
    apply_devices,
    constant_device,
    device_function,
)
from holdfast.graph.shape_inference import make_outputs
from holdfast.graph.site import Site, Sites
from holdfast.graph.tensor import Tensor
from holdfast.graph.versions import GRAPH_DEF_VERSION, GRAPH_DEF_VERSION_MIN_CONSUMER

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from holdfast.dtypes import DType
    from holdfast.graph.op_def import OpDef


class Graph:
    """A set of operations and the tensors that flow between them.

    Building is not thread-safe, as in TensorFlow; running finished graphs is.
    """

    def __init__(self) -> None:
        self._ops: dict[str, Operation] = {}
        self._names = names.Names()
        self._sites = Sites()
        self._consumers = Consumers()
        self._collections = Collections()
        self._device_stack: list[DeviceFunction] = []
        # What the stack comes to for every op; None where it holds functions of the op.
        self._constant_device: str | None = ""
        self._colocation_stack: list[Operation] = []
        self._control_stack: list[ControlDependencies] = []
        self._control_flow_context: Any = None
        self._container = ""
        self._attr_scopes: dict[str, Any] = {}
        self._gradient_override: dict[str, str] = {}
        self._finalized = False
        self._unfeedable: set[Tensor] = set()
        self._unfetchable: set[Operation] = set()
        self._version = 0
        self._mutations = 0
        self._versions: tuple[int, int, tuple[int, ...]] = (GRAPH_DEF_VERSION, GRAPH_DEF_VERSION_MIN_CONSUMER, ())
        self.seed: int | None = None
        """Graph-level random seed, or None."""
        self.python_functions: dict[bytes, Callable[..., Any]] = {}
        """Functions that ``py_func`` registered, by the token in the node."""
        self.rooms: dict[str, Any] = {}
        """State that upper rooms keep with the graph (variable scopes, savers), by the room's name."""

    # -- making operations -------------------------------------------------------------------------------------------

    def create_op(
        self,
        op_def: OpDef,
        inputs: Sequence[Tensor],
        output_types: Sequence[DType],
        attrs: dict[str, Any],
        name: str,
        colocate_with: Sequence[Operation] = (),
        control_inputs: Collection[Operation] = (),
        site: Site | None = None,
    ) -> Operation:
        """Add an operation.

        Parameters
        ----------
        inputs
            Tensors of this graph, lists flattened.
        output_types
            Dtypes of the outputs, ``_ref`` ones where they carry variables.
        attrs
            All attributes in Python's terms; the operation keeps the dict.
        name
            A full name, valid and, but for a scope of its own, not in use.
        colocate_with
            Operations it must stay with on one device, whatever the scopes say.
        control_inputs
            Operations it runs after, besides those of the blocks around it.
        site
            The line of the user's program that makes it; by default the innermost one outside of holdfast.

        Raises
        ------
        RuntimeError
            If the graph is finalized.
        ValueError
            If an input is of another graph, the name is taken, or the static shapes cannot fit.
        """
        if self._finalized:
            self._check_not_finalized()
        if name in self._ops:
            raise ValueError(f"cannot add op with name {name} as that name is already used")
        for tensor in inputs:
            if tensor._op.graph is not self:
                raise ValueError(f"{tensor} is not from this graph; an operation takes only tensors of its own graph.")
        context = self._control_flow_context
        if self._control_stack or context is not None:
            inputs, control_inputs = self._within_blocks(op_def, inputs, control_inputs)
        if self._attr_scopes or self._gradient_override or self._container:
            self._add_scope_attrs(op_def, attrs)
        op = Operation(self, name, op_def, inputs, control_inputs, attrs, site or self._sites.innermost(), context)
        make_outputs(op, output_types)
        # Placed before it is entered: a device function that raises leaves no half-made op behind.
        if colocate_with or self._colocation_stack or self._constant_device is None:
            self._place(op, colocate_with)
        else:
            op._device = self._constant_device
        self._add(op)
        if context is not None:
            context.leave_op(op)
        return op

    def _within_blocks(
        self, op_def: OpDef, inputs: Sequence[Tensor], control_inputs: Collection[Operation]
    ) -> tuple[Sequence[Tensor], Collection[Operation]]:
        """Return what a new op takes and waits for, given the blocks of control dependencies and of branches around."""
        if self._control_stack:
            control_inputs = [*control_inputs_for(self._control_stack, inputs, control_inputs), *control_inputs]
        if self._control_flow_context is None:
            return inputs, control_inputs
        entered: tuple[Sequence[Tensor], Collection[Operation]]
        entered = self._control_flow_context.enter_op(op_def, inputs, control_inputs)
        return entered

    def _add_scope_attrs(self, op_def: OpDef, attrs: dict[str, Any]) -> None:
        """Add the attributes that the blocks around a new op give it."""
        for name, value in self._attr_scopes.items():
            attrs.setdefault(name, value)
        if op_def.type in self._gradient_override:
            attrs.setdefault("_gradient_op_type", self._gradient_override[op_def.type].encode())
        if self._container and op_def.stateful and attrs.get("container") == b"":
            attrs["container"] = self._container.encode()

    def _add(self, op: Operation) -> None:
        """Enter a finished op into the graph's tables."""
        self._ops[op._name] = op
        self._version = op._id = self._version + 1
        for block in self._control_stack:
            block.add_op(op)

    def _place(self, op: Operation, colocate_with: Sequence[Operation]) -> None:
        """Give an op the devices and colocation of the blocks around it."""
        if colocate_with:
            # An op on a variable stays with it: device scopes around the op do not count.
            apply_colocation([*self._colocation_stack, *colocate_with], op)
            return
        if self._constant_device is None:
            apply_devices(self._device_stack, op)
        else:
            op._device = self._constant_device
        if self._colocation_stack:
            apply_colocation(self._colocation_stack, op)

    def _remove_newest(self, ops: Iterable[Operation]) -> None:
        """Take back operations, in the order they were made, on which no others depend; their names become free."""
        for op in reversed([*ops]):
            del self._ops[op._name]
            self._names.release(op._name)
        self._mutations += 1

    def _touch(self) -> None:
        """Note that an existing op was changed: plans made before are void."""
        self._check_not_finalized()
        self._mutations += 1

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Number of operations made so far."""
        return self._version

    @property
    def mutations(self) -> int:
        """How often an existing operation was changed."""
        return self._mutations

    @property
    def graph_def_versions(self) -> Any:
        """A VersionDef message: the version of the software that made the graph, and what can read it."""
        from holdfast.graph.graph_def import version_def  # messages are loaded at first use

        return version_def(self)

    @property
    def building_function(self) -> bool:
        """Whether this graph is the body of a function: never."""
        return False

    @property
    def finalized(self) -> bool:
        """Whether no operation may be added any more."""
        return self._finalized

    def finalize(self) -> None:
        """Forbid further operations: sessions of several threads may then share the graph."""
        self._finalized = True

    def _unsafe_unfinalize(self) -> None:
        """Allow operations again."""
        self._finalized = False

    def _check_not_finalized(self) -> None:
        """Raise unless operations may be added."""
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    def as_default(self) -> AbstractContextManager[Graph]:
        """Return a context manager that makes this the default graph of the thread."""
        return default.graph_as_default(self)

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> Any:
        """Return a GraphDef message of all operations, or of those made after ``from_version``.

        Parameters
        ----------
        from_version
            A former value of :attr:`version`.
        add_shapes
            Add the static shapes of outputs as attribute ``_output_shapes``.

        Raises
        ------
        ValueError
            If the message would be larger than 2 GiB.
        """
        from holdfast.graph.graph_def import graph_def  # messages are loaded at first use

        return graph_def(self, from_version, add_shapes=add_shapes)

    # -- names and elements ------------------------------------------------------------------------------------------

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """Return ``name`` within the current name scope, made unique."""
        return self._names.unique(name, mark_as_used=mark_as_used)

    def name_scope(self, name: str | None) -> AbstractContextManager[str]:
        """Enter a name scope; gives its full name with a final slash, or an empty string for the root.

        Raises
        ------
        ValueError
            If the name is malformed.
        """
        return names.NameScope(self._names, name)

    def get_name_scope(self) -> str:
        """Return the current name scope, without a final slash."""
        return self._names.scope

    def get_operations(self) -> list[Operation]:
        """Return all operations in the order of their creation; a new list."""
        return list(self._ops.values())

    def get_operation_by_name(self, name: str) -> Operation:
        """Return an operation; TypeError for no string, KeyError for no such name, ValueError for a tensor's name."""
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        found: Operation = self.as_graph_element(name, allow_tensor=False, allow_operation=True)
        return found

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return a tensor; TypeError for no string, KeyError for no such name, ValueError for an operation's name."""
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        found: Tensor = self.as_graph_element(name, allow_tensor=True, allow_operation=False)
        return found

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """Return the tensor or operation that ``obj`` (an element, a name, a variable) stands for.

        Raises
        ------
        TypeError
            If it cannot stand for one.
        ValueError
            If it is of another graph, or names the other kind of element.
        KeyError
            If there is no such element.
        """
        return lookup.as_graph_element(self, obj, allow_tensor=allow_tensor, allow_operation=allow_operation)

    # -- collections ---------------------------------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        """Append a value to a collection."""
        self._check_not_finalized()
        self._collections.add(name, value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        """Append a value to each of several collections, or to one."""
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self._check_not_finalized()
            self._collections.add(name, value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """Return a new list of a collection's values; with ``scope`` (a regex), of those whose name begins with it."""
        return self._collections.get(name, scope)

    def get_collection_ref(self, name: Any) -> list[Any]:
        """Return the collection's own list, for changing it."""
        return self._collections.ref(name)

    def get_all_collection_keys(self) -> list[str]:
        """Return the names of all collections that are strings."""
        return [name for name in self._collections.names() if isinstance(name, str)]

    def clear_collection(self, name: Any) -> None:
        """Empty a collection."""
        self._check_not_finalized()
        self._collections.clear(name)

    # -- scopes --------------------------------------------------------------------------------------------------------

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Give the operations made inside a device.

        Parameters
        ----------
        device_name_or_function
            A string or DeviceSpec, which fills what inner blocks leave open; a function from an operation to one of
            these, which replaces them; None to ignore all outer blocks.

        Raises
        ------
        ValueError
            If a string is no device name.
        TypeError
            If it is none of these.
        """
        outer = self._device_stack, self._constant_device
        self._set_devices([*self._device_stack, device_function(device_name_or_function)])
        try:
            yield
        finally:
            self._device_stack, self._constant_device = outer

    def _set_devices(self, stack: list[DeviceFunction]) -> None:
        """Replace the device stack."""
        self._device_stack = stack
        self._constant_device = constant_device(stack)

    def colocate_with(self, op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
        """Keep the operations made inside on the device of another, whatever device blocks are around.

        Parameters
        ----------
        op
            An operation, tensor or variable; None, with ``ignore_existing``, for no colocation at all.
        ignore_existing
            Ignore outer blocks of colocation.

        Raises
        ------
        ValueError
            If ``op`` is None and outer blocks are not to be ignored.
        """
        if op is None and not ignore_existing:
            raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not True")
        if op is not None and not isinstance(op, Operation):
            op = lookup.reference_tensor(op).op
        return Colocation(self, op, ignore_existing=ignore_existing)

    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> ControlDependencies:
        """Return a block whose operations run after ``control_inputs``; None: after none of the outer ones either."""
        if control_inputs is None:
            return ControlDependencies(self, None)
        ops = []
        for item in control_inputs:
            op = item
            if type(item) is not Operation or item.graph is not self:
                element = self.as_graph_element(item.op if isinstance(item, IndexedSlices) else item)
                op = element.op if isinstance(element, Tensor) else element
            if self._control_flow_context is not None:
                op = self._control_flow_context.enter_control_input(op)
            ops.append(op)
        return ControlDependencies(self, ops)

    @contextmanager
    def container(self, container_name: str) -> Iterator[str]:
        """Give stateful operations made inside a resource container."""
        outer = self._container
        self._container = container_name
        try:
            yield container_name
        finally:
            self._container = outer

    @contextmanager
    def gradient_override_map(self, op_type_map: dict[str, str]) -> Iterator[None]:
        """Make operations of the given types use the gradients registered under other names."""
        if not isinstance(op_type_map, dict) or not all(
            isinstance(text, str) for item in op_type_map.items() for text in item
        ):
            raise TypeError("op_type_map must be a dictionary mapping strings to strings")
        outer = self._gradient_override
        self._gradient_override = {**outer, **op_type_map}
        try:
            yield
        finally:
            self._gradient_override = outer

    @contextmanager
    def _attr_scope(self, attrs: dict[str, Any]) -> Iterator[None]:
        """Give operations made inside further attributes, in Python's terms; None takes one of an outer block away."""
        outer = self._attr_scopes
        self._attr_scopes = {name: value for name, value in {**outer, **attrs}.items() if value is not None}
        try:
            yield
        finally:
            self._attr_scopes = outer

    # -- feeding and fetching ----------------------------------------------------------------------------------------

    def prevent_feeding(self, tensor: Tensor) -> None:
        """Forbid feeding a tensor."""
        self._unfeedable.add(tensor)

    def is_feedable(self, tensor: Tensor) -> bool:
        """Whether a tensor may be fed."""
        return tensor not in self._unfeedable

    def prevent_fetching(self, op: Operation) -> None:
        """Forbid fetching an operation or its outputs."""
        self._unfetchable.add(op)

    def is_fetchable(self, tensor_or_op: Tensor | Operation) -> bool:
        """Whether a tensor or operation may be fetched."""
        op = tensor_or_op.op if isinstance(tensor_or_op, Tensor) else tensor_or_op
        return op not in self._unfetchable
