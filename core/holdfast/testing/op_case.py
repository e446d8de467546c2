"""One row of the table that backends are checked by: an op, its inputs, and NumPy's idea of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import KernelRequest
from holdfast.dtypes import as_dtype, string

HostArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class OpCase:
    """An op that computes outputs from inputs."""

    id: str
    """Name in the test's report."""
    op_type: str
    """TensorFlow's op type."""
    inputs: tuple[HostArray, ...]
    """The inputs, on the host."""
    expected: tuple[HostArray, ...]
    """The outputs; their dtypes are the op's output dtypes."""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    """Attributes in Python's terms."""

    def request(self) -> KernelRequest:
        """Return what a backend is asked."""
        dtypes = [tuple(_dtype(array) for array in arrays) for arrays in (self.inputs, self.expected)]
        return KernelRequest(self.op_type, f"case/{self.op_type}", dict(self.attrs), dtypes[0], dtypes[1])


@dataclass(frozen=True, slots=True)
class UpdateCase:
    """An op that updates variables."""

    id: str
    """Name in the test's report."""
    op_type: str
    """TensorFlow's op type."""
    variables: tuple[HostArray, ...]
    """Values of the variables before; they are the op's first inputs."""
    inputs: tuple[HostArray, ...]
    """The other inputs."""
    expected: tuple[HostArray, ...]
    """Values of the variables afterwards."""
    outputs: tuple[HostArray, ...] = ()
    """The outputs that are not refs."""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    """Attributes in Python's terms."""
    wrong: tuple[HostArray, ...] | None = None
    """Inputs that must be refused with InvalidArgumentError before anything is written; None where any will do."""

    def request(self) -> KernelRequest:
        """Return what a backend is asked."""
        inputs = tuple(_dtype(array) for array in (*self.variables, *self.inputs))
        outputs = tuple(_dtype(array) for array in (self.outputs or self.variables[:1]))
        return KernelRequest(self.op_type, f"case/{self.op_type}", dict(self.attrs), inputs, outputs)


def _dtype(array: HostArray) -> Any:
    """Return holdfast's dtype of a host array."""
    return string if array.dtype == object else as_dtype(array.dtype)


def case(
    op_type: str,
    expected: Callable[..., Any] | Any,
    *inputs: Any,
    label: str = "",
    **attrs: Any,
) -> OpCase:
    """Return a case; ``expected`` is the output, a list of outputs, or a function of the inputs that returns either."""
    arrays = tuple(np.asarray(value) for value in inputs)
    with np.errstate(all="ignore"):
        values = expected(*arrays) if callable(expected) else expected
    outputs: Sequence[Any] = values if isinstance(values, list) else [values]
    shapes = "-".join("x".join(map(str, array.shape)) or "scalar" for array in arrays)
    kinds = "+".join(dict.fromkeys(_dtype(array).name for array in arrays))
    name = "-".join(filter(None, (op_type, kinds, shapes, label)))
    return OpCase(name, op_type, arrays, tuple(np.asarray(output) for output in outputs), attrs)
