"""Region: a run of consecutive ops of one device that a backend may take whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.contracts.kernel import KernelRequest


@dataclass(frozen=True, slots=True)
class RegionOp:
    """One op of a region; values are numbered by registers of the plan."""

    request: KernelRequest
    """What the op is."""
    inputs: tuple[int, ...]
    """Registers that it reads."""
    outputs: tuple[int, ...]
    """Registers that it writes."""


@dataclass(frozen=True, slots=True)
class Region:
    """A maximal run of consecutive ops of one device without updates, branches or copies between devices."""

    ops: tuple[RegionOp, ...]
    """The ops, in the order of the plan."""
    inputs: tuple[int, ...]
    """Registers that come from outside, in the order of the kernel's inputs."""
    outputs: tuple[int, ...]
    """Registers that are needed outside, in the order of the kernel's outputs."""
    aliases: Mapping[int, tuple[int, ...]]
    """Register to the registers whose memory it may share."""
    last_uses: Mapping[int, int]
    """Register to the index in ``ops`` of its last reader within the region."""
