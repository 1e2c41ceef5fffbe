"""The JSON holds everything, strictly."""

import dataclasses
import json
import math

import numpy as np

from optimization.report.content import FORMAT, as_json
from optimization.report.summary import metrics
from tests.report.examples import ENVIRONMENT, PARITY, iris_forest, variant, with_all_cores


def refuse(constant):
    raise AssertionError(constant)


NEVER = "scikit-learn wins at no batch up to 1,024 rows"


def test_the_json_holds_the_metrics_the_samples_and_the_machine():
    content = json.loads(as_json(iris_forest()), parse_constant=refuse)
    assert content["format"] == FORMAT == "model-optimization/benchmark/4"
    assert content["metrics"] == metrics(iris_forest())
    assert content["environment"] == dataclasses.asdict(ENVIRONMENT)
    assert content["options"]["batch_sizes"] == [1, 32, 1024]
    assert [item["name"] for item in content["variants"]] == ["original", "onnx", "quantized"]
    assert content["variants"][0]["one_row"]["p50_ms"] == 4.5
    assert content["variants"][0]["batches"][1]["rows_per_s"] == 4813.0
    assert content["variants"][1]["max_abs_difference"] == 1.2e-7
    assert content["variants"][2]["parity"][1] == dataclasses.asdict(PARITY[1])
    assert content["noise"] == {"stable": True, "sentence": "stable"}
    first, second = content["speedups"]
    assert first["low"] < first["ratio"] < first["high"]
    assert (first["ratio"], first["verdict"]) == (content["metrics"]["onnx_speedup"], "faster")
    assert (second["name"], second["against"]) == ("quantized", "original")
    assert content["crossovers"] == [
        {"name": name, "n_threads": 1, "batch_size": None, "above": None, "sentence": NEVER}
        for name in ("onnx", "quantized")
    ]
    assert content["all_cores"] is None
    assert all(item["batches_all_cores"] == [] for item in content["variants"])


def test_the_json_holds_the_batches_with_all_cores_and_how_many_these_are():
    content = json.loads(as_json(with_all_cores()), parse_constant=refuse)
    assert content["all_cores"]["n_threads"] == 2
    assert content["all_cores"]["noise"] == {"stable": True, "sentence": "stable"}
    original, onnx, _ = content["variants"]
    assert original["batches"][2]["rows_per_s"] == 85_849.0
    assert original["batches_all_cores"][2]["rows_per_s"] == 120_000.0
    assert original["batches_all_cores"][2]["speedup"] == 1.0
    numbers = content["metrics"]
    for item in onnx["batches_all_cores"]:
        assert item["speedup"] == numbers[f"onnx_speedup_batch_{item['batch_size']}_all_cores"]
        assert item["rows_per_s"] == numbers[f"onnx_throughput_batch_{item['batch_size']}_all_cores"]


def test_numbers_that_json_cannot_write_become_null():
    example = iris_forest()
    odd = variant("onnx", "ONNX", 10, scores={"accuracy": math.nan}, difference=math.inf)
    text = as_json(dataclasses.replace(example, variants=(example.original, odd)))
    found = json.loads(text, parse_constant=refuse)["variants"][1]
    assert found["scores"] == {"accuracy": None}
    assert found["max_abs_difference"] is None


def test_numpy_numbers_are_written_as_plain_ones():
    example = iris_forest()
    odd = variant("onnx", "ONNX", np.int64(10), scores={"accuracy": np.float32(0.5)}, mismatches=np.int64(3))
    found = json.loads(as_json(dataclasses.replace(example, variants=(example.original, odd))))
    assert found["variants"][1]["label_mismatches"] == 3
    assert found["variants"][1]["scores"] == {"accuracy": 0.5}
