"""How candidates are judged and timed."""

from __future__ import annotations

import pytest

from entrypoints import variants
from entrypoints.choosing import checker, prove
from optimization.errors import GateError
from optimization.passes.outcome import Promise
from optimization.quantize.candidate import Candidate
from optimization.verify.gates import Gate, judge
from optimization.verify.judge import Judged
from optimization.verify.parity import MethodParity, ParityReport


class Judge:
    """Says who was asked, and how."""

    def __init__(self, name: str) -> None:
        self.name = name

    def verdict(self, content: bytes, *, lossless: bool) -> tuple[str, bool]:
        return self.name, lossless


class ReportingJudge:
    """Finds the same of every file, as `optimization.verify.Judge` would say it."""

    def __init__(self, report: ParityReport) -> None:
        self.report = report

    def judged(self, content: bytes, *, lossless: bool) -> Judged:
        report = self.report if lossless else self.report.sampled()
        verdict = judge(report, lossless=lossless, original={}, optimized={"accuracy": 1.0}, gate=Gate())
        return Judged(self.report, {}, verdict)


@pytest.mark.parametrize(
    ("promise", "judged"),
    [
        (Promise.LOSSLESS, ("sampled", True)),
        (Promise.EXACT, ("hard", True)),
        (Promise.ESTIMATED, ("sampled", False)),
    ],
)
def test_a_candidate_is_judged_by_its_promise(promise: Promise, judged: tuple[str, bool]) -> None:
    candidate = Candidate("none", b"", promise, (), changed=True, note="")
    assert checker(Judge("sampled"), lambda: Judge("hard"))(candidate) == judged


def test_a_faithful_winner_that_errs_on_a_hard_row_is_refused() -> None:
    wrong = MethodParity("boundary", "predict", 10, 1, 0.0, 0.0, is_label=True, worst_row=3)
    judge = ReportingJudge(ParityReport((wrong,)))
    with pytest.raises(GateError, match=r"^lossless: predict: 1 of 10 boundary rows differ"):
        prove(Candidate("lossless", b"", Promise.LOSSLESS, (), changed=True, note=""), judge)
    changed = Candidate("int4", b"", Promise.ESTIMATED, (), changed=True, note="")
    assert prove(changed, judge).hard().label_mismatches == 1


@pytest.mark.parametrize(
    ("policy", "faithful"), [("none", True), ("lossless", True), ("leaf_table", True), ("int4", False)]
)
def test_a_variant_keeps_the_promise_of_the_policy_that_made_it(policy: str, faithful: bool) -> None:
    found = variants.Variants(
        onnx=b"", quantized=b"", judge=None, quantization=policy, proofs={}, tries=(), run_ids={}
    )
    assert found.faithful is faithful
