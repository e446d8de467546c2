"""Variable: state that a graph declares and a session holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from holdfast import protos
from holdfast.graph import (
    IndexedSlices,
    control_dependencies,
    get_default_graph,
    get_default_session,
    register_tensor_conversion_function,
)
from holdfast.graph.tensor import Operators
from holdfast.ops import state_ops
from holdfast.ops.cond import cond
from holdfast.ops.identities import identity
from holdfast.ops.scatter_ops import scatter_sub
from holdfast.variables import save_slice
from holdfast.variables.construction import (
    VariableNodes,
    collections_for,
    make_nodes,
)
from holdfast.variables.export_scope import prepend_name_scope, strip_name_scope

if TYPE_CHECKING:
    from holdfast.dtypes import DType
    from holdfast.graph import Graph, Operation, Tensor
    from holdfast.shapes import TensorShape


class Variable(Operators):
    """State of a graph: declared here, initialised, read and updated in a session, saved to checkpoints.

    A variable can be used wherever a tensor can. What reads it gets the value that it has at the reader's place in
    the order of the run. Equality is identity.

    Parameters
    ----------
    initial_value
        Anything that converts to a tensor, or a function without arguments that returns such; a function's ops are
        made below ``<name>/Initializer/``, on the variable's device. Other variables that it uses need not be
        initialised before.
    trainable
        Also add the variable to the collection that optimisers train by default.
    collections
        Names of the collections to add it to; by default ``[GraphKeys.GLOBAL_VARIABLES]``.
    validate_shape
        With False the variable has no static shape and may take values of any shape.
    caching_device
        Device where reads of the variable are kept; by default its own.
    name
        Name within the current name scope, made unique; by default ``Variable``.
    variable_def
        A VariableDef message to recreate the variable of an imported graph from, instead of all the above.
    dtype
        Dtype to convert the initial value to; by default the value's own.
    expected_shape
        Accepted and not looked at, as in TensorFlow 1.4: the initial value settles the shape.
    import_scope
        Name scope that the imported graph was put into; only with ``variable_def``.
    constraint
        Function from the variable to the value that it shall have after each update by an optimiser.

    Raises
    ------
    ValueError
        If the initial value is missing, conflicts with ``variable_def`` or has no static shape; if ``collections`` is
        no list, tuple or set; if ``constraint`` is not callable.
    """

    SaveSliceInfo = save_slice.SaveSliceInfo

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool = True,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: str | None = None,
        constraint: Callable[[Any], Any] | None = None,
    ) -> None:
        self._save_slice_info: save_slice.SaveSliceInfo | None = None
        self._caching_device = caching_device
        self._constraint = constraint
        if variable_def is not None:
            if initial_value is not None:
                raise ValueError("variable_def and initial_value are mutually exclusive.")
            self._take(_imported_nodes(variable_def, import_scope))
            if variable_def.HasField("save_slice_info_def"):
                info = variable_def.save_slice_info_def
                self._save_slice_info = save_slice.SaveSliceInfo(save_slice_info_def=info)
            return
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        if constraint is not None and not callable(constraint):
            raise ValueError("The `constraint` argument must be a callable.")
        names = collections_for(collections, trainable=trainable)
        nodes = make_nodes(
            initial_value, validate_shape=validate_shape, caching_device=caching_device, name=name, dtype=dtype
        )
        self._take(nodes)
        self.graph.add_to_collections(names, self)

    def _take(self, nodes: VariableNodes) -> None:
        """Be the variable of these nodes."""
        self._variable = nodes.variable
        self._initializer_op = nodes.initializer
        self._snapshot = nodes.snapshot
        self._initial_value = nodes.initial_value

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the reference: ``<op name>:0``."""
        return self._variable.name

    @property
    def op(self) -> Operation:
        """The variable's own operation."""
        return self._variable.op

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self._variable.graph

    @property
    def device(self) -> str:
        """Device as asked for; empty where none was."""
        return self._variable.device

    @property
    def dtype(self) -> DType:
        """Dtype of the reference; ``dtype.base_dtype`` is that of the values."""
        return self._variable.dtype

    @property
    def shape(self) -> TensorShape:
        """Static shape."""
        return self._variable.shape

    def get_shape(self) -> TensorShape:
        """Return the static shape."""
        return self._variable.shape

    def set_shape(self, shape: Any) -> None:
        """Merge what the caller knows into the static shape; ValueError if it is incompatible."""
        self._ref().set_shape(shape)
        self.value().set_shape(shape)

    @property
    def initializer(self) -> Operation:
        """The operation that gives it its initial value."""
        return self._initializer_op

    @property
    def initial_value(self) -> Tensor | None:
        """The initial value as a tensor; None for a variable of a graph that was exported without."""
        return self._initial_value

    @property
    def constraint(self) -> Callable[[Any], Any] | None:
        """The function that optimisers apply after each update, or None."""
        return self._constraint

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}>"

    # -- reading -------------------------------------------------------------------------------------------------------

    def value(self) -> Tensor:
        """Return the read that the variable was made with; no node is added."""
        return self._snapshot

    def read_value(self) -> Tensor:
        """Return a new read, which heeds the control dependencies and the device around it."""
        return identity(self._variable, name="read")

    def initialized_value(self) -> Tensor:
        """Return its value where it has one, else its initial value; the variable stays uninitialised then.

        To initialise one variable from another.
        """
        with self.graph.as_default(), control_dependencies(None):
            initialized: Tensor = cond(
                state_ops.is_variable_initialized(self), self.read_value, lambda: self._initializer_op.inputs[1]
            )
        return initialized

    def eval(self, session: Any = None) -> Any:
        """Return its value in the given or the default session, as a copy.

        Raises
        ------
        ValueError
            If there is no session, or it is of another graph.
        FailedPreconditionError
            If it is uninitialised.
        """
        return self._variable.eval(session=session)

    def __iter__(self) -> NoReturn:
        raise TypeError("'Variable' object is not iterable.")

    # -- updating ------------------------------------------------------------------------------------------------------

    def assign(self, value: Any, use_locking: bool = False) -> Tensor:
        """Give it a new value; see :func:`holdfast.assign`."""
        return state_ops.assign(self._variable, value, use_locking=use_locking)

    def assign_add(self, delta: Any, use_locking: bool = False) -> Tensor:
        """Add to it; see :func:`holdfast.assign_add`."""
        return state_ops.assign_add(self._variable, delta, use_locking=use_locking)

    def assign_sub(self, delta: Any, use_locking: bool = False) -> Tensor:
        """Subtract from it; see :func:`holdfast.assign_sub`."""
        return state_ops.assign_sub(self._variable, delta, use_locking=use_locking)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False) -> Tensor:
        """Subtract the rows of IndexedSlices; ValueError if it is given anything else."""
        if not isinstance(sparse_delta, IndexedSlices):
            raise ValueError(f"sparse_delta is not IndexedSlices: {sparse_delta}")
        return scatter_sub(self._variable, sparse_delta.indices, sparse_delta.values, use_locking=use_locking)

    def count_up_to(self, limit: int) -> Tensor:
        """Increment it up to a limit; see :func:`holdfast.count_up_to`."""
        return state_ops.count_up_to(self._variable, limit=limit)

    def load(self, value: Any, session: Any = None) -> None:
        """Give it a value in a session, by running its initializer with that value; the graph stays as it is.

        Raises
        ------
        ValueError
            If no session is given and there is no default one, or the value does not have the variable's shape.
        """
        session = get_default_session() if session is None else session
        if session is None:
            raise ValueError("Either session argument should be provided or default session should be established")
        session.run(self._initializer_op, {self._initializer_op.inputs[1]: value})

    # -- as a graph element --------------------------------------------------------------------------------------------

    def _ref(self) -> Tensor:
        """Return the reference: for ops that update the variable."""
        return self._variable

    def _AsTensor(self) -> Tensor:
        """Return its value as a tensor."""
        return self._snapshot

    def _as_graph_element(self) -> Tensor:
        """Return what stands for it in fetches and feeds."""
        return self._variable

    @property
    def _shared_name(self) -> str:
        """Name of the variable's storage."""
        return self.name.removesuffix(":0")

    def _set_save_slice_info(self, save_slice_info: save_slice.SaveSliceInfo | None) -> None:
        """Make it part of a larger tensor in checkpoints."""
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self) -> save_slice.SaveSliceInfo | None:
        """Return which part of a larger tensor it is in checkpoints."""
        return self._save_slice_info

    # -- export and import ---------------------------------------------------------------------------------------------

    def to_proto(self, export_scope: str | None = None) -> Any:
        """Return a VariableDef message, names without ``export_scope``; None if the variable is not within it."""
        if export_scope is not None and not self.name.startswith(export_scope):
            return None
        message = protos.VariableDef(
            variable_name=strip_name_scope(self.name, export_scope),
            initializer_name=strip_name_scope(self.initializer.name, export_scope),
            snapshot_name=strip_name_scope(self._snapshot.name, export_scope),
        )
        if self._initial_value is not None:
            message.initial_value_name = strip_name_scope(self._initial_value.name, export_scope)
        if self._save_slice_info is not None:
            message.save_slice_info_def.MergeFrom(self._save_slice_info.to_proto(export_scope))
        return message

    @staticmethod
    def from_proto(variable_def: Any, import_scope: str | None = None) -> Variable:
        """Return the variable of the default graph that a VariableDef message describes; it enters no collection.

        Raises
        ------
        KeyError
            If the graph lacks one of its nodes.
        """
        return Variable(variable_def=variable_def, import_scope=import_scope)


def _imported_nodes(variable_def: Any, import_scope: str | None) -> VariableNodes:
    """Return the nodes that a VariableDef message names, from the default graph."""
    if not isinstance(variable_def, protos.VariableDef):
        raise TypeError(f"variable_def must be a VariableDef, got {type(variable_def).__name__}.")
    graph = get_default_graph()

    def element(name: str) -> Any:
        return graph.as_graph_element(prepend_name_scope(name, import_scope))

    initial = variable_def.initial_value_name
    return VariableNodes(
        variable=element(variable_def.variable_name),
        initializer=element(variable_def.initializer_name),
        snapshot=element(variable_def.snapshot_name),
        initial_value=element(initial) if initial else None,
    )


def _to_tensor(variable: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Tensor:
    """Convert a variable to its value, or to its reference."""
    if dtype is not None and not dtype.is_compatible_with(variable.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type '{dtype.name}' for variable of type "
            f"'{variable.dtype.name}'"
        )
    tensor: Tensor = variable._ref() if as_ref else variable.value()
    return tensor


register_tensor_conversion_function(Variable, _to_tensor)
