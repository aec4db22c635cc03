"""How much memory there is."""

import sys
from pathlib import Path

# Where Linux tells what a container may use and uses.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)

# What is assumed where the system does not tell: any laptop has it.
_UNKNOWN = 2 << 30


def available() -> int:
    """Memory that this process may still take, without swapping.

    Returns:
        int, bytes.
    """
    found = [free for free in (_system(), *map(_group, _GROUPS)) if free]
    return max(min(found, default=_UNKNOWN), 0)


def errors() -> tuple:
    """What is raised where memory does not suffice."""
    tf = sys.modules.get("tensorflow")
    return (MemoryError, *([tf.errors.ResourceExhaustedError] if tf else []))


def _system():
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):  # not Linux
        return None
    return None


def _group(files):
    try:
        most, used = (Path(name).read_text("ascii").strip() for name in files)
        return int(most) - int(used)
    except (OSError, ValueError):  # none, or "max"
        return None
