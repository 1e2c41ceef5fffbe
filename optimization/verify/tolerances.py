"""The table of tolerances: how far an *exact* conversion's scores may be from scikit-learn's.

In: the kind of answer.
Out: absolute and relative bounds.
Promise: one table, no defaults; a bound is never widened to let a model pass.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """|difference| ≤ absolute + relative · max |expected| over the compared rows."""

    absolute: float
    relative: float

    def bound(self, scale: float) -> float:
        """Return the largest difference allowed where the largest expected value is `scale`."""
        return self.absolute + self.relative * scale


TOLERANCES = {
    "predict": Tolerance(1e-6, 1e-5),  # regressors: float32 sums of hundreds of terms, 2⁻²⁴ each
    # A sigmoid passes a quarter of its argument's error on; scores up to 10³ have float32 steps of 6e-5,
    # and a few of them add up: networks, SGD and mixtures on columns that nobody scaled.
    "predict_proba": Tolerance(5e-5, 0.0),
    "decision_function": Tolerance(1e-5, 1e-5),
    "score_samples": Tolerance(1e-5, 1e-5),
    "transform": Tolerance(1e-5, 1e-5),
}
"""By method of the estimator, for float32 graphs. Labels have no tolerance: they are equal or not."""
