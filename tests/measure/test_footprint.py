"""Models are started in processes of their own, on equal terms; what cannot be found out is said."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from optimization.convert import convert
from optimization.measure import footprint, fresh
from optimization.measure.footprint import (
    BASELINE,
    FLAVOR,
    SCRIPT,
    FreshProcessError,
    Subject,
    measure_footprints,
    start,
    write_row,
)

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
SAMPLE = {"start_s": 0.05, "import_s": 0.4, "load_s": 0.03, "first_answer_s": 0.02}


class Spy:
    """A model that writes down what its process looks like."""

    def __init__(self, path: Path, sleep_s: float = 0.0) -> None:
        self.path, self.sleep_s = path, sleep_s

    def predict(self, rows: Any) -> None:
        time.sleep(self.sleep_s)
        found = {
            "threads": {name: os.environ.get(name) for name in footprint.THREADS},
            "rows": rows.tolist(),
            "pid": os.getpid(),
            "jobs": joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(2)),
        }
        self.path.write_text(json.dumps(found))


def subject(folder: Path, model: Any) -> Subject:
    write_row(folder, ROWS[:1])
    (folder / fresh.ESTIMATOR).write_bytes(pickle.dumps(model))
    return Subject("original", "pickle", folder, "predict")


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    """A linear model, its ONNX file, and numpy alone."""
    folder = tmp_path_factory.mktemp("files")
    estimator = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
    converted = convert(estimator, ROWS)
    content = converted.model.SerializeToString()
    manifest = dataclasses.replace(converted.manifest, sha256=hashlib.sha256(content).hexdigest())
    kinds = {"original": "pickle", "onnx": "onnx", BASELINE: "numpy"}
    made = [Subject(name, kind, folder / name, "predict") for name, kind in kinds.items()]
    for item in made:
        write_row(item.folder, ROWS[:1])
    (folder / "original" / fresh.ESTIMATOR).write_bytes(pickle.dumps(estimator))
    (folder / "onnx" / manifest.model_file).write_bytes(content)
    (folder / "onnx" / "manifest.json").write_text(manifest.to_json())
    return made


def test_every_model_answers_in_a_process_of_its_own(
    subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "REPEATS", 1)
    found = measure_footprints(subjects, n_threads=1)
    assert found.problems == {}
    assert [item.name for item in found.found] == ["original", "onnx", BASELINE]
    for item in found.found:
        steps = item.start_ms + item.import_ms + item.load_ms + item.first_answer_ms
        assert item.cold_start_ms == pytest.approx(steps)
        assert min(item.start_ms, item.import_ms, item.load_ms, item.first_answer_ms) > 0
        assert item.n_samples == 1
    assert sum(item.cold_start_ms for item in found.found) <= 1e3 * found.seconds_measuring


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_memory_is_that_of_the_process_itself(subjects: list[Subject]) -> None:
    ballast = np.ones(40_000_000)  # 305 MB, which getrusage would say the child had
    baseline, onnx = (start(item, n_threads=1) for item in (subjects[2], subjects[1]))
    assert ballast.nbytes > 3e8
    assert 5e6 < baseline["rss_bytes"] <= baseline["peak_rss_bytes"] < 1e8
    assert baseline["rss_bytes"] < onnx["rss_bytes"] <= onnx["peak_rss_bytes"]


def test_the_onnx_process_imports_neither_mlflow_nor_scikit_learn(subjects: list[Subject]) -> None:
    onnx = subjects[1]
    job = {
        "kind": "onnx",
        "path": [str(FLAVOR), *sys.path],
        "folder": str(onnx.folder),
        "method": "predict",
        "n_threads": 1,
    }
    command = [sys.executable, "-X", "importtime", "-P", str(SCRIPT), repr(time.monotonic()), json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert imported >= {"onnxruntime", "numpy", "quantized_onnx_v1"}
    assert not imported & {"mlflow", "sklearn", "skl2onnx", "optimization", "flavor"}


def test_a_model_gets_one_row_and_as_many_threads_as_the_contenders(tmp_path: Path) -> None:
    start(subject(tmp_path / "spy", Spy(tmp_path / "seen")), n_threads=3)
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen["threads"] == dict.fromkeys(footprint.THREADS, "3")
    assert seen["rows"] == ROWS[:1].tolist()
    assert seen["pid"] != os.getpid()
    assert seen["jobs"] == [seen["pid"]] * 2  # jobs are threads, as where calls are timed


def test_imports_that_a_pickle_asks_for_are_no_loading(tmp_path: Path) -> None:
    module = tmp_path / "slow_to_import.py"
    module.write_text("import time\ntime.sleep(0.5)\nclass Model:\n    def predict(self, rows): pass\n")
    folder = tmp_path / "files"
    write_row(folder, ROWS[:1])
    (folder / fresh.ESTIMATOR).write_bytes(b"cslow_to_import\nModel\n)\x81.")
    sys.path.append(str(tmp_path))
    try:
        found = start(Subject("original", "pickle", folder, "predict"), n_threads=1)
    finally:
        sys.path.remove(str(tmp_path))
    assert found["import_s"] > 0.5
    assert 0 <= found["load_s"] < 0.4


def test_a_model_that_fails_is_named_with_its_reason_and_the_others_are_measured(
    tmp_path: Path, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "REPEATS", 2)
    broken = subject(tmp_path / "broken", None)
    found = measure_footprints([broken, subjects[2]], n_threads=1)
    assert found.problems == {"original": "AttributeError: 'NoneType' object has no attribute 'predict'"}
    assert found.of("original") is None
    assert found.found[0].name == BASELINE
    assert found.found[0].n_samples == 2


def test_a_model_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "TIMEOUT_S", 0.5)
    with pytest.raises(FreshProcessError, match=r"no answer within 0\.5 s"):
        start(subject(tmp_path / "spy", Spy(tmp_path / "seen", sleep_s=60)), n_threads=1)
    assert not (tmp_path / "seen").exists()


def test_what_the_model_prints_does_not_disturb(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    write_row(folder, ROWS[:1])
    (folder / fresh.ESTIMATOR).write_bytes(b"cbuiltins\nprint\n(Vloading ...\ntRcnumpy\nlinalg\n.")
    assert start(Subject("original", "pickle", folder, "norm"), n_threads=1)["load_s"] > 0


def test_files_lie_in_a_folder_that_others_cannot_read(tmp_path: Path) -> None:
    write_row(tmp_path / "files", ROWS[:1])
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700


class Started:
    """Starts that take what they are told on a clock of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **cold_s: float) -> None:
        self.now, self.names, self.cold_s = 100.0, [], cold_s
        self.loads = {name: iter((0.09, 0.01, 0.02)) for name in cold_s}
        monkeypatch.setattr(footprint, "perf_counter", lambda: self.now)
        monkeypatch.setattr(footprint, "start", self.start)

    def start(self, subject: Subject, *, n_threads: int) -> dict[str, float | None]:
        self.names.append(subject.name)
        self.now += self.cold_s[subject.name]
        load_s = next(self.loads[subject.name])
        return {**SAMPLE, "load_s": load_s, "rss_bytes": 3 * 1024**2, "peak_rss_bytes": None}

    def subjects(self) -> list[Subject]:
        return [Subject(name, "pickle", Path(), "predict") for name in self.cold_s]


