"""`mlflow run … -e benchmark` in an empty folder with an empty home: what a new user gets."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.recorded import read_run
from tests.e2e.project import QUICK, User, by_name, git, last_line
from tests.e2e.servers import Result

Chain = tuple[User, Result]
NAME = "random_forest-iris-onnx"
ARTIFACTS = {
    "model_optimized.onnx",
    "model_quantized.onnx",
    "benchmark.txt",
    "benchmark.json",
    "benchmark.png",
    "report.html",
    "report.md",
}
TABLES = ("Size", "Speed (one row at a time", "Answers (", "speed-up", "original", "ONNX", "quantized (")
PNG = b"\x89PNG\r\n\x1a\n"
VARIANTS = ("original", "onnx", "quantized")
TAGGED = (*(f"{variant}_size_kb" for variant in VARIANTS), "onnx_speedup", "quantized_speedup")
METRICS = {
    *(f"{variant}_size_kb" for variant in VARIANTS),
    *(f"{variant}_latency_ms{suffix}" for variant in VARIANTS for suffix in ("", "_p50", "_p95", "_p99")),
    *(f"{variant}_throughput_batch_{n}" for variant in VARIANTS for n in (1, 8)),
    *(f"{variant}_accuracy" for variant in VARIANTS),
    *(f"{variant}_{name}" for variant in VARIANTS for name in ("cold_start_ms", "load_ms")),
    *("onnx_speedup", "quantized_speedup", "size_reduction_pct", "label_mismatches", "max_abs_difference"),
}

ALL_CORES = {
    "all_cores",
    *(f"{variant}_throughput_batch_{n}_all_cores" for variant in VARIANTS for n in (1, 8)),
    *(f"{variant}_speedup_batch_{n}_all_cores" for variant in VARIANTS[1:] for n in (1, 8)),
}
"""Where the container has several."""


@pytest.fixture(scope="module")
def runs(chain: Chain) -> dict[str, Run]:
    """The runs of the first command, by name."""
    user, result = chain
    result.ok()
    return by_name(user.runs()[:3])


def _version(client: MlflowClient, number: str) -> ModelVersion:
    return client.get_model_version(NAME, number)


def _champion(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias(NAME, "champion").version)


def test_it_ends_with_the_tables_and_no_noise(chain: Chain) -> None:
    _, result = chain
    result.ok()
    for words in TABLES:
        assert words in result.stdout, result
    assert last_line(result, "registered") == f"{NAME} version 1"
    assert "Traceback" not in result.stderr, result
    noise = [line for line in (result.stdout + result.stderr).splitlines() if "Warning" in line]
    assert noise == [], f"{len(noise)} warnings"


def test_nothing_is_left_outside_the_users_folder(chain: Chain, project: Path, warm_home: Path) -> None:
    user, result = chain
    result.ok()
    assert {path.name for path in user.folder.iterdir()} == {"mlflow.db", "mlruns"}
    assert git(project, warm_home, "status", "--short") == ""


def test_the_nested_runs_are_project_runs_under_the_benchmark(
    runs: dict[str, Run], project: Path, warm_home: Path
) -> None:
    assert set(runs) == {"benchmark", "convert", "quantize"}
    parent = runs["benchmark"]
    for name, run in runs.items():
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.project.entryPoint"] == name
        assert run.data.tags["mlflow.source.git.commit"] == git(project, warm_home, "rev-parse", "HEAD")
        assert run.data.tags.get("mlflow.parentRunId") == (None if run is parent else parent.info.run_id)
    assert parent.data.params["n_iterations"] == "30"
    assert parent.data.params["quantization_type"] == "auto"
    assert runs["convert"].data.params["model_uri"].startswith("models:/m-")
    assert runs["quantize"].data.params["convert_run_id"] == runs["convert"].info.run_id


def test_the_metrics_have_the_labs_names_and_are_finite(runs: dict[str, Run]) -> None:
    metrics = runs["benchmark"].data.metrics
    assert set(metrics) >= METRICS
    assert all(math.isfinite(value) for value in metrics.values()), metrics
    assert metrics["onnx_accuracy"] == metrics["quantized_accuracy"] == metrics["original_accuracy"]
    assert metrics["label_mismatches"] == 0
    assert metrics["onnx_size_kb"] <= metrics["original_size_kb"] / 2
    assert metrics["size_reduction_pct"] >= 90
    assert metrics["size_reduction_pct"] == pytest.approx(
        100 * (1 - metrics["quantized_size_kb"] / metrics["original_size_kb"])
    )


def test_batches_are_measured_with_all_cores_too(chain: Chain, runs: dict[str, Run], tmp_path: Path) -> None:
    user, _ = chain
    metrics, cores = runs["benchmark"].data.metrics, available_cpus()
    assert {name for name in metrics if name.endswith("all_cores")} == (ALL_CORES if cores > 1 else set())
    file = user.client().download_artifacts(runs["benchmark"].info.run_id, "benchmark.json", str(tmp_path))
    content = json.loads(Path(file).read_text())
    assert content["environment"]["available_cpus"] == cores
    assert read_run(Path(file)).environment.n_threads == 1
    if cores == 1:
        assert content["all_cores"] is None
        return
    assert content["all_cores"]["n_threads"] == metrics["all_cores"] == cores
    base = content["variants"][0]["batches_all_cores"]
    for item in content["variants"]:
        for found, original in zip(item["batches_all_cores"], base, strict=True):
            name = f"{item['name']}_throughput_batch_{found['batch_size']}"
            assert metrics[f"{name}_all_cores"] == found["rows_per_s"] != metrics[name]
            assert found["speedup"] == found["rows_per_s"] / original["rows_per_s"]


def test_files_and_dataset_are_logged(chain: Chain, runs: dict[str, Run], tmp_path: Path) -> None:
    user, _ = chain
    client = user.client()
    run = runs["benchmark"]
    assert user.artifacts(run) >= ARTIFACTS
    folder = Path(client.download_artifacts(run.info.run_id, "", str(tmp_path)))
    size = (folder / "model_quantized.onnx").stat().st_size
    assert run.data.metrics["quantized_size_kb"] == pytest.approx(size / 1024)
    assert (folder / "benchmark.png").read_bytes().startswith(PNG)
    assert "quantized (" in (folder / "benchmark.txt").read_text()
    assert json.loads((folder / "benchmark.json").read_text())
    for logged in runs.values():
        inputs = client.get_run(logged.info.run_id).inputs.dataset_inputs
        assert [item.dataset.name for item in inputs] == ["iris, held-out 30%"]


def test_the_version_says_what_it_is(chain: Chain, runs: dict[str, Run]) -> None:
    user, _ = chain
    client = user.client()
    version = _version(client, "1")
    assert version.run_id == runs["benchmark"].info.run_id
    metrics = runs["benchmark"].data.metrics
    for name in TAGGED:
        assert float(version.tags[name]) == pytest.approx(metrics[name], rel=1e-4)
    assert version.tags["source_model"] == runs["convert"].data.params["model_uri"]
    assert len(version.tags["digest"]) == 64
    assert float(version.tags["label_mismatches"]) == 0
    assert version.tags["quantization"] in runs["benchmark"].data.tags["quantization"]
    assert "RandomForestClassifier" in version.description
    assert "mlflow.pyfunc.load_model" in version.description


def test_the_printed_load_line_works_as_typed(chain: Chain) -> None:
    user, result = chain
    line = last_line(result, "load")
    code = (
        "import mlflow, pandas as pd\n"
        "columns = ['petal width (cm)', 'sepal length (cm)', 'petal length (cm)', 'sepal width (cm)']\n"
        "df = pd.DataFrame([[0.2, 5.1, 1.4, 3.5], [1.8, 6.5, 5.5, 3.0]], columns=columns)\n"
        f"answer = {line}.predict(df)\n"
        "print(type(answer).__name__, answer.dtype, answer.tolist())\n"
    )
    assert user.python(code).ok().stdout.splitlines()[-1] == "ndarray int64 [0, 2]"


def test_a_second_run_with_all_cores_reuses_its_children_and_a_third_need_not(
    chain: Chain, runs: dict[str, Run]
) -> None:
    user, _ = chain
    client = user.client()
    at_home = user.with_env(MLFLOW_EXPERIMENT_NAME="Default")
    second = at_home.script("benchmark", n_threads=str(available_cpus()), **QUICK).ok()
    for name in ("convert", "quantize"):
        assert f"{name}: reusing run {runs[name].info.run_id}" in second.stdout, second
    assert len(user.runs()) == 4
    metrics = user.runs()[-1].data.metrics
    assert metrics["original_throughput_batch_8"] > 0
    assert not any(name.endswith("all_cores") for name in metrics), "all cores are measured once"
    assert _champion(client) == "1", "the same file is no better"
    assert last_line(second, "promotion").endswith("version 1 stays champion")

    third = user.mlflow_run(reuse="false", **QUICK).ok()
    assert "reusing" not in third.stdout, third
    added = user.runs()[4:]
    assert [item.info.run_name for item in added] == ["benchmark", "convert", "quantize"]
    assert added[0].data.tags["mlflow.project.entryPoint"] == "main"
    assert _champion(client) == "1"
    assert str(client.get_model_version_by_alias(NAME, "challenger").version) == "3"
    digests = {_version(client, number).tags["digest"] for number in ("1", "2", "3")}
    assert len(digests) == 1, "the same reference model trained again has another digest"
