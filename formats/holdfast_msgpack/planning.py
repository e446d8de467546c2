"""Where everything goes: which tensors share a chunk, and where each begins in the stream. Nothing is read for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.contracts import TensorSource
from holdfast.errors import InvalidArgumentError
from holdfast_msgpack import layout
from holdfast_msgpack.strings import END_BYTES

PACKED_BYTES = 64 << 10
"""Tensors that are smaller share chunks with others of their item size."""
PACK_BYTES = 1 << 20
"""Most bytes of what is packed together."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of the stream: one large tensor, or small ones of one item size."""

    members: list[int]
    """Positions of the tensors, in stream order."""
    item_bytes: int
    """Bytes of their elements."""
    nbytes: int
    """Bytes of all together."""


@dataclass(slots=True)
class StreamPlan:
    """The order of the stream, and what the index says about the tensors."""

    names: list[str]
    """The names of all tensors."""
    dtypes: list[str]
    """The names of their dtypes."""
    shapes: list[tuple[int, ...]]
    """Their shapes."""
    string_bytes: list[int]
    """For each tensor of strings the bytes of all its strings."""
    starts: list[int]
    """For each tensor where it begins; 0 for those without bytes."""
    runs: list[Run] = field(default_factory=list)
    """In stream order."""
    nbytes: int = 0
    """Bytes of the stream."""


def plan_stream(sources: Sequence[TensorSource]) -> StreamPlan:
    """Lay out the stream; InvalidArgumentError for a tensor that the format cannot hold."""
    names, shapes = [source.name for source in sources], [source.shape for source in sources]
    dtypes = [source.dtype.name for source in sources]
    _check(names, dtypes, shapes)
    sizes = [source.nbytes for source in sources]
    strings = [number for number, dtype in enumerate(dtypes) if dtype == layout.STRING]
    plan = StreamPlan(names, dtypes, shapes, [sizes[number] for number in strings], [0] * len(sizes))
    for number in strings:
        sizes[number] += END_BYTES * math.prod(shapes[number])
    packs: dict[int, list[int]] = {}
    packed: dict[int, int] = {}
    for number, (dtype, nbytes) in enumerate(zip(dtypes, sizes, strict=True)):
        item_bytes = layout.ITEM_BYTES.get(dtype, 1)
        if nbytes >= PACKED_BYTES:
            _add(plan, [number], item_bytes, sizes)
        elif nbytes:
            total = packed.get(item_bytes, 0) + nbytes
            if total > PACK_BYTES:
                _add(plan, packs.pop(item_bytes), item_bytes, sizes)
                total = nbytes
            packs.setdefault(item_bytes, []).append(number)
            packed[item_bytes] = total
    for item_bytes, members in sorted(packs.items()):
        _add(plan, members, item_bytes, sizes)
    if plan.nbytes > layout.MOST_BYTES:
        raise InvalidArgumentError(None, None, f"The tensors take {plan.nbytes:,} bytes, more than a file can hold.")
    return plan


def _add(plan: StreamPlan, members: list[int], item_bytes: int, sizes: list[int]) -> None:
    """Let a run follow."""
    begin = plan.nbytes
    for number in members:
        plan.starts[number] = plan.nbytes
        plan.nbytes += sizes[number]
    plan.runs.append(Run(members, item_bytes, plan.nbytes - begin))


def _check(names: list[str], dtypes: list[str], shapes: list[tuple[int, ...]]) -> None:
    """Refuse what the format cannot hold."""
    if len(names) > layout.MOST_TENSORS:
        raise InvalidArgumentError(
            None,
            None,
            f"There are {len(names):,} tensors; format msgpack-zstd holds at most {layout.MOST_TENSORS:,} in a file.",
        )
    for dtype in set(dtypes) - layout.STORED.keys() - {layout.STRING}:
        name = names[dtypes.index(dtype)]
        raise InvalidArgumentError(
            None, None, f"Tensor {name!r} has dtype {dtype}, which format msgpack-zstd cannot hold."
        )
    longest = max(shapes, key=len, default=())
    if len(longest) > layout.MOST_DIMENSIONS:
        name = names[shapes.index(longest)]
        raise InvalidArgumentError(
            None, None, f"Tensor {name!r} has {len(longest)} dimensions; format msgpack-zstd holds at most 64."
        )
    text = "".join(names)
    plain = text.isascii() and layout.SEPARATOR not in text and all(names)
    if not plain or len(max(names, key=len, default="")) > layout.MOST_NAME_BYTES:
        for name in names:
            _check_name(name)


def _check_name(name: str) -> None:
    """Refuse a name that cannot stand in the index."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:  # a surrogate
        length = 0
    if not 1 <= length <= layout.MOST_NAME_BYTES or layout.SEPARATOR in name:
        raise InvalidArgumentError(
            None,
            None,
            f"A tensor cannot be saved under the name {name[:200]!a}: expected 1 to 1,024 bytes of UTF-8 without "
            "line feeds.",
        )