def test_models_take_turns_and_figures_are_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started(monkeypatch, a=1.0, b=0.2, c=0.1)
    found = measure_footprints(started.subjects(), n_threads=1)
    rounds = [started.names[i : i + 3] for i in range(0, 9, 3)]
    assert all(sorted(item) == ["a", "b", "c"] for item in rounds)
    assert len({tuple(item) for item in rounds}) > 1
    first = found.of("a")
    assert first is not None
    assert (first.load_ms, first.n_samples) == (pytest.approx(20), 3)
    assert first.cold_start_ms == pytest.approx(50 + 400 + 20 + 20)
    assert (first.rss_mb, first.peak_rss_mb) == (3, None)
    assert found.seconds_measuring == pytest.approx(3.9)


@pytest.mark.parametrize(("budget_s", "n_rounds"), [(None, 3), (20.0, 3), (5.0, 2), (3.0, 1), (0.1, 1)])
def test_starts_stay_within_their_share_of_the_budget_but_one_of_each_is_made(
    monkeypatch: pytest.MonkeyPatch, budget_s: float | None, n_rounds: int
) -> None:
    started = Started(monkeypatch, a=0.9, b=0.1)
    found = measure_footprints(started.subjects(), n_threads=1, budget_s=budget_s)
    assert len(started.names) == 2 * n_rounds
    assert {item.n_samples for item in found.found} == {n_rounds}


def test_progress_counts_the_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    started, ticks = Started(monkeypatch, a=0.9, b=0.1), []
    measure_footprints(started.subjects(), n_threads=1, progress=lambda *tick: ticks.append(tick))
    assert [done for done, _, _ in ticks] == [1, 2, 3, 4, 5, 6]
    assert {total for _, total, _ in ticks} == {6}
    assert {text for _, _, text in ticks} == {"a", "b"}


def test_memory_is_unknown_where_the_kernel_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "STATUS", tmp_path / "none")
    assert fresh.memory() == (None, None)
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    monkeypatch.setattr(fresh, "STATUS", tmp_path / "status")
    assert fresh.memory() == (1024**2, 2 * 1024**2)
