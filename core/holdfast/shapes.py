"""Static shapes: known, partly known, unknown."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import index as as_index
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import SupportsIndex, TypeAlias

    Dims: TypeAlias = tuple[int | None, ...]
    DimensionLike: TypeAlias = "Dimension | SupportsIndex | str | None"
    ShapeLike: TypeAlias = "TensorShape | Dimension | SupportsIndex | Iterable[Any] | None"

__all__ = [
    "Dimension",
    "TensorShape",
    "as_dimension",
    "as_shape",
    "matrix",
    "scalar",
    "unknown_shape",
    "vector",
]


def _dimension_value(value: Any) -> int | None:
    """Return the size that a number, a text, a Dimension or None stands for; ValueError if negative or not whole."""
    if value is None or type(value) is int:
        size = value
    elif isinstance(value, Dimension):
        return value.value
    else:
        size = int(value)
        if not isinstance(value, str | bytes) and size != value:
            raise ValueError(f"Ambiguous dimension: {value}")
    if size is not None and size < 0:
        raise ValueError(f"Dimension {size} must be >= 0")
    return size


class Dimension:
    """The size of one axis, or unknown. Arithmetic with an unknown size is unknown; comparison gives None.

    Parameters
    ----------
    value
        A non-negative whole number, another Dimension, or None for unknown.

    Raises
    ------
    ValueError
        If the value is negative or not whole.
    """

    __slots__ = ("_value",)

    def __init__(self, value: DimensionLike) -> None:
        self._value = _dimension_value(value)

    @property
    def value(self) -> int | None:
        """The size, or None when it is unknown."""
        return self._value

    def __repr__(self) -> str:
        """Return ``Dimension(3)``."""
        return f"Dimension({self._value})"

    def __str__(self) -> str:
        """Return the size, ``?`` when unknown."""
        return "?" if self._value is None else str(self._value)

    def __hash__(self) -> int:
        """Hash as the size does: ``Dimension(3) == 3``."""
        return hash(self._value)

    def __int__(self) -> int:
        """Return the size; TypeError when it is unknown."""
        if self._value is None:
            raise TypeError("Dimension(None) has no value: the size of this axis is not known statically")
        return self._value

    __index__ = __int__

    def _compare(self, other: Any, relation: Callable[[int, int], bool]) -> bool | None:
        """Compare two sizes; None when one is unknown."""
        size = _dimension_value(other)
        return None if self._value is None or size is None else relation(self._value, size)

    def __eq__(self, other: object) -> bool | None:  # type: ignore[override]
        """Compare sizes: None, which is false, when one is unknown."""
        try:
            return self._compare(other, int.__eq__)
        except (TypeError, ValueError):
            return NotImplemented

    def __ne__(self, other: object) -> bool | None:  # type: ignore[override]
        """Compare sizes: None, which is false, when one is unknown."""
        try:
            return self._compare(other, int.__ne__)
        except (TypeError, ValueError):
            return NotImplemented

    def __lt__(self, other: DimensionLike) -> bool | None:
        """Compare sizes, None when one is unknown."""
        return self._compare(other, int.__lt__)

    def __le__(self, other: DimensionLike) -> bool | None:
        """Compare sizes, None when one is unknown."""
        return self._compare(other, int.__le__)

    def __gt__(self, other: DimensionLike) -> bool | None:
        """Compare sizes, None when one is unknown."""
        return self._compare(other, int.__gt__)

    def __ge__(self, other: DimensionLike) -> bool | None:
        """Compare sizes, None when one is unknown."""
        return self._compare(other, int.__ge__)

    def _combine(self, other: Any, operation: Callable[[int, int], int], *, swapped: bool = False) -> Dimension:
        """Calculate with two sizes; unknown when one is."""
        size = _dimension_value(other)
        if self._value is None or size is None:
            return Dimension(None)
        return Dimension(operation(size, self._value) if swapped else operation(self._value, size))

    def __add__(self, other: DimensionLike) -> Dimension:
        """Add sizes."""
        return self._combine(other, int.__add__)

    __radd__ = __add__

    def __mul__(self, other: DimensionLike) -> Dimension:
        """Multiply sizes."""
        return self._combine(other, int.__mul__)

    __rmul__ = __mul__

    def __sub__(self, other: DimensionLike) -> Dimension:
        """Subtract sizes; ValueError if the result is negative."""
        return self._combine(other, int.__sub__)

    def __rsub__(self, other: DimensionLike) -> Dimension:
        """Subtract sizes; ValueError if the result is negative."""
        return self._combine(other, int.__sub__, swapped=True)

    def __floordiv__(self, other: DimensionLike) -> Dimension:
        """Divide sizes, rounding down."""
        return self._combine(other, int.__floordiv__)

    def __rfloordiv__(self, other: DimensionLike) -> Dimension:
        """Divide sizes, rounding down."""
        return self._combine(other, int.__floordiv__, swapped=True)

    def __mod__(self, other: DimensionLike) -> Dimension:
        """Return the rest of a division of sizes."""
        return self._combine(other, int.__mod__)

    def __rmod__(self, other: DimensionLike) -> Dimension:
        """Return the rest of a division of sizes."""
        return self._combine(other, int.__mod__, swapped=True)

    def is_compatible_with(self, other: DimensionLike) -> bool:
        """Say whether the two sizes can be the same: equal, or one is unknown."""
        size = _dimension_value(other)
        return self._value is None or size is None or self._value == size

    def assert_is_compatible_with(self, other: DimensionLike) -> None:
        """Raise ValueError unless the two sizes can be the same."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {other} are not compatible")

    def merge_with(self, other: DimensionLike) -> Dimension:
        """Return what is known from both; ValueError if they contradict each other."""
        self.assert_is_compatible_with(other)
        return Dimension(other) if self._value is None else self


