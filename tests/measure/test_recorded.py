"""Recorded runs are compared under equal conditions only."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from optimization.errors import DataError, ProvenanceError
from optimization.measure.noise import Noise
from optimization.measure.recorded import CONDITIONS, Change, Run, comparable, compare_runs, read_run, run_of
from optimization.measure.speedup import SpeedUp
from optimization.report.content import as_json
from tests.report.examples import ENVIRONMENT, iris_forest, regressor, with_all_cores

OTHER: dict[str, Any] = {
    "cpu": "Other CPU",
    "available_cpus": 4,
    "n_threads": 2,
    "python": "3.11.8",
    "os": "Linux aarch64",
    "packages": {**ENVIRONMENT.packages, "onnxruntime": "1.31.0"},
    "memory_limit_bytes": 1 << 30,
    "governor": "powersave",
    "commit": "0" * 40,
}


def run(**changes: Any) -> Run:
    recorded = run_of(json.loads(as_json(iris_forest())))
    environment = dataclasses.replace(recorded.environment, **changes)
    return dataclasses.replace(recorded, environment=environment)


def test_a_file_is_read_back_as_it_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "benchmark.json"
    file.write_text(as_json(iris_forest()))
    found = read_run(file)
    assert found.environment == ENVIRONMENT
    assert set(found.speedups) == {"onnx", "quantized"}
    example = iris_forest()
    assert found.speedups["onnx"] == example.interval(example.variants[1])


def test_a_run_is_comparable_with_itself_and_equal() -> None:
    assert comparable(run(), run()) == ()
    assert [(item.name, item.verdict) for item in compare_runs(run(), run())] == [
        ("onnx", "equal"),
        ("quantized", "equal"),
    ]


@pytest.mark.parametrize("name", OTHER)
def test_each_condition_that_differs_is_a_reason_unless_varied_on_purpose(name: str) -> None:
    other = run(**{name: OTHER[name]})
    (reason,) = comparable(run(), other)
    if name == "packages":
        assert reason == "onnxruntime: 1.32.0 and 1.31.0"
    else:
        shown = "no limit" if name == "memory_limit_bytes" else getattr(ENVIRONMENT, name)
        assert reason == f"{name.replace('_', ' ')}: {shown} and {OTHER[name]}"
    with pytest.raises(
        ProvenanceError, match=r"^expected two runs measured under the same conditions, found"
    ):
        compare_runs(run(), other)
    assert comparable(run(), other, varied=(name,)) == ()
    assert len(compare_runs(run(), other, varied=(name,))) == 2


def test_every_condition_is_among_those_tested() -> None:
    assert set(CONDITIONS) == {*OTHER, "model", "stable"}


def test_a_package_that_one_of_them_lacks_is_a_reason() -> None:
    fewer = {name: version for name, version in ENVIRONMENT.packages.items() if name != "numpy"}
    assert comparable(run(), run(packages=fewer)) == ("numpy: 2.4.6 and none",)


def test_a_noisy_run_is_not_compared() -> None:
    measurements = dataclasses.replace(iris_forest().measurements, noise=Noise(("others",)))
    noisy = run_of(json.loads(as_json(dataclasses.replace(iris_forest(), measurements=measurements))))
    assert comparable(run(), noisy) == ("unstable: others",)
    assert comparable(run(), noisy, varied=("stable",)) == ()


def test_another_model_is_not_compared_unless_on_purpose() -> None:
    other = run_of(json.loads(as_json(regressor())))
    (reason,) = comparable(run(), other)
    assert reason.startswith("model: RandomForestClassifier")
    assert compare_runs(run(), other, varied=("model",))[0].verdict == "slower"


def test_runs_without_a_common_variant_are_refused() -> None:
    with pytest.raises(DataError, match="a variant in common, found onnx, quantized and none"):
        compare_runs(run(), dataclasses.replace(run(), speedups={}))


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (SpeedUp(130.0, 121.0, 140.0), "faster"),
        (SpeedUp(70.0, 60.0, 79.0), "slower"),
        (SpeedUp(104.0, 92.0, 124.0), "equal"),
        (SpeedUp(125.0, 115.0, 135.0), "undecided"),
    ],
)
def test_a_verdict_needs_intervals_that_do_not_touch(after: SpeedUp, verdict: str) -> None:
    assert Change("onnx", SpeedUp(100.0, 80.0, 120.0), after).verdict == verdict


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other/1"}', '{"format": "model-optimization/benchmark/1"}']
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "benchmark.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"^expected (a benchmark|the JSON of a benchmark).*benchmark"):
        read_run(file)
    with pytest.raises(DataError, match="No such file"):
        read_run(tmp_path / "missing.json")


@pytest.mark.parametrize("key", ["available_cpus", "n_threads", "memory_limit_bytes"])
def test_a_record_that_no_machine_made_is_refused(key: str) -> None:
    content = json.loads(as_json(iris_forest()))
    content["environment"][key] = 0
    with pytest.raises(DataError, match=r"ValueError: expected a (machine|memory limit)"):
        run_of(content)


def test_a_record_of_an_older_format_does_not_know_its_commit() -> None:
    content = json.loads(as_json(iris_forest()))
    content["format"] = "model-optimization/benchmark/2"
    for key in ("commit", "governor", "memory_limit_bytes"):
        del content["environment"][key]
    assert comparable(run_of(content), run(commit="a" * 40)) == (f"commit: unknown and {'a' * 40}",)


def test_batches_with_all_cores_are_comparable_where_the_machines_have_as_many() -> None:
    example = with_all_cores()
    both = run_of(json.loads(as_json(example)))
    assert comparable(both, run()) == ()
    assert compare_runs(both, both)[0].verdict == "equal"
    four = dataclasses.replace(ENVIRONMENT, available_cpus=4)
    assert example.measurements.all_cores is not None
    threaded = dataclasses.replace(example.measurements.all_cores, n_threads=4)
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    larger = dataclasses.replace(example, environment=four, measurements=measurements)
    with pytest.raises(ProvenanceError, match="available cpus: 2 and 4"):
        compare_runs(both, run_of(json.loads(as_json(larger))))


def test_a_record_of_all_cores_that_were_not_all_is_refused() -> None:
    content = json.loads(as_json(with_all_cores()))
    content["all_cores"]["n_threads"] = 3
    with pytest.raises(DataError, match="expected all 2 processors, found 3 threads"):
        run_of(content)


def test_a_record_of_format_3_knows_nothing_of_all_cores() -> None:
    content = json.loads(as_json(iris_forest()))
    content["format"] = "model-optimization/benchmark/3"
    del content["all_cores"]
    for item in content["variants"]:
        del item["batches_all_cores"]
    assert comparable(run_of(content), run_of(json.loads(as_json(with_all_cores())))) == ()
