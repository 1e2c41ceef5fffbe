"""The metrics carry the lab's names, and nothing that is not known."""

import dataclasses
import math

import pytest

from optimization.measure.footprint import Footprints
from optimization.report.summary import Summary, metrics
from tests.report.examples import (
    batches,
    footprint,
    iris_forest,
    make_summary,
    regressor,
    side_by_side,
    variant,
    with_all_cores,
)


def test_a_classifier_has_exactly_these_metrics():
    own = ["size_kb", "latency_ms", "latency_ms_p50", "latency_ms_p90", "latency_ms_p95"]
    own += ["latency_ms_p99", "accuracy"]
    own += ["cold_start_ms", "load_ms", "rss_mb", "peak_rss_mb"]
    own += ["throughput_batch_1", "throughput_batch_32", "throughput_batch_1024"]
    against = ["speedup", "speedup_low", "speedup_high"]
    against += ["size_reduction_pct", "label_mismatches", "max_abs_difference"]
    expected = {f"{name}_{key}" for name in ("original", "onnx", "quantized") for key in own}
    expected |= {f"{name}_{key}" for name in ("onnx", "quantized") for key in against}
    expected |= {"size_reduction_pct", "label_mismatches", "max_abs_difference", "measure_seconds"}
    expected |= {f"{name}boundary_label_mismatches" for name in ("onnx_", "quantized_", "")}
    layers = ("session", "predictor", "flavor", "enforcement", "pyfunc_dataframe")
    expected |= {f"layer_{name}_us" for name in layers}
    assert set(metrics(iris_forest())) == expected


def test_batches_with_all_cores_add_their_metrics_and_change_none():
    found, without = metrics(with_all_cores()), metrics(iris_forest())
    assert {key: found[key] for key in without} == without
    rates = {f"{n}_throughput_batch_{k}" for n in ("original", "onnx", "quantized") for k in (1, 32, 1024)}
    factors = {f"{n}_speedup_batch_{k}" for n in ("onnx", "quantized") for k in (1, 32, 1024)}
    assert set(found) - set(without) == {"all_cores", *(f"{key}_all_cores" for key in rates | factors)}
    assert found["all_cores"] == 2
    assert found["original_throughput_batch_1024_all_cores"] == 120_000.0
    assert found["onnx_speedup_batch_1024_all_cores"] == pytest.approx(15.0)


def test_the_crossover_with_all_cores_is_one_of_its_own():
    example = with_all_cores()
    threaded = example.measurements.all_cores
    fast = {**threaded.by_contender, "original": batches((1, 32, 1024), (80.0, 2_500.0, 2e6))}
    threaded = dataclasses.replace(threaded, by_contender=fast)
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    example = dataclasses.replace(example, measurements=measurements)
    onnx = example.variants[1]
    assert example.crossover(onnx) is None
    assert example.crossover(onnx, all_cores=True).batch_size == 1024


def test_the_labs_numbers_come_out():
    found = metrics(iris_forest())
    assert found["original_size_kb"] == pytest.approx(171.38, abs=0.005)
    assert found["onnx_size_kb"] == pytest.approx(72.17, abs=0.005)
    assert found["size_reduction_pct"] == pytest.approx(57.87, abs=0.005)
    assert found["original_latency_ms"] == pytest.approx(4.95)
    assert found["original_latency_ms_p50"] == 4.5
    assert found["onnx_speedup"] == pytest.approx(600.0)
    assert found["original_throughput_batch_32"] == 4813.0
    assert found["measure_seconds"] == 6.4 + 5.0 + 0.5


def test_a_fresh_process_has_its_times_and_memory_and_only_where_it_was_started():
    found = metrics(iris_forest())
    assert found["original_cold_start_ms"] == 1_062
    assert found["quantized_load_ms"] == 6
    assert (found["quantized_rss_mb"], found["quantized_peak_rss_mb"]) == (135, 136)
    without = metrics(dataclasses.replace(iris_forest(), footprints=None))
    assert set(found) - set(without) == {
        f"{name}_{key}"
        for name in ("original", "onnx", "quantized")
        for key in ("cold_start_ms", "load_ms", "rss_mb", "peak_rss_mb")
    }
    assert without["measure_seconds"] == 6.4 + 0.5


def test_memory_that_the_machine_does_not_tell_is_left_out():
    unknown = Footprints((footprint("original", 50.0, 1.0, 1.0, 1.0, rss_mb=None),), 1.0)
    found = metrics(dataclasses.replace(iris_forest(), footprints=unknown))
    assert found["original_cold_start_ms"] == 53
    assert not {"original_rss_mb", "original_peak_rss_mb", "onnx_load_ms"} & set(found)


