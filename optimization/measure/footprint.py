"""Cold start and memory of models, each in fresh processes.

In: models as files in folders (`Subject`).
Out: `Footprints`.
Promise: every model is started as often as the others, in turns and in random order, with the same number
of threads; MLflow is not imported there; a model that cannot be started ends nothing, and the reason is
kept; what the machine does not tell is None.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from optimization.measure import fresh
from optimization.measure.budget import Budget

SCRIPT = Path(fresh.__file__)
FLAVOR = Path(__file__).parents[2] / "flavor"
"""The folder of the package that travels inside every model; there it goes by its bare name, as here."""
REPEATS = 3
BUDGET_SHARE = 0.4
"""Of the time budget. One start of each model is made in any case, a further one only if it fits."""
TIMEOUT_S = 60.0
"""A process that has not answered by then is given up."""
BYTES_PER_MB = 1024**2
BASELINE = "numpy"
"""Name of the footprint of a process that imports nothing else."""
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What the libraries' thread pools read when they are loaded."""

Progress = Callable[[int, int, str], None]
Sample = Mapping[str, float | None]


@dataclass(frozen=True)
class Subject:
    """A model as files, under the name of its variant."""

    name: str
    kind: str
    """A key of `fresh.KINDS`."""
    folder: Path
    """A folder with the model and `fresh.ROW`."""
    method: str


@dataclass(frozen=True)
class Footprint:
    """What a fresh process needs for its first answer: medians over the starts."""

    name: str
    start_ms: float
    """Until Python runs."""
    import_ms: float
    load_ms: float
    first_answer_ms: float
    cold_start_ms: float
    """All of it, from the start of the process to its first answer."""
    rss_mb: float | None
    """Resident after loading, in 1024² bytes; None where the machine does not tell."""
    peak_rss_mb: float | None
    """At most, until after the first answer."""
    n_samples: int


@dataclass(frozen=True)
class Footprints:
    """All models' footprints, and what could not be found out."""

    found: tuple[Footprint, ...]
    seconds_measuring: float
    problems: Mapping[str, str] = field(default_factory=dict)
    """By name, why there is no footprint."""

    def of(self, name: str) -> Footprint | None:
        """Return the footprint of the model called `name`, or None where there is none."""
        return next((item for item in self.found if item.name == name), None)


def write_row(folder: Path, row: Any) -> None:
    """Write the row that is answered first: a DataFrame or ndarray of one row."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / fresh.ROW).write_bytes(pickle.dumps(row))


def measure_footprints(
    subjects: Sequence[Subject],
    *,
    n_threads: int,
    budget_s: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Footprints:
    """Start every subject up to `REPEATS` times; `budget_s` are the seconds that all measuring may take."""
    started = perf_counter()
    ends = Budget(budget_s, started).share(BUDGET_SHARE).ends
    rng = np.random.default_rng(seed)
    samples: dict[str, list[Sample]] = {item.name: [] for item in subjects}
    problems: dict[str, str] = {}
    total = REPEATS * len(subjects)
    for repeat in range(REPEATS):
        per_round = (perf_counter() - started) / max(repeat, 1)
        if repeat and perf_counter() + per_round > ends:
            break
        for index in rng.permutation(len(subjects)).tolist():
            subject = subjects[index]
            if subject.name in problems:
                continue
            try:
                samples[subject.name].append(start(subject, n_threads=n_threads))
            except FreshProcessError as error:
                problems[subject.name] = str(error)
            if progress is not None:
                done = sum(map(len, samples.values())) + REPEATS * len(problems)
                progress(min(done, total), total, subject.name)
    found = tuple(
        _footprint(name, taken) for name, taken in samples.items() if taken and name not in problems
    )
    return Footprints(found, perf_counter() - started, problems)


class FreshProcessError(Exception):
    """A model could not be loaded or did not answer in a process of its own."""


def start(subject: Subject, *, n_threads: int) -> Sample:
    """Start one process and return what it says.

    Raises:
        FreshProcessError: it failed, or did not end within `TIMEOUT_S`.
    """
    job = {
        "kind": subject.kind,
        "path": [str(FLAVOR), *sys.path],
        "folder": str(subject.folder),
        "method": subject.method,
        "n_threads": n_threads,
    }
    command = [sys.executable, "-P", str(SCRIPT), repr(monotonic()), json.dumps(job)]
    environment = {**os.environ, **dict.fromkeys(THREADS, str(n_threads))}
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and script
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        result: Sample = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise FreshProcessError(f"no answer within {TIMEOUT_S:g} s") from error
    except (IndexError, ValueError) as error:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise FreshProcessError(lines[-1][:200]) from error
    return result


def _footprint(name: str, samples: Sequence[Sample]) -> Footprint:
    def middle(key: str) -> float | None:
        values = [value for sample in samples if (value := sample[key]) is not None]
        return float(np.median(values)) if values else None

    steps = {key: 1e3 * (middle(f"{key}_s") or 0.0) for key in ("start", "import", "load", "first_answer")}
    whole = [sum(sample[f"{key}_s"] or 0.0 for key in steps) for sample in samples]
    resident, peak = middle("rss_bytes"), middle("peak_rss_bytes")
    return Footprint(
        name=name,
        start_ms=steps["start"],
        import_ms=steps["import"],
        load_ms=steps["load"],
        first_answer_ms=steps["first_answer"],
        cold_start_ms=1e3 * float(np.median(whole)),
        rss_mb=None if resident is None else resident / BYTES_PER_MB,
        peak_rss_mb=None if peak is None else peak / BYTES_PER_MB,
        n_samples=len(samples),
    )
