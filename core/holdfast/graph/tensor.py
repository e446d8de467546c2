"""Tensor: one output of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from holdfast import shapes
from holdfast.graph import sessions

if TYPE_CHECKING:
    from holdfast.dtypes import DType
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape

OPERATORS: dict[str, Callable[..., Tensor]] = {}
"""Python operators by dunder name; the room ``ops`` fills it."""


class Operators:
    """Python's operators, for Tensor and Variable alike: each calls the function of that name in :data:`OPERATORS`."""

    __slots__ = ()
    # Arrays on the left hand side must leave the operation to the tensor.
    __array_priority__ = 100
    __array_ufunc__ = None

    def __add__(self, other: Any) -> Tensor:
        return OPERATORS["__add__"](self, other)

    def __radd__(self, other: Any) -> Tensor:
        return OPERATORS["__radd__"](self, other)

    def __sub__(self, other: Any) -> Tensor:
        return OPERATORS["__sub__"](self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return OPERATORS["__rsub__"](self, other)

    def __mul__(self, other: Any) -> Tensor:
        return OPERATORS["__mul__"](self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return OPERATORS["__rmul__"](self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return OPERATORS["__truediv__"](self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return OPERATORS["__rtruediv__"](self, other)

    def __floordiv__(self, other: Any) -> Tensor:
        return OPERATORS["__floordiv__"](self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return OPERATORS["__rfloordiv__"](self, other)

    def __mod__(self, other: Any) -> Tensor:
        return OPERATORS["__mod__"](self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return OPERATORS["__rmod__"](self, other)

    def __pow__(self, other: Any) -> Tensor:
        return OPERATORS["__pow__"](self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return OPERATORS["__rpow__"](self, other)

    def __matmul__(self, other: Any) -> Tensor:
        return OPERATORS["__matmul__"](self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return OPERATORS["__rmatmul__"](self, other)

    def __lt__(self, other: Any) -> Tensor:
        return OPERATORS["__lt__"](self, other)

    def __le__(self, other: Any) -> Tensor:
        return OPERATORS["__le__"](self, other)

    def __gt__(self, other: Any) -> Tensor:
        return OPERATORS["__gt__"](self, other)

    def __ge__(self, other: Any) -> Tensor:
        return OPERATORS["__ge__"](self, other)

    def __and__(self, other: Any) -> Tensor:
        return OPERATORS["__and__"](self, other)

    def __rand__(self, other: Any) -> Tensor:
        return OPERATORS["__rand__"](self, other)

    def __or__(self, other: Any) -> Tensor:
        return OPERATORS["__or__"](self, other)

    def __ror__(self, other: Any) -> Tensor:
        return OPERATORS["__ror__"](self, other)

    def __xor__(self, other: Any) -> Tensor:
        return OPERATORS["__xor__"](self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return OPERATORS["__rxor__"](self, other)

    def __invert__(self) -> Tensor:
        return OPERATORS["__invert__"](self)

    def __neg__(self) -> Tensor:
        return OPERATORS["__neg__"](self)

    def __abs__(self) -> Tensor:
        return OPERATORS["__abs__"](self)

    def __getitem__(self, key: Any) -> Tensor:
        return OPERATORS["__getitem__"](self, key)


class Tensor(Operators):
    """One output of an operation: a value that a session computes, or, with a ``_ref`` dtype, a variable.

    Equality is identity and tensors are hashable, so they can be keys of a feed dict.
    """

    # With a dict, as programs keep notes of their own on tensors.
    __slots__ = ("__dict__", "__weakref__", "_dtype", "_op", "_shape", "_value_index")

    OVERLOADABLE_OPERATORS: ClassVar[frozenset[str]] = frozenset(
        name for name in vars(Operators) if name.startswith("__") and callable(vars(Operators)[name])
    )

    def __init__(self, op: Operation, value_index: int, dtype: DType, shape: TensorShape) -> None:
        self._op = op
        self._value_index = value_index
        self._dtype = dtype
        self._shape = shape

    @property
    def op(self) -> Operation:
        """The operation that produces it."""
        return self._op

    @property
    def value_index(self) -> int:
        """Index among the outputs of its operation."""
        return self._value_index

    @property
    def dtype(self) -> DType:
        """Dtype; a ``_ref`` dtype where it carries a variable."""
        return self._dtype

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self._op.graph

    @property
    def name(self) -> str:
        """``<op name>:<index>``."""
        return f"{self._op.name}:{self._value_index}"

    @property
    def device(self) -> str:
        """Device of its operation, as asked for; empty where none was."""
        return self._op.device

    @property
    def shape(self) -> TensorShape:
        """Static shape, as far as it is known."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """Return the static shape."""
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Merge what the caller knows into the static shape.

        Raises
        ------
        ValueError
            If it is incompatible with what is known.
        """
        self._shape = self._shape.merge_with(shapes.as_shape(shape))

    def consumers(self) -> list[Operation]:
        """Return the operations that take it as an input."""
        graph = self._op.graph
        return graph._consumers.of(self, graph)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Return its value, as ``session.run`` does; see there for what may be fed and raised."""
        return sessions.evaluate(self, feed_dict, session)

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self._shape} dtype={self._dtype.name}>"

    def __str__(self) -> str:
        shape = f", shape={self._shape}" if self._shape.ndims is not None else ""
        device = f", device={self.device}" if self.device else ""
        return f'Tensor("{self.name}"{shape}, dtype={self._dtype.name}{device})'

    def __eq__(self, other: object) -> bool:
        return self is other

    # Python's own by identity: plans look tensors up all the time.
    __hash__ = object.__hash__

    def __copy__(self) -> Tensor:
        # A tensor stands for a node of a graph: a copy would be another node.
        return self

    def __iter__(self) -> Iterator[Tensor]:
        raise TypeError("'Tensor' object is not iterable.")

    def __len__(self) -> int:
        raise TypeError("object of type 'Tensor' has no len(): use tf.shape(x)[0], or x.shape[0] for the static size.")

    def __bool__(self) -> bool:
        raise TypeError(
            "Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of `if t:` to test "
            "if a tensor is defined, and use TensorFlow ops such as tf.cond to execute subgraphs conditioned on the "
            "value of a tensor."
        )

    __nonzero__ = __bool__
