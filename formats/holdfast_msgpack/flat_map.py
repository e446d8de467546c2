"""The part of msgpack that an index may use: one map from texts to numbers, texts, bytes and short lists of texts.

Nothing can be nested and nothing is allocated before its bytes are there, so that a hostile index takes no more memory
than its own length.
"""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "int | str | memoryview | list[str]"
"""What stands in an index; bytes are a view of it."""

_MOST_KEYS = 64
_MOST_KEY_BYTES = 64
_MOST_ITEMS = 64

# First byte of each type to the bytes of the number that follows; msgpack's numbers are big-endian.
_UINTS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_OTHERS = {
    0xC0: "nil",
    0xC1: "an unused code",
    0xC2: "a bool",
    0xC3: "a bool",
    0xCA: "a float",
    0xCB: "a float",
    0xDC: "an array",
    0xDD: "an array",
    0xDE: "a map",
    0xDF: "a map",
}


class FlatMapError(ValueError):
    """Something in an index that must not stand there.

    Parameters
    ----------
    position
        Bytes from the start of the index.
    found, expected
        What stands there and what may.
    """

    def __init__(self, position: int, found: str, expected: str) -> None:
        super().__init__(f"{found} at {position}, expected {expected}")
        self.position = position
        self.found = found
        self.expected = expected


class FlatMapParser:
    """Reads an index.

    Parameters
    ----------
    data
        All of it.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._position = 0

    def parse(self) -> dict[str, Value]:
        """Return the map; FlatMapError for anything else."""
        count = self._count_of(0x80, 0xDE, "a map", _MOST_KEYS)
        found: dict[str, Value] = {}
        for _ in range(count):
            at = self._position
            key = self._text(_MOST_KEY_BYTES)
            if key in found:
                raise FlatMapError(at, f"key {key} twice", "it once")
            found[key] = self._value()
        if self._position != len(self._data):
            raise FlatMapError(self._position, f"{len(self._data) - self._position:,} more bytes", "the end")
        return found

    def _take(self, length: int) -> memoryview:
        """Return the next bytes."""
        left = len(self._data) - self._position
        if length > left:
            raise FlatMapError(self._position, f"{left:,} bytes to the end", f"{length:,} bytes")
        taken = self._data[self._position : self._position + length]
        self._position += length
        return taken

    def _peek(self) -> int:
        """Return the next byte, which stays there."""
        code = self._take(1)[0]
        self._position -= 1
        return code

    def _number(self, length: int) -> int:
        return int.from_bytes(self._take(length), "big")

    def _count_of(self, short: int, long: int, what: str, most: int) -> int:
        """Return how many items a map or array has, whose first byte is `short` with the count, or `long`."""
        at, code = self._position, self._take(1)[0]
        if code & 0xF0 == short:
            count = code & 0x0F
        elif code in {long, long + 1}:
            count = self._number(2 if code == long else 4)
        else:
            raise FlatMapError(at, _name(code), what)
        if count > most:
            raise FlatMapError(at, f"{what} of {count:,}", f"at most {most}")
        return count

    def _text(self, most: int) -> str:
        """Return the next value, a text."""
        at, code = self._position, self._take(1)[0]
        if code & 0xE0 == 0xA0:
            length = code & 0x1F
        elif code in _TEXTS:
            length = self._number(_TEXTS[code])
        else:
            raise FlatMapError(at, _name(code), "a text")
        if length > most:
            raise FlatMapError(at, f"a text of {length:,} bytes", f"at most {most:,}")
        try:
            return str(self._take(length), "utf-8")
        except UnicodeDecodeError as error:
            raise FlatMapError(at, str(error), "UTF-8") from error

    def _value(self) -> Value:
        """Return the next value."""
        code = self._peek()
        if code <= 0x7F or code in _UINTS:
            self._position += 1
            return code if code <= 0x7F else self._number(_UINTS[code])
        if code in _BYTES:
            self._position += 1
            return self._take(self._number(_BYTES[code]))
        if code & 0xF0 == 0x90 or code in {0xDC, 0xDD}:
            count = self._count_of(0x90, 0xDC, "an array", _MOST_ITEMS)
            return [self._text(_MOST_KEY_BYTES) for _ in range(count)]
        if code & 0xE0 == 0xA0 or code in _TEXTS:
            return self._text(len(self._data))
        raise FlatMapError(self._position, _name(code), "a number from 0 on, a text, bytes or a list of texts")


def _name(code: int) -> str:
    """Return what a first byte announces."""
    if code in _OTHERS:
        return _OTHERS[code]
    if code >= 0xE0 or 0xD0 <= code <= 0xD3:
        return "a negative number, or a signed one"
    if code <= 0x7F or code in _UINTS:
        return "a number"
    if code & 0xF0 == 0x80:
        return "a map"
    if code & 0xF0 == 0x90:
        return "an array"
    return "a text" if code & 0xE0 == 0xA0 or code in _TEXTS else "bytes" if code in _BYTES else "an extension type"
