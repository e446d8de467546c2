"""What to say about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str]) -> str | None:
    """Return ``Did you mean 'x'?`` for the closest known name, or None where none is close."""
    from difflib import get_close_matches  # only errors pay for it

    candidates = list(known)
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    matches = get_close_matches(str(name).casefold(), by_folded, n=1, cutoff=0.6)
    return f"Did you mean {by_folded[matches[0]]!r}?" if matches else None
