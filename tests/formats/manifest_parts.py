"""Manifests of any contents whose digest is right."""

from __future__ import annotations

import json
from typing import Any

from holdfast.checkpoint.manifest import digest_of


def seal_text(rest: bytes) -> bytes:
    """Return a manifest with any text behind its digest."""
    return b'{"holdfast_manifest": 1, "digest": "' + digest_of(rest).encode() + b'"' + rest


def seal(body: Any) -> bytes:
    """Return a manifest of any JSON object."""
    return seal_text(b",\n" + json.dumps(body).encode().removeprefix(b"{") + b"\n")
