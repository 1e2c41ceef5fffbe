"""Verify: does the optimized model answer as the original does?

In: the estimator's own answers, and a predictor.
Out: a `ParityReport` per model, and verdicts of the gates.
Promise: scikit-learn is the judge; dtype and shape are compared before values; the worst row is named.
"""

from optimization.verify.budget import AGAIN, FULL, RowBudget
from optimization.verify.compare import Expected, compare, expect, scales_of
from optimization.verify.faithful import convert_faithfully
from optimization.verify.gates import Gate
from optimization.verify.hard import HardRows, hard_rows
from optimization.verify.judge import Judge, figures
from optimization.verify.parity import Coverage, KindParity, MethodParity, ParityReport
from optimization.verify.proof import as_json, read_report
from optimization.verify.scores import score
from optimization.verify.settle import Settled, expected_answers, settle

__all__ = [
    "AGAIN",
    "FULL",
    "Coverage",
    "Expected",
    "Gate",
    "HardRows",
    "Judge",
    "KindParity",
    "MethodParity",
    "ParityReport",
    "RowBudget",
    "Settled",
    "as_json",
    "compare",
    "convert_faithfully",
    "expect",
    "expected_answers",
    "figures",
    "hard_rows",
    "read_report",
    "scales_of",
    "score",
    "settle",
]
