"""Verify: does the optimized model answer as the original does?

In: the estimator's own answers, and a predictor.
Out: a `ParityReport` per model, and verdicts of the gates.
Promise: scikit-learn is the judge; dtype and shape are compared before values; the worst row is named.
"""

from optimization.verify.compare import Expected, MethodParity, ParityReport, compare, expect
from optimization.verify.gates import Gate
from optimization.verify.judge import Judge
from optimization.verify.scores import score
from optimization.verify.settle import Settled, expected_answers, settle

__all__ = [
    "Expected",
    "Gate",
    "Judge",
    "MethodParity",
    "ParityReport",
    "Settled",
    "compare",
    "expect",
    "expected_answers",
    "score",
    "settle",
]
