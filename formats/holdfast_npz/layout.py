"""What stands in an npz checkpoint: names of members, headers of arrays, dtypes. docs/formats/npz.md describes it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

VERSION = 1
"""Version of this layout."""

OWN = "__holdfast__/"
"""What the names of members begin with that are not tensors."""

FORMAT_MEMBER = f"{OWN}format"
INDEX_MEMBER = f"{OWN}index.jsonl"
METADATA_MEMBER = f"{OWN}metadata.json"
DIGESTS_MEMBER = f"{OWN}digests.npy"

FORMAT_TEXT = b"holdfast npz %d\n"
"""Contents of the first member."""

COMMENT = b"holdfast-npz %d tail=%016x xxh3_128=%032x"
"""Comment of the archive: where the tail begins, and its digest."""
COMMENT_PATTERN = re.compile(rb"holdfast-npz (\d{1,9}) tail=([0-9a-f]{16}) xxh3_128=([0-9a-f]{32})")
COMMENT_LENGTH = len(COMMENT % (VERSION, 0, 0))

BLOCK_BYTES = 4 << 20
"""Bytes that one digest covers, counted from the start of a member's local header."""

MOST_TAIL_BYTES = 256 << 20
MOST_DIMENSIONS = 64
MOST_BYTES = (1 << 63) - 1

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
"""Name of a dtype to NumPy's description of the stored elements; strings are stored in two members."""

_ARRAY_MAGIC = b"\x93NUMPY\x01\x00"


def array_header(description: str, shape: tuple[int, ...]) -> bytes:
    """Return the one header that an array may have: NumPy's format 1.0, padded to a multiple of 64 bytes."""
    sizes = f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"
    text = f"{{'descr': '{description}', 'fortran_order': False, 'shape': {sizes}, }}".encode("ascii")
    length = -(-(len(_ARRAY_MAGIC) + 2 + len(text) + 1) // 64) * 64 - len(_ARRAY_MAGIC) - 2
    return _ARRAY_MAGIC + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"


def member_name(position: int, tensor: str) -> str:
    """Return the name of the member that holds a tensor, so that no unpacking program leaves the directory."""
    parts = tensor.split("/")
    plain = not any(part in {"", ".", ".."} for part in parts) and not any(sign in tensor for sign in "\\:")
    if plain and parts[0] != OWN[:-1] and not tensor.endswith(".npy"):
        return f"{tensor}.npy"
    return f"{OWN}tensor-{position:08d}.npy"


def offsets_name(position: int) -> str:
    """Return the name of the member that holds where the strings of a tensor end."""
    return f"{OWN}offsets-{position:08d}.npy"


def element_type(dtype: str) -> np.dtype[Any]:
    """Return NumPy's type of the stored elements."""
    return np.dtype(STORED[dtype])
