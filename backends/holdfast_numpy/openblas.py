"""What OpenBLAS, the usual BLAS of NumPy, says of itself in this process: its kernel set and its threads."""

from __future__ import annotations

import ctypes
import glob
import itertools
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

_PREFIXES = ("scipy_", "")
_SUFFIXES = ("64_", "", "_64", "_64_")
"""How builds decorate the names of their functions."""
_BUNDLED = ("../numpy.libs/*openblas*", ".dylibs/*openblas*")
"""Where wheels keep it, from NumPy's folder."""

_WIDE = frozenset({"skylakex", "cooperlake", "sapphirerapids"})
"""Kernel sets with AVX-512."""
_MIDDLE = frozenset({"haswell", "zen", "excavator"})
"""Kernel sets with AVX2. Those for x86 that are in neither of the two have less."""


@dataclass(frozen=True, slots=True)
class OpenBlas:
    """An OpenBLAS that this process has loaded."""

    configuration: str
    """Version and options, as it states them."""
    kernels: str
    """The processor that its kernels were chosen for, such as ``SkylakeX``."""
    threads: int | None
    """How many threads it uses, where it tells."""


def loaded_openblas() -> OpenBlas | None:
    """Return the OpenBLAS that NumPy has loaded, or None where it uses another BLAS, or none can be found."""
    for path in _paths():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        found = _asked(library)
        if found is not None:
            return found
    return None


def _paths() -> Iterator[str]:
    """Yield the files that it may lie in: those this process has loaded, where the system tells; else the wheel's."""
    if sys.platform == "linux":
        try:
            with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
                files = (line.split(maxsplit=5)[-1].strip() for line in maps if "openblas" in line)
                yield from dict.fromkeys(file for file in files if os.path.isabs(file))
        except OSError:
            pass
    folder = os.path.dirname(np.__file__)
    for pattern in _BUNDLED:
        yield from glob.glob(os.path.join(folder, pattern))


def _asked(library: ctypes.CDLL) -> OpenBlas | None:
    """Return what a library says, or None if it is no OpenBLAS."""
    for prefix, suffix in itertools.product(_PREFIXES, _SUFFIXES):
        try:
            configuration = getattr(library, f"{prefix}openblas_get_config{suffix}")
            kernels = getattr(library, f"{prefix}openblas_get_corename{suffix}")
        except AttributeError:
            continue
        configuration.restype = kernels.restype = ctypes.c_char_p
        threads = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
        return OpenBlas(
            (configuration() or b"").decode("ascii", "replace"),
            (kernels() or b"").decode("ascii", "replace"),
            None if threads is None else int(threads()),
        )
    return None


def slow_kernels(kernels: str, features: Collection[str]) -> str | None:
    """Return a warning where kernels were chosen that leave much of the processor idle; None where they fit.

    Parameters
    ----------
    kernels
        The kernel set, such as ``Haswell``.
    features
        What the processor can do, as ``numpy.show_config`` lists it.
    """
    name = kernels.lower()
    wide = any(feature.startswith("AVX512") or feature == "X86_V4" for feature in features)
    middle = wide or not {"AVX2", "X86_V3"}.isdisjoint(features)
    if not name:
        return None
    if wide and name not in _WIDE:
        able, better = "AVX-512", "SkylakeX"
    elif middle and name not in _WIDE | _MIDDLE:
        able, better = "AVX2", "Haswell"
    else:
        return None
    return (
        f"OpenBLAS chose its kernels for {kernels}, though this processor has {able}: products of matrices may take "
        f"twice as long as they need, or longer. OPENBLAS_CORETYPE={better} in the environment, set before Python "
        "starts, makes it choose others."
    )


def too_many_threads(threads: int | None) -> str | None:
    """Return a warning where the BLAS has more threads than this process may use processors."""
    if threads is None or not hasattr(os, "sched_getaffinity"):
        return None
    processors = len(os.sched_getaffinity(0))
    if threads <= processors:
        return None
    return (
        f"OpenBLAS uses {threads} threads on {processors} processors, where they wait for each other. "
        f"OPENBLAS_NUM_THREADS={processors} in the environment, set before Python starts, limits them."
    )
