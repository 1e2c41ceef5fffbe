"""How many processors this process may use.

In: the kernel's view of the process: affinity mask and control-group quota.
Out: a number of threads.
Promise: never more than the container may use; at least one.
"""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
"""Lines `hierarchy:controllers:path`; version 2 is the line `0::path`."""


def available_cpus(cgroup_root: Path = CGROUP_ROOT, own_groups: Path = OWN_GROUPS) -> int:
    """Return the number of threads that can run at once: min(affinity, quota rounded down), ≥ 1.

    onnxruntime itself counts the host's cores and ignores the control group's quota.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(cgroup_root, own_groups)
    if quota is not None:
        cpus = min(cpus, int(quota))
    return max(1, cpus)


def cgroup_quota(cgroup_root: Path = CGROUP_ROOT, own_groups: Path = OWN_GROUPS) -> float | None:
    """Return the CPU quota in processors (1.5 is one and a half), or None where there is none.

    Each group from the process's own up to the mounted root may limit it; the smallest limit counts.
    `cpu.max` is version 2 (Documentation/admin-guide/cgroup-v2.rst of the Linux kernel),
    `cpu.cfs_quota_us` and `cpu.cfs_period_us` are version 1 (Documentation/scheduler/sched-bwc.rst).
    """
    quotas = []
    for folder in _groups(cgroup_root, own_groups):
        words = _read(folder / "cpu.max").split()
        quotas.append(_ratio(words) if len(words) == 2 else None)
        quotas.append(_ratio([_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]))
    return min((quota for quota in quotas if quota is not None), default=None)


def _groups(cgroup_root: Path, own_groups: Path) -> list[Path]:
    """Return the folders of the process's groups that rule the CPU, and of their ancestors."""
    groups = []
    for line in ["0::/", ":cpu:/", ":cpu,cpuacct:/", *_read(own_groups).splitlines()]:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = cgroup_root / controllers
        groups.append(folder)
        for part in Path(path.lstrip("/")).parts:
            if part == "..":  # outside the container's view
                break
            folder /= part
            groups.append(folder)
    return groups


def _ratio(words: list[str]) -> float | None:
    """Return quota / period; None for "max", −1 and what is no number."""
    try:
        quota, period = int(words[0]), int(words[1])
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
