"""Threads follow the container's CPU limit; the trees of control groups are made up here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flavor.quantized_onnx_v1.cpu import available_cpus, cgroup_quota


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


def quota(tmp_path: Path, files: dict[str, str], own_groups: str = "0::/") -> float | None:
    own = tmp_path / "own"
    own.write_text(own_groups + "\n")
    return cgroup_quota(write(tmp_path / "cgroup", files), own)


@pytest.mark.parametrize(
    ("files", "own_groups", "expected"),
    [
        ({}, "0::/", None),
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"cpu.max": "200000 100000"}, "0::/", 2.0),
        ({"cpu.max": "50000 100000"}, "0::/", 0.5),
        ({"a/b/cpu.max": "300000 100000"}, "0::/a/b", 3.0),
        ({"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 1.5),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "100000 100000"}, "0::/a/b", 1.0),
        ({"cpu.max": "100000 100000"}, "0::/../elsewhere", 1.0),
        ({"other/cpu.max": "100000 100000"}, "0::/a", None),
        ({"cpu.max": "rubbish"}, "0::/", None),
        ({"cpu.max": "many 100000"}, "0::/", None),
        ({"cpu.max": "100000 0"}, "0::/", None),
    ],
)
def test_version_2_takes_the_smallest_limit_on_the_way_up(
    tmp_path: Path, files: dict[str, str], own_groups: str, expected: float | None
):
    assert quota(tmp_path, files, own_groups) == expected


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota_us", "expected"), [("250000", 2.5), ("-1", None)])
@pytest.mark.parametrize("own_path", ["/", "/docker/1f", "/hidden"])
def test_version_1_reads_quota_and_period(
    tmp_path: Path, mount: str, quota_us: str, expected: float | None, own_path: str
):
    """Of the group itself, or of the root where the container does not see its group."""
    folder = mount if own_path == "/hidden" else mount + own_path
    files = {f"{folder}/cpu.cfs_quota_us": quota_us, f"{folder}/cpu.cfs_period_us": "100000"}
    assert quota(tmp_path, files, f"5:memory:{own_path}\n4:{mount}:{own_path}") == expected


@pytest.mark.parametrize(
    ("limit", "expected"), [("50000", 1), ("100000", 1), ("199999", 1), ("100000000", None)]
)
def test_threads_are_whole_at_least_one_and_at_most_the_affinity(
    tmp_path: Path, limit: str, expected: int | None
):
    root = write(tmp_path, {"cpu.max": f"{limit} 100000"})
    found = available_cpus(root, tmp_path / "none")
    assert found == (expected or len(os.sched_getaffinity(0)))


def test_this_machine_gives_a_number():
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
