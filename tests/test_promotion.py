"""Who serves: the table of optimization/promotion.py, row by row."""

from __future__ import annotations

import dataclasses

import pytest

from optimization.promotion import Standing, decide, score_of

OLD = Standing(digest="a", n_bytes=5000, rounds_ms=(1.0, 1.01, 0.99) * 5, rows_per_s=1e5, score=0.9)


def test_the_first_one_is_promoted() -> None:
    assert decide("auto", "size", OLD, None).promoted


@pytest.mark.parametrize(("promote", "promoted"), [("always", True), ("never", False)])
def test_who_decides_beforehand_is_obeyed(promote: str, promoted: bool) -> None:
    worse = dataclasses.replace(OLD, n_bytes=9000)
    better = dataclasses.replace(OLD, n_bytes=1)
    for new in (worse, better):
        assert decide(promote, "size", new, OLD).promoted is promoted
        assert decide(promote, "size", new, None, problem="not loadable").promoted is promoted


def test_a_champion_that_cannot_be_measured_stays() -> None:
    found = decide("auto", "size", OLD, None, problem="other columns")
    assert not found.promoted
    assert "(other columns); promote=always replaces it" in found.reason


@pytest.mark.parametrize(("n_bytes", "promoted"), [(4999, True), (5000, False), (5001, False)])
def test_of_one_source_the_smaller_file_wins(n_bytes: int, promoted: bool) -> None:
    assert decide("auto", "size", dataclasses.replace(OLD, n_bytes=n_bytes), OLD).promoted is promoted


@pytest.mark.parametrize(("factor", "promoted"), [(0.9, True), (0.99, False), (1.0, False), (1.1, False)])
def test_for_latency_the_interval_must_lie_above_one(factor: float, promoted: bool) -> None:
    new = dataclasses.replace(OLD, rounds_ms=tuple(factor * value for value in OLD.rounds_ms))
    assert decide("auto", "latency", new, OLD).promoted is promoted
    assert not decide("auto", "latency", new, OLD, stable=False).promoted


@pytest.mark.parametrize(("rows_per_s", "promoted"), [(1.1e5, True), (1.01e5, False), (0.9e5, False)])
def test_for_throughput_the_larger_one_wins_beyond_noise(rows_per_s: float, promoted: bool) -> None:
    new = dataclasses.replace(OLD, rows_per_s=rows_per_s)
    assert decide("auto", "throughput", new, OLD).promoted is promoted
    assert not decide("auto", "throughput", new, OLD, stable=False).promoted


@pytest.mark.parametrize(("score", "promoted"), [(0.91, True), (0.9, True), (0.89, False)])
def test_of_another_source_the_better_answers_win_whatever_the_size(score: float, promoted: bool) -> None:
    new = dataclasses.replace(OLD, digest="b", n_bytes=9000, score=score)
    assert decide("auto", "size", new, OLD).promoted is promoted


def test_of_another_source_without_scores_the_objective_decides() -> None:
    new = dataclasses.replace(OLD, digest="b", score=None)
    assert not decide("auto", "size", new, OLD).promoted
    assert decide("auto", "size", dataclasses.replace(new, n_bytes=10), OLD).promoted


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"accuracy": 0.9}, 0.9),
        ({"mean_absolute_error": 43.2, "r2": 0.45}, 0.45),
        ({"mean_absolute_error": 43.2}, None),
        ({}, None),
    ],
)
def test_the_score_is_one_of_which_more_is_better(scores: dict[str, float], expected: float | None) -> None:
    assert score_of(scores) == expected
