"""Options are checked when they are made; samples become milliseconds and rates."""

import pytest

from optimization.errors import ParameterError
from optimization.measure.records import MeasureOptions, latency, throughput
from optimization.measure.sizes import kilobytes, reduction_pct


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_iterations": 0}, "n_iterations to be a whole number of at least 1, found 0"),
        ({"n_iterations": 10.5}, "found 10.5"),
        ({"n_iterations": True}, "found True"),
        ({"n_threads": 0}, "n_threads to be a whole number of at least 1"),
        ({"n_warmup": -1}, "n_warmup to be a whole number of at least 0"),
        ({"seed": -1}, "seed to be"),
        ({"batch_sizes": (1, 0)}, "every batch size to be a whole number of at least 1, found 0"),
        ({"batch_sizes": (32, 32)}, "different batch sizes"),
        ({"batch_time_budget_s": -0.1}, "seconds ≥ 0, found -0.1"),
        ({"batch_time_budget_s": float("nan")}, "found nan"),
        ({"time_budget_s": 0}, "time_budget_s to be seconds > 0, found 0"),
        ({"time_budget_s": float("inf")}, "found inf"),
    ],
)
def test_options_that_cannot_be_measured_are_refused_with_the_value(options, message):
    with pytest.raises(ParameterError, match=message):
        MeasureOptions(**options)


def test_the_least_allowed_values_are_accepted():
    options = MeasureOptions(n_iterations=1, batch_sizes=(), n_warmup=0, batch_time_budget_s=0)
    assert options.n_iterations == 1


def test_latency_is_mean_and_percentiles_in_milliseconds():
    found = latency([index * 1_000_000 for index in range(101)])
    assert (found.mean_ms, found.p50_ms, found.p95_ms, found.p99_ms) == (50.0, 50.0, 95.0, 99.0)
    assert found.n_samples == 101


def test_throughput_is_that_of_the_median_batch():
    found = throughput([1_000_000, 2_000_000, 900_000_000], batch_size=32)
    assert found.ms_per_batch == 2.0
    assert found.rows_per_s == 16_000.0
    assert found.n_samples == 3


def test_a_clock_that_did_not_move_gives_a_finite_rate():
    assert throughput([0, 0, 0], batch_size=1).rows_per_s == 1e9


def test_a_kilobyte_is_1024_bytes():
    assert kilobytes(73_902) == pytest.approx(72.17, abs=0.005)


def test_a_larger_file_is_a_negative_reduction():
    assert reduction_pct(150, original_bytes=100) == -50.0
    assert reduction_pct(42, original_bytes=100) == pytest.approx(58.0)
