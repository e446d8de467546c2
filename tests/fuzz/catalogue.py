"""All targets."""

from __future__ import annotations

from tests.fuzz import archives, containers, graphs, manifests, metadata, states
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    module.TARGET.name: module.TARGET for module in (containers, archives, manifests, states, metadata, graphs)
}
"""By name."""