def as_dimension(value: DimensionLike) -> Dimension:
    """Return `value` as a `Dimension`; raises as its constructor does."""
    return value if isinstance(value, Dimension) else Dimension(value)


def _is_message(value: Any) -> bool:
    """Whether a value is a TensorShapeProto, ours or another library's."""
    descriptor = getattr(type(value), "DESCRIPTOR", None)
    return descriptor is not None and descriptor.full_name == "tensorflow.TensorShapeProto"


def _shape_dims(dims: Any) -> Dims | None:
    """Return the sizes that any form of a shape stands for; None for unknown rank."""
    if dims is None:
        return None
    if isinstance(dims, TensorShape):
        return dims._dims
    if isinstance(dims, str | bytes):
        raise TypeError(f"A string has ambiguous TensorShape, please wrap in a list or convert to an int: {dims!s}")
    if _is_message(dims):
        return (
            None if dims.unknown_rank else tuple(None if d.size == -1 else _dimension_value(d.size) for d in dims.dim)
        )
    try:
        sizes = iter(dims)
    except TypeError:
        return (_dimension_value(dims),)
    return tuple([_dimension_value(size) for size in sizes])


class TensorShape:
    """A static shape: fully known, with unknown sizes, or of unknown rank. Immutable.

    Parameters
    ----------
    dims
        Sizes (None for unknown), one size for a vector, a ``TensorShapeProto``, or None for unknown rank.

    Raises
    ------
    TypeError
        If `dims` is text, or a size is not a number.
    ValueError
        If a size is negative or not whole.
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: ShapeLike) -> None:
        self._dims: Dims | None = _shape_dims(dims)

    @staticmethod
    @lru_cache(maxsize=4096)
    def _of(dims: Dims | None) -> TensorShape:
        """Return a shape of sizes that are known to be good; a graph has few different ones, so they are kept."""
        shape = object.__new__(TensorShape)
        shape._dims = dims
        return shape

    def as_tuple(self) -> Dims | None:
        """Return the sizes, None for unknown ones; None when the rank is unknown."""
        return self._dims

    @property
    def dims(self) -> list[Dimension] | None:
        """The dimensions, or None when the rank is unknown."""
        return None if self._dims is None else [Dimension(size) for size in self._dims]

    @property
    def ndims(self) -> int | None:
        """The rank, or None when it is unknown."""
        return None if self._dims is None else len(self._dims)

    def __repr__(self) -> str:
        """Return ``TensorShape([Dimension(2)])``."""
        return f"TensorShape({self.dims!r})"

    def __str__(self) -> str:
        """Return ``(2, ?)``, or ``<unknown>``."""
        if self._dims is None:
            return "<unknown>"
        sizes = ["?" if size is None else str(size) for size in self._dims]
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    def __hash__(self) -> int:
        """Hash as the tuple of sizes does."""
        return hash(self._dims)

    def __eq__(self, other: object) -> bool:
        """Compare with anything that is a shape; unknown sizes are equal to nothing, not even to themselves."""
        try:
            theirs = _shape_dims(other)
        except (TypeError, ValueError):
            return NotImplemented
        return self._dims == theirs and (self._dims is None or None not in self._dims)

    def __ne__(self, other: object) -> bool:
        """Compare with anything that is a shape; ValueError when a rank is unknown."""
        try:
            theirs = _shape_dims(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._dims is None or theirs is None:
            raise ValueError("The inequality of unknown TensorShapes is undefined.")
        return not self == other

    def __bool__(self) -> bool:
        """Say whether the rank is known."""
        return self._dims is not None

    def __len__(self) -> int:
        """Return the rank; ValueError when it is unknown."""
        if self._dims is None:
            raise ValueError("Cannot take the length of Shape with unknown rank.")
        return len(self._dims)

    def __iter__(self) -> Iterator[Dimension]:
        """Iterate over the dimensions; ValueError when the rank is unknown."""
        if self._dims is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter([Dimension(size) for size in self._dims])

    @overload
    def __getitem__(self, key: SupportsIndex) -> Dimension: ...
    @overload
    def __getitem__(self, key: slice) -> TensorShape: ...
    def __getitem__(self, key: Any) -> Dimension | TensorShape:
        """Return a dimension or a part of the shape; of an unknown rank, as much as can be said.

        Raises
        ------
        ValueError
            If a part of an unknown shape is asked for with a step.
        """
        if self._dims is not None:
            return TensorShape._of(self._dims[key]) if isinstance(key, slice) else Dimension(self._dims[key])
        if not isinstance(key, slice):
            return Dimension(None)
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        start, stop = as_index(key.start or 0), key.stop
        if stop is None or start < 0 or as_index(stop) < 0:
            return unknown_shape()
        return unknown_shape(max(0, as_index(stop) - start))

    def num_elements(self) -> int | None:
        """Return the number of elements, or None when it is not known."""
        if self._dims is None or None in self._dims:
            return None
        return math.prod(self._dims)  # type: ignore[arg-type]  # no None is left

    def is_fully_defined(self) -> bool:
        """Say whether the rank and every size are known."""
        return self._dims is not None and None not in self._dims

    def is_compatible_with(self, other: ShapeLike) -> bool:
        """Say whether the two can be the same shape: no known size contradicts another."""
        theirs = _shape_dims(other)
        if self._dims is None or theirs is None:
            return True
        if len(self._dims) != len(theirs):
            return False
        return all(a is None or b is None or a == b for a, b in zip(self._dims, theirs, strict=True))

    def merge_with(self, other: ShapeLike) -> TensorShape:
        """Return what is known from both; ValueError if they contradict each other."""
        theirs = _shape_dims(other)
        if theirs is None:
            return self
        if self._dims is None:
            return TensorShape._of(theirs)
        if not self.is_compatible_with(other := TensorShape._of(theirs)):
            raise ValueError(f"Shapes {self} and {other} are not compatible")
        return TensorShape._of(tuple(b if a is None else a for a, b in zip(self._dims, theirs, strict=True)))

    def concatenate(self, other: ShapeLike) -> TensorShape:
        """Return the dimensions of this shape, then those of the other; unknown if one rank is."""
        theirs = _shape_dims(other)
        return TensorShape._of(None if self._dims is None or theirs is None else self._dims + theirs)

    def most_specific_compatible_shape(self, other: ShapeLike) -> TensorShape:
        """Return the most that can be said of a shape that is this one or the other."""
        theirs = _shape_dims(other)
        if self._dims is None or theirs is None or len(self._dims) != len(theirs):
            return unknown_shape()
        return TensorShape._of(tuple(a if a == b else None for a, b in zip(self._dims, theirs, strict=True)))

    def with_rank(self, rank: int) -> TensorShape:
        """Return this shape with its rank known to be `rank`; ValueError if it has another."""
        if self._dims is None:
            return unknown_shape(rank)
        self.assert_has_rank(rank)
        return self

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """Return this shape; ValueError if its rank is known to be less than `rank`."""
        if self._dims is not None and len(self._dims) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank: int) -> TensorShape:
        """Return this shape; ValueError if its rank is known to be more than `rank`."""
        if self._dims is not None and len(self._dims) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def assert_has_rank(self, rank: int) -> None:
        """Raise ValueError if the rank is known and not `rank`."""
        if self._dims is not None and len(self._dims) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_same_rank(self, other: ShapeLike) -> None:
        """Raise ValueError if both ranks are known and differ."""
        theirs = TensorShape(other)
        if self._dims is not None and theirs._dims is not None and len(self._dims) != len(theirs._dims):
            raise ValueError(f"Shapes {self} and {theirs} must have the same rank")

    def assert_is_compatible_with(self, other: ShapeLike) -> None:
        """Raise ValueError unless the two can be the same shape."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are incompatible")

    def assert_is_fully_defined(self) -> None:
        """Raise ValueError unless the rank and every size are known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def as_list(self) -> list[int | None]:
        """Return the sizes, None for unknown ones; ValueError when the rank is unknown."""
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._dims)

    def as_proto(self) -> Any:
        """Return a ``TensorShapeProto``; an unknown size is -1."""
        from holdfast.protos import TensorShapeProto  # protobuf is imported at first use only

        if self._dims is None:
            return TensorShapeProto(unknown_rank=True)
        return TensorShapeProto(dim=[TensorShapeProto.Dim(size=-1 if size is None else size) for size in self._dims])


def as_shape(shape: ShapeLike) -> TensorShape:
    """Return `shape` as a `TensorShape`; raises as its constructor does."""
    return shape if isinstance(shape, TensorShape) else TensorShape._of(_shape_dims(shape))


def unknown_shape(ndims: int | None = None) -> TensorShape:
    """Return a shape of unknown sizes, or, by default, of unknown rank."""
    return TensorShape._of(None if ndims is None else (None,) * ndims)


def scalar() -> TensorShape:
    """Return the shape of a scalar."""
    return TensorShape._of(())


def vector(length: DimensionLike) -> TensorShape:
    """Return the shape of a vector."""
    return as_shape((length,))


def matrix(rows: DimensionLike, cols: DimensionLike) -> TensorShape:
    """Return the shape of a matrix."""
    return as_shape((rows, cols))
