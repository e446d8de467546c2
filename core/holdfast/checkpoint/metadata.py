"""What a checkpoint says about itself: the engine's part of the metadata and the user's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from holdfast.contracts import MAX_METADATA_BYTES
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError

_ENGINE = "holdfast"
_USER = "user"
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveMetadata:
    """What whoever saves has to say about a checkpoint."""

    lineage: str | None = None
    """Id of the run of saves that it continues; None to begin one. Inherited by restoring."""
    origin: float | None = None
    """When that run began, in seconds since the epoch; None: with this save."""
    global_step: int | None = None
    """The training step."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of quality, by which checkpoints can be kept."""
    random_streams: Mapping[str, Any] = field(default_factory=dict)
    """State of the random streams: JSON values that only the session understands."""
    user: Mapping[str, Any] = field(default_factory=dict)
    """Anything of the user's: JSON values."""
    tree: Mapping[str, Any] = field(default_factory=dict)
    """Of a tree its description, or where that is."""

    def frozen(self) -> SaveMetadata:
        """Return it as it is now, whatever becomes of the objects that it was given, metrics and user's part checked.

        Raises
        ------
        InvalidArgumentError
            If a metric is no number, or the user's part no JSON, or too large.
        """
        if not self.metrics and not self.user:
            return self
        metrics = {name: _metric(name, value) for name, value in self.metrics.items()}
        coded = encode_metadata(CheckpointMetadata(metrics=metrics, user=self.user))
        return replace(self, metrics=metrics, user=coded[_USER])


def _metric(name: str, value: Any) -> float:
    """Return a metric as a number."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(None, None, f"The metric {name!r} is {value!r}, expected a number.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointMetadata:
    """What a checkpoint says about itself. Files that something else wrote say less."""

    writer: str | None = None
    """What wrote it: ``holdfast 0.1.0``."""
    lineage: str | None = None
    """Id of the run of saves that it belongs to."""
    origin: float | None = None
    """When that run began, in seconds since the epoch."""
    save_sequence: int = 0
    """Grows from save to save: of two checkpoints of a directory, the later one has the higher number."""
    global_step: int | None = None
    """The training step, where one was given."""
    time: float | None = None
    """When it was saved, in seconds since the epoch."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of quality."""
    random_streams: Mapping[str, Any] = field(default_factory=dict)
    """State of the random streams."""
    user: Mapping[str, Any] = field(default_factory=dict)
    """The user's own."""
    partial: Mapping[str, Any] = field(default_factory=dict)
    """Tensors that are stored in parts which do not make up the whole."""
    part: Mapping[str, Any] = field(default_factory=dict)
    """What a file is one part of: ``save_id``, ``number`` and ``count``; empty for a whole checkpoint."""
    tree: Mapping[str, Any] = field(default_factory=dict)
    """Of a tree its description, or where that is: :func:`load` reads it."""


@cache
def writer_name() -> str:
    """Return the name and version that checkpoints are signed with."""
    from importlib import metadata  # tens of milliseconds, and needed by the first save only

    try:
        return f"holdfast {metadata.version('holdfast')}"
    except metadata.PackageNotFoundError:
        return "holdfast"


def encode_metadata(metadata: CheckpointMetadata) -> dict[str, Any]:
    """Return the JSON object that a format stores; InvalidArgumentError where something is no JSON, or too much."""
    engine = {
        "writer": metadata.writer,
        "lineage": metadata.lineage,
        "origin": metadata.origin,
        "save_sequence": metadata.save_sequence,
        "global_step": None if metadata.global_step is None else int(metadata.global_step),
        "time": metadata.time,
        "metrics": {name: _encode_number(value) for name, value in metadata.metrics.items()},
        "random_streams": dict(metadata.random_streams),
    }
    if metadata.partial:
        engine["partial"] = dict(metadata.partial)
    if metadata.part:
        engine["part"] = dict(metadata.part)
    if metadata.tree:
        engine["tree"] = dict(metadata.tree)
    # Without what is not there, and through JSON: what is read back is what was checked here.
    whole = {
        _ENGINE: {key: value for key, value in engine.items() if value not in (None, {})},
        _USER: dict(metadata.user),
    }
    _require_text_keys(whole, "metadata")
    try:
        text = json.dumps(whole, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        advice = "Use dict with str keys, list, str, int, finite float, bool and None"
        raise InvalidArgumentError(
            None, None, f"The metadata of a checkpoint must be JSON: {error}. {advice}."
        ) from error
    if len(text) > MAX_METADATA_BYTES:
        raise InvalidArgumentError(
            None,
            None,
            f"The metadata of a checkpoint takes {len(text):,} bytes as JSON, expected at most "
            f"{MAX_METADATA_BYTES:,}. Save large "
            "things as tensors.",
        )
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def _require_text_keys(value: Any, where: str, depth: int = 0) -> None:
    """Refuse keys that JSON would silently turn into texts."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidArgumentError(None, None, f"A key in {where} of a checkpoint is {key!r}, expected a str.")
            _require_text_keys(item, f"{where}[{key!r}]" if depth < 4 else where, depth + 1)
    elif isinstance(value, list | tuple) and depth < 100:
        for item in value:
            _require_text_keys(item, where, depth + 1)


def _encode_number(value: Any) -> float | str:
    """Return a metric as JSON: what is not finite as a text, as in the JSON of protocol buffers."""
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def decode_metadata(data: Mapping[str, Any], path: str) -> CheckpointMetadata:
    """Read what a format stored; CorruptCheckpointError where holdfast's own part is not as holdfast writes it."""
    if _ENGINE not in data:  # something else wrote the file: all of it is the user's
        return CheckpointMetadata(user=dict(data))
    engine = _Section(path, data[_ENGINE])
    return CheckpointMetadata(
        writer=engine.get("writer", str),
        lineage=engine.get("lineage", str),
        origin=engine.number("origin"),
        save_sequence=engine.get("save_sequence", int) or 0,
        global_step=engine.get("global_step", int),
        time=engine.number("time"),
        metrics=engine.metrics(),
        random_streams=engine.get("random_streams", dict) or {},
        user=_Section(path, data).get(_USER, dict) or {},
        partial=engine.get("partial", dict) or {},
        part=engine.get("part", dict) or {},
        tree=engine.get("tree", dict) or {},
    )


class _Section:
    """One JSON object of the metadata, read with the types that are expected."""

    def __init__(self, path: str, data: Any) -> None:
        self._path = path
        self._data = data
        if not isinstance(data, Mapping):
            raise self._fault(_ENGINE, data, "an object")

    def _fault(self, key: str, found: Any, expected: str) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._path, field=f"metadata {key}", found=found, expected=expected)

    def get(self, key: str, kind: type[Any]) -> Any:
        """Return the value of a key, None where it is left out."""
        value = self._data.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self._fault(key, value, kind.__name__)
        return value

    def number(self, key: str) -> float | None:
        """Return a finite number, None where it is left out."""
        value = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise self._fault(key, value, "a finite number")
        return float(value)

    def metrics(self) -> dict[str, float]:
        """Return the metrics."""
        found = {}
        for name, value in (self.get("metrics", dict) or {}).items():
            if isinstance(value, str) and value in _NON_FINITE:
                found[name] = _NON_FINITE[value]
            elif isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
                raise self._fault(f"metric {name}", value, "a number")
            else:
                found[name] = float(value)
        return found


def _is_finite(value: float) -> bool:
    """Whether a number of JSON, of any size, is a finite float."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
