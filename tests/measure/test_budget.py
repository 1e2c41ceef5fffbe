"""Calls fit the budget, between bounds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from optimization.measure.budget import calls_within
from optimization.measure.records import Contender


@pytest.mark.parametrize(
    ("seconds", "budget", "n_calls"), [(0.0, 1.0, 200), (0.002, 0.2, 100), (0.01, 0.02, 30)]
)
def test_calls_fit_the_budget_within_bounds(seconds: float, budget: float, n_calls: int) -> None:
    slow = Contender("slow", lambda _: time.sleep(seconds))
    found = calls_within(budget, [slow], None, at_least=30, at_most=200)
    assert 0.6 * n_calls <= found <= n_calls


def test_the_calls_of_all_contenders_count_and_rows_are_prepared_for_them() -> None:
    prepared: list[Any] = []
    sleepers = [
        Contender(name, lambda _: time.sleep(0.002), lambda row: prepared.append(row) or row) for name in "ab"
    ]
    found = calls_within(0.2, sleepers, 7, at_least=1, at_most=200)
    assert 30 <= found <= 50
    assert prepared == [7, 7]
