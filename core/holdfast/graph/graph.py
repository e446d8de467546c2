"""Graph: operations, and the scopes that new ones are made in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast.graph import default, lookup, names
from holdfast.graph.collections import Collections
from holdfast.graph.control import ControlDependencies, control_inputs_for
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.operation import Operation
from holdfast.graph.placement import DeviceFunction, apply_colocation, apply_devices, device_function
from holdfast.graph.shape_inference import infer_shapes
from holdfast.graph.site import creation_site
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
        self._collections = Collections()
        self._device_stack: list[DeviceFunction] = []
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
            A full name that :meth:`unique_name` gave; with a final slash, the name of a scope of its own.
        colocate_with
            Operations it must stay with on one device, whatever the scopes say.

        Raises
        ------
        RuntimeError
            If the graph is finalized.
        ValueError
            If an input is of another graph, the name is malformed, or the static shapes cannot fit.
        """
        self._check_not_finalized()
        name = name.removesuffix("/")
        names.check_op_name(name)
        for tensor in inputs:
            if tensor.op.graph is not self:
                msg = f"{tensor} is not from this graph; an operation takes only tensors of its own graph."
                raise ValueError(msg)
        control_inputs = control_inputs_for(self._control_stack, inputs) if self._control_stack else []
        context = self._control_flow_context
        if context is not None:
            inputs, control_inputs = context.enter_op(op_def, inputs, control_inputs)
        if self._attr_scopes:
            attrs.update((k, v) for k, v in self._attr_scopes.items() if k not in attrs)
        if self._gradient_override and op_def.type in self._gradient_override:
            attrs.setdefault("_gradient_op_type", self._gradient_override[op_def.type].encode())
        op = Operation(self, name, op_def, inputs, control_inputs, attrs, creation_site())
        op._control_flow_context = context
        self._infer(op, output_types)
        self._add(op)
        self._place(op, colocate_with)
        if self._container and op_def.stateful and attrs.get("container") == b"":
            attrs["container"] = self._container.encode()
        if context is not None:
            context.leave_op(op)
        return op

    def _infer(self, op: Operation, output_types: Sequence[DType]) -> None:
        """Make an op's outputs with their static shapes."""
        shapes = infer_shapes(op, len(output_types))
        op.outputs = [Tensor(op, i, dtype, shape) for i, (dtype, shape) in enumerate(zip(output_types, shapes, strict=True))]

    def _add(self, op: Operation) -> None:
        """Enter a finished op into the graph's tables."""
        self._ops[op.name] = op
        self._version += 1
        op._id = self._version
        for tensor in op._inputs:
            tensor._consumers.append(op)
        for block in self._control_stack:
            block.add_op(op)

    def _place(self, op: Operation, colocate_with: Sequence[Operation]) -> None:
        """Give an op the devices and colocation of the blocks around it."""
        if colocate_with:
            # An op on a variable stays with it: device scopes around the op do not count.
            apply_colocation([*self._colocation_stack, *colocate_with], op)
            return
        if self._device_stack:
            apply_devices(self._device_stack, op)
        if self._colocation_stack:
            apply_colocation(self._colocation_stack, op)

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
            msg = "Graph is finalized and cannot be modified."
            raise RuntimeError(msg)

    def as_default(self) -> AbstractContextManager[Graph]:
        """Return a context manager that makes this the default graph of the thread."""
        return default.graph_as_default(self)

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> Any:  # noqa: FBT001, FBT002  (TF's signature)
        """Return a GraphDef message of all operations, or of those made after ``from_version``."""
        from holdfast.graph.graph_def import graph_def  # noqa: PLC0415  (messages are loaded at first use)

        return graph_def(self, from_version, add_shapes=add_shapes)

    # -- names and elements ------------------------------------------------------------------------------------------

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:  # noqa: FBT001, FBT002  (TF's signature)
        """Return ``name`` within the current name scope, made unique."""
        return self._names.unique(name, mark_as_used=mark_as_used)

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Enter a name scope; gives its full name with a final slash, or an empty string for the root.

        Raises
        ------
        ValueError
            If the name is malformed.
        """
        outer = self._names.scope
        try:
            scope = self._names.enter(name)
            yield f"{scope}/" if scope else ""
        finally:
            self._names.scope = outer

    def get_operations(self) -> list[Operation]:
        """Return all operations in the order of their creation; a new list."""
        return list(self._ops.values())

    def get_operation_by_name(self, name: str) -> Operation:
        """Return an operation; TypeError for no string, KeyError for no such name, ValueError for a tensor's name."""
        if not isinstance(name, str):
            msg = f"Operation names are strings (or similar), not {type(name).__name__}."
            raise TypeError(msg)
        found: Operation = self.as_graph_element(name, allow_tensor=False, allow_operation=True)
        return found

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return a tensor; TypeError for no string, KeyError for no such name, ValueError for an operation's name."""
        if not isinstance(name, str):
            msg = f"Tensor names are strings (or similar), not {type(name).__name__}."
            raise TypeError(msg)
        found: Tensor = self.as_graph_element(name, allow_tensor=True, allow_operation=False)
        return found

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:  # noqa: FBT001, FBT002  (TF's signature)
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
            self.add_to_collection(name, value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """Return a new list of a collection's values; with ``scope``, of those whose name it matches (a regex) from the start."""
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
        """Give the operations made inside a device: a string, a DeviceSpec, a function of the op, or None for no device at all."""
        outer = self._device_stack
        self._device_stack = [*outer, device_function(device_name_or_function)]
        try:
            yield
        finally:
            self._device_stack = outer

    @contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Iterator[None]:  # noqa: FBT001, FBT002  (TF's signature)
        """Keep the operations made inside on the device of ``op``; with None and ``ignore_existing``, free of outer ones."""
        if op is None and not ignore_existing:
            msg = "Trying to colocate with None but ignore_existing is not True"
            raise ValueError(msg)
        if op is not None and not isinstance(op, Operation):
            op = lookup.reference_tensor(op).op
        outer = self._device_stack, self._colocation_stack
        self._device_stack = []
        kept = [] if ignore_existing else self._colocation_stack
        self._colocation_stack = kept if op is None else [*kept, op]
        try:
            yield
        finally:
            self._device_stack, self._colocation_stack = outer

    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> ControlDependencies:
        """Return a block whose operations run after ``control_inputs``; None: after none of the outer ones either."""
        if control_inputs is None:
            return ControlDependencies(self, None)
        ops = []
        for item in control_inputs:
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
        if not isinstance(op_type_map, dict):
            msg = "op_type_map must be a dictionary mapping strings to strings"
            raise TypeError(msg)
        outer = self._gradient_override
        self._gradient_override = {**outer, **op_type_map}
        try:
            yield
        finally:
            self._gradient_override = outer

    @contextmanager
    def _attr_scope(self, attrs: dict[str, Any]) -> Iterator[None]:
        """Give operations made inside further attributes."""
        outer = self._attr_scopes
        self._attr_scopes = {**outer, **attrs}
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
