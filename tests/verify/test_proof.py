"""Parity reports as text."""

from __future__ import annotations

import json
import math

from optimization.verify.parity import Coverage, MethodParity, ParityReport
from optimization.verify.proof import as_json, read_report

LABELS = MethodParity("boundary", "predict", 512, 0, 0.0, 0.0, is_label=True, worst_row=None, undecided=2)
SCORES = MethodParity("data", "predict_proba", 150, 1, math.inf, 1e-6, False, 7, worst_values="5.1, 3.5")


def test_a_report_comes_back_as_it_was() -> None:
    report = ParityReport((LABELS, SCORES), (Coverage("edge", "500 of 2000 columns"),))
    assert read_report(as_json(report)) == report


def test_the_text_says_the_promise_word() -> None:
    assert json.loads(as_json(ParityReport((LABELS,))))["promise"] == "within t"
