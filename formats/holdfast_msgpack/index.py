"""The index of a file: every entry is checked against all others, before anything is allocated or decoded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from holdfast.contracts import MAX_METADATA_BYTES, ReadableFile
from holdfast.errors import CheckpointLimitError, CorruptCheckpointError
from holdfast_msgpack.chunk_table import ChunkTable
from holdfast_msgpack.columns import Columns
from holdfast_msgpack.ends import read_envelope
from holdfast_msgpack.tensor_table import TensorTable

_MOST_METADATA_BYTES = 6 * MAX_METADATA_BYTES  # each byte may be escaped as \u00xx


@dataclass(frozen=True, slots=True)
class Index:
    """What a file holds."""

    chunks: ChunkTable
    """The chunks."""
    tensors: TensorTable
    """The tensors."""
    metadata: dict[str, Any]
    """The metadata."""


def read_index(file: ReadableFile) -> Index:
    """Read and check everything but the chunks themselves."""
    columns = Columns(file.path, read_envelope(file))
    chunks = ChunkTable(columns)
    end = chunks.last_end()
    check_padding(file, end, columns.envelope.offset - end)
    return Index(chunks, TensorTable(columns, chunks), _metadata(columns))


def read_metadata(file: ReadableFile) -> dict[str, Any]:
    """Read the metadata alone; the digest over header and index is checked."""
    return _metadata(Columns(file.path, read_envelope(file)))


def check_padding(file: ReadableFile, offset: int, length: int) -> None:
    """Refuse padding that is not zero."""
    if length:
        refuse_padding(file, offset, file.read_at(offset, length))


def refuse_padding(file: ReadableFile, offset: int, padding: bytes) -> None:
    """Raise unless all of it is zero."""
    if padding.count(0) != len(padding):
        raise CorruptCheckpointError(path=file.path, field="padding", found=padding, expected="zeros", offset=offset)


def _metadata(columns: Columns) -> dict[str, Any]:
    """Return the metadata."""
    text = columns.text("metadata")
    if len(text) > _MOST_METADATA_BYTES:
        raise CheckpointLimitError(
            path=columns.path,
            field="metadata",
            found=f"{len(text):,} characters",
            expected="at most 1 MiB of JSON",
            advice="No writer makes such a file; do not use it",
        )
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        found = str(error) or "JSON that is nested too deeply"
        raise columns.fault("metadata", found, "a JSON object") from error
    if not isinstance(value, dict):
        raise columns.fault("metadata", type(value).__name__, "a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """Refuse an object with a key twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return result


def _refuse_constant(text: str) -> NoReturn:
    """Refuse NaN and infinities."""
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    """Return a number that a float can hold."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value
