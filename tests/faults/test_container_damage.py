from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.checkpoint import tensor_source
from holdfast.contracts import CheckpointFormat
from holdfast.testing.format_suite import NAMED_ERRORS
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs
from holdfast_msgpack import SPEC
from tests.formats.golden_contents import path

METADATA = {"user": {"note": "long enough that there are 160,000 changes"}}


def small_file(fmt: CheckpointFormat) -> bytes:
    """Return a file of some hundred bytes that has planes, strings and bools."""
    tensors = {
        "w": (np.arange(150) % 7 + 0.5).astype(np.float32),
        "b": np.array([True, False, True]),
        "s": np.array([b"one", b"three"], object),
    }
    outputs = MemoryOutputs(SPEC)
    fmt.write(outputs, [tensor_source(name, array) for name, array in tensors.items()], METADATA)
    return outputs.contents[".holdfast"]


def is_refused(fmt: CheckpointFormat, data: bytes) -> bool:
    """Whether reading all of a file gives a named error; any other error passes through."""
    try:
        reader = fmt.open(MemoryInputs(SPEC, {".holdfast": data}))
        for name in reader.entries:
            reader.read(name)
    except NAMED_ERRORS:
        return True
    return False


def test_every_byte_of_a_small_file(count_cases: Callable[[str, int], None]) -> None:
    """Each byte in each of its 255 other values is a named error."""
    fmt = SPEC.factory({"threads": 1})
    data = small_file(fmt)
    assert not is_refused(fmt, data)
    accepted = []
    damaged = bytearray(data)
    for position, original in enumerate(data):
        for value in range(256):
            damaged[position] = value
            if value != original and not is_refused(fmt, bytes(damaged)):
                accepted.append((position, value))
        damaged[position] = original
    assert accepted == []
    assert 255 * len(data) >= 160_000
    count_cases("changed bytes of a container", 255 * len(data))


def test_every_truncation(count_cases: Callable[[str, int], None]) -> None:
    """A file that ends early is a named error, wherever it ends."""
    fmt = SPEC.factory({"threads": 1})
    cases = 0
    for data in (small_file(fmt), path("dtypes-level-1").read_bytes()):
        assert [length for length in range(len(data)) if not is_refused(fmt, data[:length])] == []
        cases += len(data)
    assert cases >= 1_900
    count_cases("truncated containers", cases)


def test_bytes_added_and_removed(count_cases: Callable[[str, int], None]) -> None:
    """A byte too many or too few anywhere is a named error."""
    fmt = SPEC.factory({"threads": 1})
    data = small_file(fmt)
    changed = [data[:at] + bytes([extra]) + data[at:] for at in range(len(data) + 1) for extra in (0, 0x89, 0xFF)]
    changed += [data[:at] + data[at + 1 :] for at in range(len(data))]
    assert [number for number, bad in enumerate(changed) if bad != data and not is_refused(fmt, bad)] == []
    count_cases("containers with a byte more or less", len(changed))
