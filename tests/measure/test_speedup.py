"""Speed-ups: the interval holds what is true, and says what is equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.measure.speedup import FLOOR, SpeedUp, speed_up


def rounds(middle: float, *, seed: int, n: int = 50, noise: float = 0.03) -> list[float]:
    """Times of `n` rounds with a lognormal spread."""
    return (middle * np.exp(np.random.default_rng(seed).normal(0, noise, n))).tolist()


def test_the_same_model_against_itself_is_equal() -> None:
    found = [speed_up(rounds(1.0, seed=seed), rounds(1.0, seed=seed + 1000)) for seed in range(200)]
    equal = [item for item in found if item is not None and item.verdict(stable=True) == "equal"]
    assert len(equal) >= 198


@pytest.mark.parametrize(("factor", "verdict"), [(1.1, "slower"), (1 / 1.1, "faster")])
def test_a_tenth_is_detected(factor: float, verdict: str) -> None:
    found = [speed_up(rounds(1.0, seed=seed), rounds(factor, seed=seed + 1000)) for seed in range(200)]
    assert sum(item is not None and item.verdict(stable=True) == verdict for item in found) >= 198


def test_two_runs_agree_within_their_intervals() -> None:
    agree = 0
    for seed in range(200):
        first = speed_up(rounds(40.0, seed=seed), rounds(1.0, seed=seed + 1000))
        second = speed_up(rounds(40.0, seed=seed + 2000), rounds(1.0, seed=seed + 3000))
        assert first is not None
        assert second is not None
        agree += first.low <= second.ratio <= first.high and second.low <= first.ratio <= second.high
    assert agree >= 190


def test_a_machine_that_changes_its_speed_changes_no_speed_up() -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        speeds = np.repeat(generator.choice([1.0, 1.75], 10), 5)
        found = speed_up((speeds * rounds(1.1, seed=1)).tolist(), (speeds * rounds(1.0, seed=2)).tolist())
        assert found is not None
        assert found.verdict(stable=True) == "faster"
        assert found.ratio == pytest.approx(1.1, rel=0.02)


def test_a_noisy_run_has_an_interval_but_no_verdict() -> None:
    assert SpeedUp(41.0, 38.0, 44.0).verdict(stable=False) == "unstable"


def test_an_interval_that_ends_at_one_is_equal() -> None:
    assert SpeedUp(1.1, 1.0, 1.2).verdict(stable=True) == "equal"
    assert SpeedUp(0.9, 0.8, 1.0).verdict(stable=True) == "equal"


@pytest.mark.parametrize(("base", "other"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_there_is_none_without_rounds_of_both(base: list[float], other: list[float]) -> None:
    assert speed_up(base, other) is None


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=30))
def test_the_interval_holds_the_ratio_and_is_at_least_as_wide_as_the_floor(
    pairs: list[tuple[float, float]],
) -> None:
    found = speed_up([first for first, _ in pairs], [second for _, second in pairs])
    assert found is not None
    assert found.low <= found.ratio * (1 - FLOOR / 2)
    assert found.high >= found.ratio * (1 + FLOOR / 2)
