"""Where a measurement was taken.

In: the machine and the installed packages.
Out: a frozen `Environment`.
Promise: what cannot be read is called "unknown" or left out; reading never fails and starts no process; an
`Environment` that cannot be true is refused when it is made.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.conditions import UNKNOWN, commit_of, governor, memory_limit

PACKAGES = ("scikit-learn", "onnxruntime", "onnx", "skl2onnx", "mlflow", "mlflow-skinny", "numpy", "pandas")
"""Packages whose version may change a time, a size or an answer."""

CPU_INFO = Path("/proc/cpuinfo")
PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds MLproject."""


@dataclass(frozen=True)
class Environment:
    """The machine and the software of one measurement."""

    cpu: str
    available_cpus: int
    """What the process may use, not what the host has."""
    n_threads: int
    """Threads each contender was given."""
    python: str
    os: str
    packages: Mapping[str, str]
    """Version by distribution name, installed ones only."""
    memory_limit_bytes: int | None = None
    """What the control groups allow; None: as much as the host has."""
    governor: str = UNKNOWN
    """Frequency governor of the processor; containers and virtual machines seldom know it."""
    commit: str = UNKNOWN
    """Of this project; uncommitted changes are not seen."""

    def __post_init__(self) -> None:
        """Refuse what no machine has: a record that was damaged or made by hand."""
        if min(self.available_cpus, self.n_threads) < 1 or not all((self.cpu, self.python, self.os)):
            raise ValueError(f"expected a machine with processors and names, found {self}")
        if self.memory_limit_bytes is not None and self.memory_limit_bytes < 1:
            raise ValueError(f"expected a memory limit in bytes, found {self.memory_limit_bytes}")

    def describe(self) -> str:
        """Return the environment as one sentence without a full stop."""
        versions = ", ".join(
            f"{name} {self.packages[name]}"
            for name in ("scikit-learn", "onnxruntime", "numpy")
            if name in self.packages
        )
        return (
            f"{self.cpu}, {counted(self.available_cpus, 'CPU')} available,"
            f" {counted(self.n_threads, 'thread')} used, {self.os}, Python {self.python}"
            + (f", {versions}" if versions else "")
        )


def read_environment(*, n_threads: int) -> Environment:
    """Return the environment of this process; `n_threads` is what the contenders were given."""
    return Environment(
        cpu=cpu_model(),
        available_cpus=available_cpus(),
        n_threads=n_threads,
        python=platform.python_version(),
        os=f"{platform.system()} {platform.machine()}".strip() or UNKNOWN,
        packages=installed_versions(),
        memory_limit_bytes=memory_limit(),
        governor=governor(),
        commit=commit_of(PROJECT),
    )


def cpu_model(cpu_info: Path = CPU_INFO) -> str:
    """Return the processor's name: from `cpu_info` on Linux, from the platform elsewhere."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return " ".join(value.split())
    return platform.processor() or platform.machine() or UNKNOWN


def installed_versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the version of each of `packages` that is installed."""
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: 1 thread, 2 threads."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
