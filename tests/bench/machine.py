"""What a reader has to know of the machine to make sense of the figures."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from tests.bench.threads import VARIABLES

LOAD = "load at the start"
ROOT = Path(__file__).resolve().parents[2]


def machine_facts() -> dict[str, str]:
    """Return the processor, the cores, the threads, the libraries and how busy the machine is."""
    import holdfast
    from holdfast.plugins import get_plugins

    plugins = get_plugins()
    facts = {
        "cpu": _processor(),
        "cores": f"{_usable_cores()} usable of {os.cpu_count()}",
        "memory": _memory(),
        "threads": ", ".join(f"{name}={os.environ.get(name, 'not set')}" for name in VARIABLES[:2]),
        LOAD: _load(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "holdfast": f"{holdfast.__version__} {_revision()}".strip(),
    }
    for device_type in plugins.device_types():
        backend = plugins.backend_for(device_type)
        if backend is None:
            continue
        facts.update({f"{backend.name}: {name}": value for name, value in backend.version_facts().items()})
    return facts


def _processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    family = f"family {facts['cpu family']} model {facts['model']}" if "cpu family" in facts else ""
    return " ".join(filter(None, (facts.get("model name", platform.machine()), family)))


def _usable_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    """Return the size of main memory, where the system tells."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def _load() -> str:
    """Return how many processes wanted to run in the last minute, where the system tells."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"


def _revision() -> str:
    """Return the revision of the source, where git tells."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
