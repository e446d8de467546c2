"""The index as columns of the right types and lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import CorruptCheckpointError
from holdfast_msgpack.ends import Envelope
from holdfast_msgpack.flat_map import FlatMapError, FlatMapParser, Value

_MISSING = object()


class Columns:
    """The values of an index by key; keys that nobody asks for are ignored.

    Parameters
    ----------
    path
        The file, for messages.
    envelope
        The index and how many tensors and chunks it should have.
    """

    def __init__(self, path: str, envelope: Envelope) -> None:
        self.path = path
        self.envelope = envelope
        try:
            self._values: dict[str, Value] = FlatMapParser(envelope.index).parse()
        except FlatMapError as error:
            raise CorruptCheckpointError(
                path=path,
                field="index",
                found=error.found,
                expected=error.expected,
                offset=envelope.offset + error.position,
            ) from error

    def fault(self, field: str, found: object, expected: object, offset: int | None = None) -> CorruptCheckpointError:
        """Return the error about a part of the index."""
        return CorruptCheckpointError(path=self.path, field=field, found=found, expected=expected, offset=offset)

    def _get(self, key: str, kind: type[Any], what: str) -> Any:
        """Return the value of a key, which must be of a type."""
        value = self._values.get(key, _MISSING)
        if not isinstance(value, kind):
            found = "nothing" if value is _MISSING else type(value).__name__
            raise self.fault(f"{key} in the index", found, what)
        return value

    def text(self, key: str) -> str:
        """Return a text."""
        found: str = self._get(key, str, "a text")
        return found

    def texts(self, key: str) -> list[str]:
        """Return a list of different texts."""
        found: list[str] = self._get(key, list, "a list of texts")
        if len(set(found)) != len(found):
            raise self.fault(f"{key} in the index", ", ".join(found), "each of them once")
        return found

    def bytes(self, key: str, length: int) -> memoryview:
        """Return bytes of a length."""
        found: memoryview = self._get(key, memoryview, "bytes")
        if len(found) != length:
            raise self.fault(f"{key} in the index", f"{len(found):,} bytes", f"{length:,}")
        return found

    def numbers(self, key: str, element: str, count: int) -> NDArray[Any]:
        """Return a column of unsigned numbers; a view of the index."""
        return np.frombuffer(self.bytes(key, count * np.dtype(element).itemsize), element)
