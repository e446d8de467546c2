"""What the parts of the format suite share: tensors, and files in memory that hold them."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint import ArraySource, tensor_source
from holdfast.contracts import CheckpointFormat, FormatSpec, Reader
from holdfast.dtypes import as_dtype
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    InvalidArgumentError,
    NotFoundError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs

_OPEN = frozenset({"options", "spec", "without"})
"""What a subclass gives or may change."""

NAMED_ERRORS = (
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
    CheckpointLimitError,
    NotFoundError,
    InvalidArgumentError,
)
"""All that a reader may raise for whatever stands in a file."""

DTYPES = (
    *("float16", "float32", "float64", "bfloat16", "float8_e5m2", "float8_e4m3fn", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string"),
    *("qint8", "quint8", "qint16", "quint16", "qint32"),
)
"""The dtypes that a checkpoint may hold."""

SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (7,), (2, 0, 3), (3, 4), (2, 3, 4))
"""The shapes that are tried."""


def values(dtype: str, shape: tuple[int, ...], seed: int = 0) -> NDArray[Any]:
    """Return random values of a dtype: any bit pattern, NaNs and infinities included."""
    random = np.random.default_rng([seed, *shape, *dtype.encode()])
    if dtype == "string":
        words = np.empty(shape, np.object_)
        for position in np.ndindex(shape):
            words[position] = random.bytes(int(random.integers(0, 12)))
        return words
    element = np.dtype(as_dtype(dtype).as_numpy_dtype)
    if dtype == "bool":
        return np.asarray(random.integers(0, 2, shape)).astype(bool)
    raw = random.bytes(int(np.prod(shape, dtype=np.int64)) * element.itemsize)
    return np.frombuffer(bytearray(raw), element).reshape(shape)


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether two arrays agree in dtype, shape and every bit."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if found.dtype == object:  # flat: a shape such as (2**31, 0) is of no bytes, but of many lists
        return bool(found.reshape(-1).tolist() == expected.reshape(-1).tolist())
    return found.tobytes() == expected.tobytes()


class PiecewiseSource(ArraySource):
    """A tensor that can be read piece by piece, as those of a checkpoint that is copied."""

    def __init__(self, name: str, values: NDArray[Any]) -> None:
        super().__init__(name, values, as_dtype(values.dtype), values.shape, None)

    def read_range(self, start: int, stop: int) -> NDArray[Any]:
        """Return a piece."""
        if not 0 <= start <= stop <= math.prod(self.shape):
            raise ValueError(f"Elements {start} to {stop} of {self.shape} were asked for.")
        return self.read().reshape(-1)[start:stop].copy()


class FormatSuite(ABC):
    """Base of the suite's parts."""

    spec: ClassVar[FormatSpec]
    """The format under test."""
    options: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """Options that it is tried with; they should reach all its ways to store values."""
    without: ClassVar[Mapping[str, str]] = {}
    """Dtypes that the format cannot hold, each with the reason."""

    def __init_subclass__(cls) -> None:
        """Refuse a subclass that replaces a test."""
        super().__init_subclass__()
        suites = (base for base in cls.__mro__[1:] if issubclass(base, FormatSuite))
        inherited = {name for suite in suites for name in vars(suite) if not name.startswith("_")}
        replaced = sorted((inherited - _OPEN) & set(vars(cls)))
        if replaced and cls.__module__.partition(".")[0] != "holdfast":
            raise TypeError(
                f"{cls.__name__} replaces {', '.join(replaced)} of the conformance suite. Declare dtypes that the "
                f"format cannot hold "
                "in `without`, with the reason."
            )

    def formats(self) -> list[CheckpointFormat]:
        """Return the format with each of its options."""
        return [self.spec.factory(options) for options in self.options]

    def dtypes(self) -> list[str]:
        """Return the dtypes that the format holds."""
        return [dtype for dtype in DTYPES if dtype not in self.without]

    def write(
        self,
        fmt: CheckpointFormat,
        tensors: Mapping[str, NDArray[Any]],
        metadata: Mapping[str, Any] | None = None,
        most: int | None = None,
    ) -> dict[str, bytes]:
        """Write tensors and return the files."""
        outputs = MemoryOutputs(self.spec, most)
        fmt.write(outputs, [tensor_source(name, array) for name, array in tensors.items()], metadata or {})
        return outputs.contents

    def open(self, fmt: CheckpointFormat, contents: dict[str, bytes]) -> Reader:
        """Open files."""
        return fmt.open(MemoryInputs(self.spec, contents))

    def small(self) -> dict[str, NDArray[Any]]:
        """Return a few small tensors of different kinds."""
        wanted = {"w": "float32", "layer/b": "int64", "flag": "bool", "names": "string", "half": "bfloat16"}
        shapes: dict[str, tuple[int, ...]] = {"w": (3, 4), "layer/b": (), "flag": (3,), "names": (2, 2), "half": (5,)}
        return {name: values(dtype, shapes[name]) for name, dtype in wanted.items() if dtype not in self.without}
