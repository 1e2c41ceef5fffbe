"""How many processors this process may use.

In: the kernel's view of the process: affinity mask and control-group quota.
Out: a number of threads.
Promise: never more than the container may use; at least one.
"""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")


def available_cpus(cgroup_root: Path = CGROUP_ROOT) -> int:
    """Return the number of threads that can run at once: min(affinity, quota rounded down), ≥ 1.

    onnxruntime itself counts the host's cores and ignores the control group's quota.
    """
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    quota = cgroup_quota(cgroup_root)
    if quota is not None:
        cpus = min(cpus, int(quota))
    return max(1, cpus)


def cgroup_quota(cgroup_root: Path = CGROUP_ROOT) -> float | None:
    """Return the CPU quota in processors (1.5 is one and a half), or None where there is none.

    Reads `cpu.max` (control groups v2) or `cpu/cpu.cfs_quota_us` and `cpu.cfs_period_us` (v1); see
    Documentation/admin-guide/cgroup-v2.rst of the Linux kernel.
    """
    quotas = []
    for folder in _own_groups(cgroup_root):
        words = _read(folder / "cpu.max").split()
        if len(words) == 2 and words[0] != "max":
            quotas.append(int(words[0]) / int(words[1]))
    for folder in (cgroup_root / "cpu", cgroup_root / "cpu,cpuacct"):
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota and period and int(quota) > 0:
            quotas.append(int(quota) / int(period))
    return min(quotas) if quotas else None


def _own_groups(cgroup_root: Path) -> list[Path]:
    """Return the process's v2 group and its ancestors up to the mounted root: each may limit it."""
    groups = [cgroup_root]
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        if line.startswith("0::"):
            for part in Path(line[3:].lstrip("/")).parts:
                if part == "..":
                    break
                groups.append(groups[-1] / part)
    return groups


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
