"""Each gate lets its limit pass, refuses the next float beyond it, and what is not there."""

from __future__ import annotations

import math

import pytest

from optimization.errors import GateError
from optimization.limits import RULES, Rule, check_limits, require_passed

RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@RULE
def test_the_limit_itself_passes_and_the_next_number_does_not(rule: Rule) -> None:
    limit = 12.5
    inside, outside = (math.inf, -math.inf) if rule.at_least else (-math.inf, math.inf)
    for measured, passed in (
        (limit, True),
        (math.nextafter(limit, inside), True),
        (math.nextafter(limit, outside), False),
    ):
        (result,) = check_limits({rule.name: limit}, {rule.metric: measured})
        assert result.passed is passed


@RULE
def test_a_figure_that_is_missing_or_no_number_fails(rule: Rule) -> None:
    metrics: dict[str, float]
    for metrics in ({}, {rule.metric: math.nan}):
        (result,) = check_limits({rule.name: 1.0}, metrics)
        assert not result.passed
    with pytest.raises(GateError, match=f"{rule.name}: expected . 1.*, found no such figure"):
        require_passed(check_limits({rule.name: 1.0}, {}))


def test_a_gate_that_is_not_set_is_not_there() -> None:
    assert check_limits(dict.fromkeys(rule.name for rule in RULES), {}) == ()
    require_passed(())


def test_one_sentence_names_every_failed_gate() -> None:
    metrics = {"quantized_speedup": 3.0, "quantized_size_kb": 4.875, "quantized_latency_ms_p95": 0.5}
    results = check_limits({"min_speedup": 10.0, "max_size_kb": 4.0, "max_latency_ms": 0.5}, metrics)
    assert [item.passed for item in results] == [False, False, True]
    with pytest.raises(GateError) as caught:
        require_passed(results)
    assert str(caught.value) == (
        "nothing was registered: min_speedup: expected ≥ 10×, found 3×; max_size_kb: expected ≤ 4 KB,"
        " found 4.875 KB; change the model or the gate"
    )