def test_labels_on_hard_rows_are_counted_apart_from_those_on_the_data():
    found = metrics(iris_forest())
    assert found["label_mismatches"] == 0
    assert found["boundary_label_mismatches"] == found["quantized_boundary_label_mismatches"] == 3


def test_a_regressor_has_its_errors_and_no_labels():
    found = metrics(regressor())
    assert found["quantized_r2"] == 0.4521
    assert found["original_mean_absolute_error"] == 43.217
    assert not any("label" in name or "accuracy" in name for name in found)


def test_names_without_a_variant_are_those_of_the_last_one():
    found = metrics(regressor())
    assert found["max_abs_difference"] == found["quantized_max_abs_difference"] == 0.01
    assert found["onnx_max_abs_difference"] == 3.4e-5
    assert found["size_reduction_pct"] == found["quantized_size_reduction_pct"] == pytest.approx(-1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_what_is_not_a_finite_number_is_left_out(value):
    example = iris_forest()
    odd = variant("onnx", "ONNX", 10, scores={"accuracy": 1.0 if value is None else value}, difference=value)
    found = metrics(dataclasses.replace(example, variants=(example.original, odd)))
    assert "max_abs_difference" not in found
    assert "onnx_label_mismatches" not in found
    assert all(math.isfinite(number) for number in found.values())


def test_an_unmeasured_variant_has_a_size_but_no_times():
    example = iris_forest()
    extra = variant("other", "other", 2048)
    found = metrics(dataclasses.replace(example, variants=(*example.variants, extra)))
    assert found["other_size_kb"] == 2.0
    assert not {"other_latency_ms", "other_speedup", "other_throughput_batch_1"} & set(found)


def test_the_original_alone_is_compared_with_nothing():
    example = iris_forest()
    found = metrics(dataclasses.replace(example, variants=(example.original,)))
    assert "size_reduction_pct" not in found
    assert found["original_accuracy"] == 0.96


def test_two_variants_of_one_name_are_a_bug_of_ours():
    example = iris_forest()
    with pytest.raises(AssertionError):
        dataclasses.replace(example, variants=(example.original, example.original))
    assert isinstance(example, Summary)


@pytest.mark.parametrize(
    ("original", "onnx", "first"),
    [
        ((1e3, 1e4, 1e5), (1e5, 1e5, 1e5), 1024 + 1),
        ((1e3, 1e4, 2e5), (1e5, 1e5, 1e5), 1024),
        ((1e3, 2e5, 2e5), (1e5, 1e5, 1e5), 32),
        ((1e3, 2e5, 5e4), (1e5, 1e5, 1e5), 1024 + 1),
        ((2e5, 2e5, 2e5), (1e5, 1e5, 1e5), 1),
    ],
)
def test_the_crossover_is_the_batch_from_which_on_the_original_is_faster(original, onnx, first):
    found = make_summary(
        variants=(variant("original", "scikit-learn", 10), variant("onnx", "ONNX", 10)),
        one_row_ms={"original": 1.0, "onnx": 0.01},
        rows_per_s={"original": original, "onnx": onnx},
    )
    crossover = found.crossover(found.variants[1])
    assert (crossover.batch_size if crossover else None) == (None if first > 1024 else first)


def test_models_side_by_side_have_metrics_by_name_only():
    example = side_by_side()
    names = tuple(item.name for item in example.variants)
    assert names == ("churn_1", "churn_champion", "plain_1", "churn_1_2_", "other_7")
    found = metrics(example)
    assert all(name.startswith(names) for name in found if name != "measure_seconds")
    assert found["other_7_label_mismatches"] == 3
    assert found["churn_champion_speedup"] == pytest.approx(600.0)


def test_a_layer_is_a_metric_where_the_model_offers_it():
    named, unnamed = metrics(iris_forest()), metrics(regressor())
    assert (named["layer_session_us"], named["layer_pyfunc_dataframe_us"]) == (5.0, 300.0)
    assert "layer_pyfunc_ndarray_us" not in named
    assert unnamed["layer_pyfunc_ndarray_us"] == 70.0
    bare = dataclasses.replace(iris_forest(), layers=None)
    assert not any(name.startswith("layer_") for name in metrics(bare))
    assert metrics(bare)["measure_seconds"] == 6.4 + 5.0
