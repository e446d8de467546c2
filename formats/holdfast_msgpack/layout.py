"""What stands in a container: structures, limits, dtypes and codecs. docs/formats/msgpack-zstd.md describes it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x89HFT\r\n\x1a\n"
END_MAGIC = b"\x89HFE\r\n\x1a\n"
VERSION = (1, 0)
"""Major and minor version that is written."""

HEADER = struct.Struct("<8sHHIQQQ16sQ")
"""Magic, major, minor, 0, compatible bits, incompatible bits, 0, file id, xxh3_64 of what stands before."""
FOOTER = struct.Struct("<QQQ16sIIQ8s")
"""Index offset, index length, file length, xxh3_128 of header and index, numbers of tensors and chunks, xxh3_64 of what
stands before, end magic."""
END_BYTES = 64
"""Length of the header, and of the footer."""
DIGEST_BYTES = 16

ALIGNMENT = 64
"""Of every chunk and of the index."""
PAGE_ALIGNMENT = 4096
"""Of raw chunks that have at least :data:`PAGE_ALIGNED_BYTES`."""
PAGE_ALIGNED_BYTES = 1 << 20

MOST_CHUNK_BYTES = 4 << 20
"""Most bytes of a chunk, decoded."""
MOST_INDEX_BYTES = 256 << 20
MOST_TENSORS = 1 << 20
MOST_DIMENSIONS = 64
MOST_NAME_BYTES = 1024
MOST_BYTES = (1 << 62) - 1
"""Most bytes of all tensors together."""
MOST_WINDOW_BYTES = MOST_CHUNK_BYTES
"""Most memory that a zstd frame may ask its reader to keep."""

RAW, ZSTD, PLANES = 0, 1, 2
CODECS = ("raw", "zstd", "planes")
PLANE_COUNTS = (2, 4, 8, 16)

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SEPARATOR = "\n"
"""Between the names of tensors."""
STRING = "string"

# How the elements of each dtype are stored: NumPy's own types as they are, others as the integers that they are made
# of.
STORED: dict[str, str] = {
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "|b1",
    "complex64": "<c8",
    "complex128": "<c16",
    "bfloat16": "<u2",
    "float8_e5m2": "|u1",
    "float8_e4m3fn": "|u1",
    "qint8": "|i1",
    "quint8": "|u1",
    "qint16": "<i2",
    "quint16": "<u2",
    "qint32": "<i4",
}
"""Name of a dtype to NumPy's description of the stored elements; strings are stored as ends and bytes."""
ITEM_BYTES: dict[str, int] = {name: np.dtype(description).itemsize for name, description in STORED.items()}
"""Bytes of an element; the elements of strings differ in length."""
EXTENSIONS = frozenset({"bfloat16", "float8_e5m2", "float8_e4m3fn"})
"""The dtypes that need ml_dtypes."""


def element_type(dtype: str) -> np.dtype[Any]:
    """Return NumPy's type of the stored elements."""
    return np.dtype(STORED[dtype])


def bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the memory of a C-contiguous array."""
    return array.reshape(-1).view(np.uint8)


def aligned(offset: int, alignment: int) -> int:
    """Return the first multiple of an alignment that is not less than an offset."""
    return -(-offset // alignment) * alignment


def alignment_of(codec: int, stored: int) -> int:
    """Return what the offset of a chunk is a multiple of."""
    return PAGE_ALIGNMENT if codec == RAW and stored >= PAGE_ALIGNED_BYTES else ALIGNMENT
