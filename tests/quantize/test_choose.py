import pytest

from optimization.errors import ParameterError
from optimization.passes.outcome import Promise
from optimization.quantize.candidate import Candidate, Refusal
from optimization.quantize.choose import Verdict, choose
from optimization.quantize.policies import apply_all


def candidate(policy, model, *, promise=Promise.ESTIMATED, changed=True, note="quantized"):
    return Candidate(policy, model, promise, (), changed=changed, note=note)


NONE = candidate("none", b"x" * 100, promise=Promise.LOSSLESS, changed=False, note="cleaned and packed")
DYNAMIC = candidate("dynamic", b"d" * 30)
STATIC = candidate("static", b"s" * 20)


def passes_unless(*bad):
    def check(model):
        return Verdict(
            model not in [item.model for item in bad], f"judged {model[:1]!r}", {"mismatches": 1.0}
        )

    return check


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
    assert choice.verdict == Verdict(False, "judged b'x'", {"mismatches": 1.0})


def test_every_try_is_reported_with_its_figures():
    refusal = Refusal("static", "no rows")
    tries = choose([NONE, DYNAMIC, refusal], check=passes_unless(DYNAMIC)).tries
    assert [(item.policy, item.n_bytes, item.passed, item.reason) for item in tries] == [
        ("none", 100, True, "judged b'x'"),
        ("dynamic", 30, False, "judged b'd'"),
        ("static", None, False, "no rows"),
    ]
    assert tries[0].figures == {"mismatches": 1.0}
    assert tries[2].figures == {}


def test_an_unchanged_model_is_judged_once_and_explained_by_its_note():
    judged = []

    def check(model):
        judged.append(model)
        return Verdict(True, "equal")

    note = "nothing to quantize: trees"
    unchanged = candidate("dynamic", NONE.model, promise=Promise.LOSSLESS, changed=False, note=note)
    choice = choose([unchanged, NONE], check=check)
    assert choice.best == NONE
    assert judged == [NONE.model]
    assert [item.reason for item in choice.tries] == [note, "equal"]


def test_an_unknown_objective_is_an_error_that_lists_the_known():
    with pytest.raises(ParameterError, match="out of size, found 'beauty'"):
        choose([NONE], check=passes_unless(), objective="beauty")


def test_without_the_lossless_candidate_there_is_no_choice():
    with pytest.raises(ValueError, match="policy none"):
        choose([DYNAMIC], check=passes_unless())


def test_auto_on_trees_ends_with_the_lossless_model(forest):
    choice = choose(apply_all(forest.model), check=lambda model: Verdict(True, "equal"))
    assert choice.best.policy == "none"
    assert [item.policy for item in choice.tries] == ["none", "dynamic", "static"]
    assert all("nothing to quantize" in item.reason for item in choice.tries[1:])


def test_auto_on_a_network_ends_with_an_integer_model(mlp):
    choice = choose(apply_all(mlp.model, calibration=mlp.train), check=lambda model: Verdict(True, "equal"))
    assert choice.best.changed
    assert len(mlp.model) / choice.best.n_bytes >= 3.5
