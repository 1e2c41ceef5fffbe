"""What a machine and a checkout say of themselves: memory limit, frequency governor, commit.

In: files of the kernel and of Git.
Out: bytes, words, a commit.
Promise: what cannot be read is None or `UNKNOWN`; reading never fails and starts no process.
"""

from __future__ import annotations

import re
from pathlib import Path

UNKNOWN = "unknown"
CGROUP_ROOT = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
"""Lines `hierarchy:controllers:path`; version 2 is the line `0::path`."""
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
NO_LIMIT = 1 << 60
"""Bytes from which on a limit is none: version 1 writes the largest multiple of a page below 2⁶³."""
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def memory_limit(cgroup_root: Path = CGROUP_ROOT, own_groups: Path = OWN_GROUPS) -> int | None:
    """Return the bytes that the control groups of this process may use, None where there is no limit.

    `memory.max` is version 2 (Documentation/admin-guide/cgroup-v2.rst of the Linux kernel),
    `memory.limit_in_bytes` version 1; the smallest of the process's groups and their ancestors counts.
    """
    limits = []
    for line in ["0::/", ":memory:/", *_read(own_groups).splitlines()]:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        folder = cgroup_root / controllers
        folders = [folder]
        for part in Path(path.lstrip("/")).parts:
            if part == "..":  # outside the container's view
                break
            folder /= part
            folders.append(folder)
        words = [_read(item / name) for item in folders for name in ("memory.max", "memory.limit_in_bytes")]
        limits += [int(word) for word in words if word.isdigit()]
    return min((limit for limit in limits if 0 < limit < NO_LIMIT), default=None)


def governor(file: Path = GOVERNOR) -> str:
    """Return the frequency governor of the first processor, such as "performance"."""
    return _read(file) or UNKNOWN


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in `folder` or above it; uncommitted changes are not seen."""
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return _head(parent / ".git")
    return UNKNOWN


def _head(git: Path) -> str:
    if git.is_file():  # a worktree: "gitdir: PATH"
        git = git.parent / _read(git).removeprefix("gitdir:").strip()
    found = _read(git / "HEAD")
    if found.startswith("ref:"):
        found = _resolve(git, found.removeprefix("ref:").strip())
    return found if COMMIT.fullmatch(found) else UNKNOWN


def _resolve(git: Path, reference: str) -> str:
    """Return what a branch points at; a worktree shares the branches of its repository."""
    shared = git / (_read(git / "commondir") or ".")
    for folder in (git, shared):
        if found := _read(folder / reference):
            return found
    for line in _read(shared / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return commit
    return UNKNOWN


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
