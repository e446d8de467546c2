"""Random changes of bytes, texts and JSON values, from a seed: what the targets' own changes are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.faults.hostile_containers import LARGE, NUMBERS

_TEXTS = ("", "x", "\n", "/", "..", "~", "\0", "\ud800", "ü", "\u202e", "9" * 40, "a" * 1025, "NaN", "1e999", "-1")
_VALUES: tuple[Any, ...] = (None, True, False, 0.5, -0.0, 1e308, "", [], {}, [[]], {"a": 1}, 10**4299)


def other_bytes(data: bytes, random: Random, words: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to four changes; `words` are what may be put in."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(changed))
        end = min(len(changed), start + random.choice((1, 1, 2, 4, 8, 64)))
        match random.randrange(6):
            case 0 if start < end:
                changed[start] ^= 1 << random.randrange(8)
            case 1:
                changed[start:end] = random.randbytes(end - start)
            case 2:
                del changed[start:end]
            case 3:
                changed[start:start] = changed[start:end] * random.randint(1, 3)
            case 4:
                size = random.choice((1, 2, 4, 8))
                number = random.choice((*NUMBERS, *LARGE)) % (1 << 8 * size)
                changed[start : start + size] = number.to_bytes(size, random.choice(("little", "big")))
            case _:
                changed[start : random.choice((start, end))] = random.choice(words) if words else bytes(end - start)
    return bytes(changed)


def other_text(text: str, random: Random) -> str:
    """Return a text with one change."""
    start = random.randint(0, len(text))
    end = random.randint(start, min(len(text), start + 8))
    middle = random.choice((*_TEXTS, text[start:end] * 2, chr(random.choice((random.randrange(256), 0x10FFFF)))))
    return text[:start] + middle + text[end:]


def other_json(value: Any, random: Random, words: Sequence[Any] = ()) -> Any:
    """Return a JSON value with one change somewhere in it; `words` are values that may be put in."""
    if isinstance(value, dict | list) and value and random.random() < 0.9:
        changed: Any = value.copy()
        key = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
        action = random.randrange(10)
        if action == 0:
            del changed[key]
        elif action == 1 and isinstance(changed, list):
            changed.insert(random.randint(0, len(value)), random.choice((value[key], *words)))
        elif action == 1:
            changed[other_text(key, random)] = changed.pop(key) if random.random() < 0.5 else value[key]
        elif action == 2:
            other = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
            changed[key], changed[other] = value[other], value[key]
        else:
            changed[key] = other_json(value[key], random, words)
        return changed
    return _other_value(value, random, words)


def _other_value(value: Any, random: Random, words: Sequence[Any]) -> Any:
    """Return a value for the place of another."""
    kind = random.randrange(4)
    if kind == 0 and words:
        return random.choice(words)
    if kind == 1:
        return random.choice(_VALUES)
    if kind == 2:
        wrapped = value
        for _ in range(random.choice((1, 2, 30, 150))):
            wrapped = random.choice(([wrapped], {"a": wrapped}))
        return wrapped
    if isinstance(value, str):
        return other_text(value, random)
    number = random.choice((*NUMBERS, *LARGE))
    near = value if isinstance(value, int) and value < 1 << 64 else number
    return random.choice((number, -number, near + 1, near - 1, near * 2, float(number)))


def parse_json(text: bytes | str) -> Any:
    """Return a JSON value, None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
