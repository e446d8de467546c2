"""Sizes, times and metadata in words, for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.names import escaped

_MOST_METADATA = 1000


def size_text(nbytes: int) -> str:
    """Return a number of bytes: ``1.5 MiB``."""
    size, unit = float(nbytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{nbytes:,} bytes" if unit == "bytes" else f"{size:.1f} {unit}"


def time_text(seconds: float) -> str:
    """Return a time in UTC, or the number where it is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"


def age_text(seconds: float) -> str:
    """Return a span of time by its largest unit: ``3 h``."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def counted(count: int, noun: str) -> str:
    """Return ``1 tensor`` or ``3 tensors``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def metadata_facts(said: CheckpointMetadata) -> dict[str, str]:
    """Return what a checkpoint says about itself, escaped and cut; what it does not say is left out."""
    facts = {
        "written by": escaped(said.writer or ""),
        "global step": "" if said.global_step is None else str(said.global_step),
        "saved": "" if said.time is None else time_text(said.time),
        "lineage": escaped(said.lineage or ""),
        "metrics": escaped(", ".join(f"{name} = {value:g}" for name, value in said.metrics.items())),
        "random streams": "saved" if said.random_streams else "",
        "metadata": escaped(json.dumps(dict(said.user), ensure_ascii=False)) if said.user else "",
    }
    return {name: _cut(value) for name, value in facts.items() if value}


def _cut(text: str) -> str:
    """Return a text of a bearable length."""
    return text if len(text) <= _MOST_METADATA else text[: _MOST_METADATA - 1] + "…"
