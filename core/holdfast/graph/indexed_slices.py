"""IndexedSlices: a tensor that is given by some of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import shapes
from holdfast.graph.tensor import Tensor

if TYPE_CHECKING:
    from holdfast.dtypes import DType
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape


class IndexedSlices:
    """Rows of a larger tensor: ``dense[indices[i], ...] = values[i, ...]``, duplicates added up.

    The gradient of ``gather``.
    """

    __slots__ = ("_dense_shape", "_indices", "_values")

    def __init__(self, values: Tensor, indices: Tensor, dense_shape: Any = None) -> None:
        if values.graph is not indices.graph:
            raise ValueError(f"{indices} must be from the same graph as {values}.")
        self._values = values
        self._indices = indices
        self._dense_shape = dense_shape

    @property
    def values(self) -> Tensor:
        """The rows, of shape ``[n, ...]``."""
        return self._values

    @property
    def indices(self) -> Tensor:
        """Where they belong: a vector of n integers."""
        return self._indices

    @property
    def dense_shape(self) -> Any:
        """Shape of the full tensor as a tensor, or None."""
        return self._dense_shape

    @property
    def name(self) -> str:
        """Name of the values."""
        return self._values.name

    @property
    def device(self) -> str:
        """Device of the values."""
        return self._values.device

    @property
    def op(self) -> Operation:
        """Operation that produces the values."""
        return self._values.op

    @property
    def dtype(self) -> DType:
        """Dtype of the values."""
        return self._values.dtype

    @property
    def graph(self) -> Graph:
        """Their graph."""
        return self._values.graph

    @property
    def shape(self) -> TensorShape:
        """Static shape of the full tensor, as far as it is known."""
        rest = self._values.shape[1:]
        return shapes.TensorShape([None]).concatenate(rest)

    def __neg__(self) -> IndexedSlices:
        return IndexedSlices(-self._values, self._indices, self._dense_shape)

    def __str__(self) -> str:
        dense = f", dense_shape={self._dense_shape}" if self._dense_shape is not None else ""
        return f"IndexedSlices(indices={self._indices}, values={self._values}{dense})"
