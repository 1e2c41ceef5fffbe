import pytest

from optimization.errors import ParameterError
from optimization.passes.outcome import Promise
from optimization.quantize.candidate import Candidate, Refusal
from optimization.quantize.choose import Verdict, choose
from optimization.quantize.policies import AUTO, apply_all


def candidate(policy, model, *, promise=Promise.ESTIMATED, changed=True, note="quantized"):
    return Candidate(policy, model, promise, (), changed=changed, note=note)


NONE = candidate("none", b"x" * 100, promise=Promise.LOSSLESS, changed=False, note="cleaned and packed")
DYNAMIC = candidate("dynamic", b"d" * 30)
STATIC = candidate("static", b"s" * 20)


def passes_unless(*bad):
    def check(candidate):
        return Verdict(
            candidate not in bad,
            f"judged {candidate.model[:1]!r}",
            {"label_mismatches": float(candidate in bad)},
        )

    return check


def clock(**ms):
    return lambda candidates: [ms[item.policy] for item in candidates]


def test_the_smallest_that_passes_is_chosen():
    assert choose([NONE, DYNAMIC, STATIC], check=passes_unless()).best == STATIC
    assert choose([NONE, DYNAMIC, STATIC], check=passes_unless(STATIC)).best == DYNAMIC
    assert choose([NONE, DYNAMIC, STATIC], check=passes_unless(STATIC, DYNAMIC)).best == NONE


def test_a_larger_quantized_model_loses_to_the_lossless_one():
    larger = candidate("dynamic", b"d" * 101)
    assert choose([larger, NONE], check=passes_unless()).best == NONE


def test_among_equals_the_more_faithful_promise_wins():
    equal = candidate("dynamic", b"d" * 100)
    assert choose([equal, NONE], check=passes_unless()).best == NONE
    exact = candidate("static", b"s" * 30, promise=Promise.EXACT)
    assert choose([NONE, DYNAMIC, exact], check=passes_unless()).best == exact


def test_where_nothing_passes_the_lossless_model_comes_with_its_failed_verdict():
    choice = choose([NONE, DYNAMIC], check=passes_unless(NONE, DYNAMIC))
    assert choice.best == NONE
    assert choice.verdict == Verdict(False, "judged b'x'", {"label_mismatches": 1.0})


def test_every_try_is_reported_with_its_figures():
    refusal = Refusal("static", "no rows")
    tries = choose([NONE, DYNAMIC, refusal], check=passes_unless(DYNAMIC)).tries
    assert [(item.policy, item.n_bytes, item.passed, item.reason) for item in tries] == [
        ("none", 100, True, "judged b'x'"),
        ("dynamic", 30, False, "judged b'd'"),
        ("static", None, False, "no rows"),
    ]
    assert tries[1].figures == {"label_mismatches": 1.0}
    assert tries[2].figures == {}
    assert [item.chosen for item in tries] == [True, False, False]


def test_an_unchanged_model_is_judged_once_and_explained_by_its_note():
    judged = []

    def check(candidate):
        judged.append(candidate)
        return Verdict(True, "equal")

    note = "nothing to quantize: trees"
    unchanged = candidate("dynamic", NONE.model, promise=Promise.LOSSLESS, changed=False, note=note)
    choice = choose([unchanged, NONE], check=check)
    assert choice.best == NONE
    assert len(judged) == 1
    assert [item.reason for item in choice.tries] == [note, "equal"]


def test_an_unknown_objective_is_an_error_that_lists_the_known():
    with pytest.raises(ParameterError, match="out of size, latency, throughput, found 'beauty'"):
        choose([NONE], check=passes_unless(), objective="beauty")


def test_without_the_lossless_candidate_there_is_no_choice():
    with pytest.raises(ValueError, match="policy none"):
        choose([DYNAMIC], check=passes_unless())


def test_a_file_that_is_hardly_smaller_is_not_worth_changed_values():
    assert choose([NONE, candidate("dynamic", b"d" * 98)], check=passes_unless()).best == NONE
    smaller = candidate("dynamic", b"d" * 96)
    assert choose([NONE, smaller], check=passes_unless()).best == smaller


def test_the_quickest_that_passes_is_chosen_where_time_is_the_objective():
    times = clock(none=2.0, dynamic=1.0, static=0.5)
    results = [NONE, DYNAMIC, STATIC]
    choice = choose(results, check=passes_unless(STATIC), objective="latency", clock=times)
    assert choice.best == DYNAMIC
    assert [item.ms for item in choice.tries] == [2.0, 1.0, None]


def test_of_equally_quick_ones_the_smallest_wins():
    packed = candidate("lossless", b"l" * 40, promise=Promise.LOSSLESS, changed=False)
    results = [NONE, packed, DYNAMIC]
    times = clock(none=1.0, lossless=1.01, dynamic=0.99)
    assert choose(results, check=passes_unless(), objective="throughput", clock=times).best == DYNAMIC
    times = clock(none=1.0, lossless=1.01, dynamic=1.04)
    assert choose(results, check=passes_unless(), objective="throughput", clock=times).best == packed


def test_of_equally_quick_and_equally_small_ones_the_most_faithful_wins():
    hardly_smaller = candidate("dynamic", b"d" * 98)
    times = clock(none=1.0, dynamic=0.99)
    choice = choose([NONE, hardly_smaller], check=passes_unless(), objective="latency", clock=times)
    assert choice.best == NONE


def test_what_failed_is_never_timed():
    timed = []

    def watch(candidates):
        timed.extend(item.policy for item in candidates)
        return [1.0] * len(candidates)

    choose([NONE, DYNAMIC, STATIC], check=passes_unless(DYNAMIC), objective="latency", clock=watch)
    assert timed == ["none", "static"]


def test_a_time_without_a_clock_is_our_own_mistake():
    with pytest.raises(ValueError, match="expected a clock"):
        choose([NONE], check=passes_unless(), objective="latency")


def test_only_promises_without_changed_values_are_judged_as_the_conversion():
    assert [item.promise for item in (NONE, DYNAMIC) if item.faithful] == [Promise.LOSSLESS]
    assert candidate("leaf_table", b"", promise=Promise.EXACT).faithful


def test_auto_on_trees_ends_with_the_lossless_model(forest):
    choice = choose(apply_all(forest.model), check=lambda model: Verdict(True, "equal"))
    assert choice.best.policy == "lossless"
    assert [item.policy for item in choice.tries] == list(AUTO)
    assert [item.policy for item in choice.tries if item.changed] == []
    assert all("nothing to" in item.reason for item in choice.tries[2:])


def test_auto_on_a_network_ends_with_an_integer_model(mlp):
    choice = choose(apply_all(mlp.model, calibration=mlp.train), check=lambda model: Verdict(True, "equal"))
    assert choice.best.changed
    assert len(mlp.model) / choice.best.n_bytes >= 3.5
