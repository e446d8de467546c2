"""The part of the format suite about damage: a named error, or, where the format can tell no better, no crash."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import CheckpointFormat
from holdfast.dtypes import as_dtype
from holdfast.errors import InvalidArgumentError
from holdfast.testing.format_suite import NAMED_ERRORS, FormatSuite, same, values

_METADATA = {"holdfast": {"global_step": 7}, "user": {"note": "x"}}


class DamageChecks(FormatSuite):
    """Reading of damaged files, and writing to a full disk."""

    def test_every_truncation(self) -> None:
        """A file that ends early is a named error, wherever it ends."""
        for fmt, suffix, data in self._files():
            for length in range(len(data)):
                self._expect_refusal(fmt, suffix, data[:length], f"the first {length} bytes of {suffix}", always=True)

    def test_every_byte_changed(self) -> None:
        """A changed byte is a named error if the format has digests; else it crashes nothing."""
        for fmt, suffix, data in self._files():
            for position in range(len(data)):
                for change in (0x01, 0x80, 0xFF):
                    damaged = bytearray(data)
                    damaged[position] ^= change
                    self._expect_refusal(fmt, suffix, bytes(damaged), f"byte {position} of {suffix} ^ {change:#x}")

    def test_bytes_added(self) -> None:
        """Bytes before, after or within the contents are noticed."""
        for fmt, suffix, data in self._files():
            for position in (0, 1, len(data) // 3, len(data) // 2, len(data) - 1, len(data)):
                for extra in (b"\0", b"\n", b"PK\x05\x06" + bytes(18), data[:100]):
                    changed = data[:position] + extra + data[position:]
                    if changed != data:
                        self._expect_refusal(fmt, suffix, changed, f"{len(extra)} bytes at {position} of {suffix}")

    def test_bytes_taken_out(self) -> None:
        """Bytes that are missing within the contents are noticed."""
        for fmt, suffix, data in self._files():
            for position in range(0, len(data), max(1, len(data) // 97)):
                for count in (1, 16, 64):
                    changed = data[:position] + data[position + count :]
                    self._expect_refusal(fmt, suffix, changed, f"{count} bytes out of {suffix} at {position}")

    def test_blocks_exchanged(self) -> None:
        """Zeroed, repeated and exchanged blocks, as disks leave them, are noticed."""
        for fmt, suffix, data in self._files():
            for size in (16, 64, 512):
                for position in range(0, len(data) - 2 * size, max(size, len(data) // 61)):
                    first, second = data[position : position + size], data[position + size : position + 2 * size]
                    for middle in (bytes(2 * size), first + first, second + first):
                        changed = data[:position] + middle + data[position + 2 * size :]
                        if changed != data:
                            self._expect_refusal(fmt, suffix, changed, f"blocks of {size} at {position} of {suffix}")

    def test_garbage_behind_the_magic(self) -> None:
        """A file of random bytes that begins as it should is a named error."""
        random = np.random.default_rng(0)
        suffix = self.spec.suffixes[0]
        for fmt in self.formats():
            for length in [*range(0, 200, 7), 1000, 5000]:
                data = bytearray(random.bytes(length))
                for offset, magic in self.spec.magic:
                    data[offset : offset + len(magic)] = magic
                self._expect_refusal(fmt, suffix, bytes(data), f"{length} random bytes", always=True)

    def test_full_disk(self) -> None:
        """An error of the disk passes through unchanged, wherever it strikes."""
        for fmt in self.formats():
            total = sum(map(len, self.write(fmt, self.small(), _METADATA).values()))
            for most in range(0, total - 1, max(1, total // 50)):
                with pytest.raises(OSError, match="No space left") as caught:
                    self.write(fmt, self.small(), _METADATA, most)
                assert caught.value.errno == errno.ENOSPC

    def test_dtypes_it_cannot_hold(self) -> None:
        """A dtype that the format cannot hold is an InvalidArgumentError that names the tensor."""
        for fmt in self.formats():
            for dtype in self.without:
                with pytest.raises(InvalidArgumentError, match="some_tensor"):
                    self.write(fmt, {"some_tensor": values(dtype, (2,))})

    def _files(self) -> Iterator[tuple[CheckpointFormat, str, bytes]]:
        """Yield each file of a small checkpoint, written with each of the options."""
        for fmt in self.formats():
            for suffix, data in self.write(fmt, self.small(), _METADATA).items():
                yield fmt, suffix, data

    def _expect_refusal(
        self, fmt: CheckpointFormat, suffix: str, damaged: bytes, what: str, *, always: bool = False
    ) -> None:
        """Read all of a damaged checkpoint; without digests (and unless `always`) it may pass for a sound one."""
        contents = {**self.write(fmt, self.small(), _METADATA)} if len(self.spec.suffixes) > 1 else {}
        contents[suffix] = damaged
        try:
            found, metadata = self._read_all(fmt, contents)
        except NAMED_ERRORS:
            return
        if always or self.spec.integrity == "digest":
            unchanged = self._unchanged(found) and metadata == _METADATA
            raise AssertionError(f"{what}: accepted, {'with the same' if unchanged else 'with other'} values")

    def _read_all(
        self, fmt: CheckpointFormat, contents: dict[str, bytes]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return everything that a checkpoint holds."""
        reader = self.open(fmt, contents)
        return {name: reader.read(name) for name in reader.entries}, dict(reader.metadata)

    def _unchanged(self, found: dict[str, NDArray[Any]]) -> bool:
        """Whether these are the tensors of the small checkpoint."""
        expected = self.small()
        return found.keys() == expected.keys() and all(
            same(found[name], expected[name]) and as_dtype(found[name].dtype) == as_dtype(expected[name].dtype)
            for name in expected
        )
