"""Memory limit, governor and commit are read from files, and never fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from optimization.measure.conditions import commit_of, governor, memory_limit


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def groups(folder: Path, text: str) -> Path:
    file = folder / "own"
    file.write_text(text)
    return file


def test_the_smallest_limit_of_a_group_and_its_ancestors_counts(tmp_path: Path) -> None:
    write(tmp_path / "pod", memory__max="1000000\n")
    write(tmp_path / "pod" / "container", memory__max="2000000\n")
    assert memory_limit(tmp_path, groups(tmp_path, "0::/pod/container\n")) == 1_000_000


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    write(tmp_path / "memory" / "docker", memory__limit_in_bytes="536870912\n")
    own = groups(tmp_path, "4:memory:/docker\n3:cpu,cpuacct:/docker\n")
    assert memory_limit(tmp_path, own) == 536_870_912


@pytest.mark.parametrize(
    ("name", "text"), [("memory__max", "max\n"), ("memory__limit_in_bytes", f"{(1 << 63) - 4096}\n")]
)
def test_no_limit_is_none(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, **{name: text})
    assert memory_limit(tmp_path, tmp_path / "missing") is None


def test_a_path_outside_the_container_ends_the_search(tmp_path: Path) -> None:
    write(tmp_path / "inside", memory__max="5000\n")
    assert memory_limit(tmp_path / "inside", groups(tmp_path, "0::/../other\n")) == 5000


def test_the_governor_is_named_or_unknown(tmp_path: Path) -> None:
    file = tmp_path / "scaling_governor"
    assert governor(file) == "unknown"
    file.write_text("performance\n")
    assert governor(file) == "performance"


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_gits_on_a_branch_detached_packed_and_in_a_worktree(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "inner"
    inner.mkdir(parents=True)
    repository = inner.parent
    git(repository, "init", "-q", "-b", "main")
    assert commit_of(inner) == "unknown"  # no commit yet
    git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    first = git(repository, "rev-parse", "HEAD")
    assert commit_of(inner) == first
    git(repository, "pack-refs", "--all")
    assert commit_of(inner) == first
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    assert commit_of(tmp_path / "tree") == first
    git(tmp_path / "tree", "commit", "-q", "--allow-empty", "-m", "second")
    second = git(tmp_path / "tree", "rev-parse", "HEAD")
    assert second != first
    assert (commit_of(tmp_path / "tree"), commit_of(inner)) == (second, first)
    git(repository, "checkout", "-q", "--detach", second)
    assert commit_of(inner) == second


def test_what_is_no_commit_is_unknown(tmp_path: Path) -> None:
    write(tmp_path / ".git", HEAD="ref: refs/heads/../../../etc/passwd\n")
    assert commit_of(tmp_path) == "unknown"
