"""Two recorded benchmarks: may they be compared, and what has changed?

In: benchmark.json (or compare.json) files.
Out: the reasons why they may not be compared; the speed-ups of both, with a verdict for each variant.
Promise: measurements taken under different conditions are never compared unless the caller names what was
varied on purpose; what is compared is the speed-up within each run, which the state of the machine cancels
out of, and not milliseconds of two different days.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimization.errors import DataError, ProvenanceError
from optimization.measure.environment import Environment
from optimization.measure.speedup import SpeedUp

FORMAT = "model-optimization/benchmark/"
"""Beginning of the format's name; older versions lack conditions, which then are not known."""
MODEL, PACKAGES, STABLE = "model", "packages", "stable"
CONDITIONS = (MODEL, *(item.name for item in dataclasses.fields(Environment)), STABLE)
"""What may be varied on purpose, by name; `stable` is the absence of noise."""


@dataclass(frozen=True)
class Run:
    """One recorded benchmark."""

    model: str
    environment: Environment
    noise: str
    """Why it was called unstable; "" for a stable one."""
    speedups: Mapping[str, SpeedUp]
    """By variant, one row against the original."""


@dataclass(frozen=True)
class Change:
    """The speed-up of one variant in two runs."""

    name: str
    before: SpeedUp
    after: SpeedUp

    @property
    def verdict(self) -> str:
        """Return "faster", "slower", "equal" (each lies in the other's interval), or "undecided"."""
        if self.after.low > self.before.high:
            return "faster"
        if self.after.high < self.before.low:
            return "slower"
        inside = self.before.low <= self.after.ratio <= self.before.high
        return "equal" if inside and self.after.low <= self.before.ratio <= self.after.high else "undecided"


def read_run(file: Path) -> Run:
    """Return the benchmark that `file` records.

    Raises:
        DataError: no benchmark.json, or one without what is needed.
    """
    try:
        return run_of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"expected a benchmark.json at {file}, found: {error}; give a run's artifact"
        ) from error


def run_of(content: Mapping[str, Any]) -> Run:
    """Return the benchmark that `content`, the JSON of `optimization.report.content`, records.

    Raises:
        DataError: something else, or a benchmark without what is needed.
    """
    try:
        if not str(content["format"]).startswith(FORMAT):
            raise ValueError(f"format {content['format']!r}")
        known = {item.name for item in dataclasses.fields(Environment)}
        noise = content["noise"]
        environment = Environment(
            **{key: value for key, value in content["environment"].items() if key in known}
        )
        _check_all_cores(content.get("all_cores"), environment)
        return Run(
            model=str(content["model"]),
            environment=environment,
            noise="" if noise["stable"] else str(noise["sentence"]),
            speedups={
                item["name"]: SpeedUp(float(item["ratio"]), float(item["low"]), float(item["high"]))
                for item in content["speedups"]
                if None not in (item["ratio"], item["low"], item["high"])
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"expected the JSON of a benchmark, found something else ({type(error).__name__}: {error});"
            " give the artifact benchmark.json of a run"
        ) from error


def _check_all_cores(found: Mapping[str, Any] | None, environment: Environment) -> None:
    """Refuse batches "with all cores" that had another number of them than the machine.

    So `available_cpus` is their provenance, as `n_threads` is the other figures'. Formats before 4 have none.
    """
    if found is not None and found["n_threads"] != environment.available_cpus:
        raise ValueError(
            f"expected all {environment.available_cpus} processors, found {found['n_threads']} threads"
        )


def comparable(a: Run, b: Run, *, varied: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the reasons why two runs cannot be compared; none: they can.

    Args:
        varied: conditions of `CONDITIONS` that differ on purpose, such as "commit" or "n_threads".
    """
    assert set(varied) <= set(CONDITIONS), varied
    first = {MODEL: a.model, **vars(a.environment)}
    second = {MODEL: b.model, **vars(b.environment)}
    reasons = [
        f"{name.replace('_', ' ')}: {_shown(first[name])} and {_shown(second[name])}"
        for name in first
        if name not in (*varied, PACKAGES) and first[name] != second[name]
    ]
    if PACKAGES not in varied:
        one, other = a.environment.packages, b.environment.packages
        reasons += [
            f"{name}: {one.get(name, 'none')} and {other.get(name, 'none')}"
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        ]
    if STABLE not in varied:
        reasons += [item.noise for item in (a, b) if item.noise]
    return tuple(reasons)


def compare_runs(a: Run, b: Run, *, varied: Sequence[str] = ()) -> tuple[Change, ...]:
    """Return what became of the speed-up of each variant that both runs have, `a` being the earlier one.

    Raises:
        ProvenanceError: they were measured under different conditions.
        DataError: they have no variant in common.
    """
    if reasons := comparable(a, b, varied=varied):
        raise ProvenanceError(
            f"expected two runs measured under the same conditions, found {'; '.join(reasons)};"
            " repeat one of them under the conditions of the other, or name what was varied on purpose"
        )
    changes = tuple(
        Change(name, before, b.speedups[name]) for name, before in a.speedups.items() if name in b.speedups
    )
    if not changes:
        raise DataError(
            f"expected two runs with a variant in common, found {', '.join(a.speedups) or 'none'} and"
            f" {', '.join(b.speedups) or 'none'}; give two benchmarks"
        )
    return changes


def _shown(value: Any) -> str:
    return "no limit" if value is None else str(value)
