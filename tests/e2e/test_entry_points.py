"""Each entry point alone, and as a plain script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.processes import Result
from tests.e2e.project import QUICK, User, by_name, copy_project, last_line
from tests.e2e.project import user as make_user

SCRIPT_EXPERIMENT = "lab3-3-model-optimization"
TREES = ("lossless", "leaf_table_8", "leaf_table_12", "leaf_table_16")
NETWORK = (
    "dynamic",
    "static",
    "static_percentile",
    "weight_only_12",
    "weight_only",
    "gptq_mixed",
    "gptq",
    "int4",
)
LOOSE = {"max_label_mismatch_rate": "0.05", "max_metric_drop": "0.02"}


def test_quantize_alone_starts_a_convert_which_convert_alone_repeats(user: User) -> None:
    wanted = {"reference_model": "logistic_regression", "dataset": "wine"}
    result = user.mlflow_run("quantize", output_dir="files", **wanted).ok()
    runs = by_name(user.runs())
    assert set(runs) == {"quantize", "convert"}, result
    convert, quantize = runs["convert"], runs["quantize"]
    assert convert.data.tags["mlflow.parentRunId"] == quantize.info.run_id
    assert "mlflow.parentRunId" not in quantize.data.tags
    assert user.artifacts(convert) >= {"model_optimized.onnx"}
    assert user.artifacts(quantize) >= {"model_quantized.onnx", "operators.txt"}
    assert (user.folder / "files" / "model_quantized.onnx").exists()
    operators = user.client().download_artifacts(quantize.info.run_id, "operators.txt")
    assert all("quantized, " in line for line in Path(operators).read_text().splitlines())

    quiet = user.mlflow_run("convert", output="quiet", **wanted).ok()
    alone = user.runs()[-1]
    assert quiet.stdout.splitlines() == [f"runs:/{alone.info.run_id}/model_optimized.onnx"]
    assert alone.info.run_name == "convert"
    assert alone.info.run_id != convert.info.run_id
    assert "mlflow.parentRunId" not in alone.data.tags
    assert alone.data.metrics == convert.data.metrics
    assert user.client().search_registered_models() == []


def test_a_plain_script_has_its_experiment_and_leaves_copies(tmp_path: Path, warm_home: Path) -> None:
    clone = copy_project(tmp_path / "clone", warm_home)
    reader = make_user(clone, home=warm_home, project=clone)
    wanted = {"reference_model": "mlp", "dataset": "digits", **LOOSE, **QUICK}
    result = reader.script("benchmark", output_dir="outputs", **wanted).ok()
    runs = by_name(reader.runs(SCRIPT_EXPERIMENT))
    assert set(runs) == {"benchmark", "convert", "quantize"}, result
    assert reader.runs("Default") == []
    parent = runs["benchmark"]
    assert {runs[name].data.tags["mlflow.parentRunId"] for name in ("convert", "quantize")} == {
        parent.info.run_id
    }
    assert parent.data.params["reference_model"] == "mlp"
    for name in ("model_optimized.onnx", "model_quantized.onnx"):
        logged = reader.client().download_artifacts(parent.info.run_id, name)
        assert (clone / "outputs" / name).read_bytes() == Path(logged).read_bytes()
    name = _assert_quantized(reader, result, NETWORK, ("accuracy",))
    assert name == "mlp-digits-onnx"
    assert "label_mismatches" in reader.client().get_model_version_by_alias(name, "champion").tags


def test_a_regressor_has_its_scores(user: User) -> None:
    result = user.script("benchmark", reference_model="regressor", **QUICK).ok()
    name = _assert_quantized(user, result, TREES, ("r2", "mean_absolute_error"))
    assert "label_mismatches" not in user.client().get_model_version_by_alias(name, "champion").tags


def _assert_quantized(user: User, result: Result, allowed: tuple[str, ...], scores: tuple[str, ...]) -> str:
    """Scores stay, sizes fall, and the champion says how; returns the registered model's name."""
    run = by_name(user.runs())["benchmark"]
    assert run.data.tags["quantization"] in allowed, result
    metrics = run.data.metrics
    for score in scores:
        assert metrics[f"quantized_{score}"] == pytest.approx(metrics[f"original_{score}"], rel=0.05)
    assert metrics["quantized_size_kb"] < metrics["onnx_size_kb"] < metrics["original_size_kb"]
    name, _, version = last_line(result, "registered").split()
    assert version == "1"
    champion = user.client().get_model_version_by_alias(name, "champion")
    assert champion.tags["quantization"] == run.data.tags["quantization"]
    return name


def test_compare_measures_two_versions_and_their_source(user: User) -> None:
    wanted = {"reference_model": "logistic_regression", "registered_model_name": "flowers", **QUICK}
    user.script("benchmark", quantization_type="none", **wanted).ok()
    user.script("benchmark", quantization_type="weight_only", **LOOSE, **wanted).ok()
    client = user.client()
    versions = client.search_model_versions("name = 'flowers'")
    source = versions[0].tags["source_model"]
    uris = ("models:/flowers/1", "models:/flowers@champion", source)
    short = {name: value for name, value in QUICK.items() if name != "footprint"}
    result = user.mlflow_run("compare", model_uris=",".join(uris), output="json", **short).ok()
    run = by_name(user.runs())["compare"]
    found = json.loads(result.stdout)
    titles = ["flowers/1", "flowers@champion", source.removeprefix("models:/")]
    assert [item["title"] for item in found["variants"]] == titles
    assert [item["label_mismatches"] for item in found["variants"]] == [None, 0, 0]
    metrics = run.data.metrics
    assert found["metrics"] == metrics
    assert metrics["flowers_champion_latency_ms_p50"] > 0
    assert metrics["flowers_1_throughput_batch_8"] > 0
    assert metrics[f"{titles[2]}_speedup"] < metrics[f"{titles[2]}_speedup_high"] < 1
    assert metrics[f"{titles[2]}_size_kb"] > 0
    assert run.data.params["model_uris"] == ",".join(uris)
    assert user.artifacts(run) == {
        "compare.txt",
        "compare.json",
        "compare.png",
        "report.html",
        "report.md",
    }
    assert len(client.search_model_versions("name = 'flowers'")) == len(versions)
    assert "mlflow.parentRunId" not in run.data.tags
