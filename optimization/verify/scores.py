"""How well a model predicts the target.

In: labels or values, and the target; or scores, and the original's.
Out: accuracy for classifiers; r2 and mean absolute error for regressors; r2 of scores.
Promise: the definitions of sklearn.metrics (accuracy_score, r2_score, mean_absolute_error), unweighted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def score(answer: Array, target: Array | None, *, classifier: bool) -> Mapping[str, float]:
    """Return the metrics of `answer` against `target`, both `(n_rows,)` or `(n_rows, n_outputs)`.

    Without a target there are none; r2 is left out where the target is constant.
    """
    if target is None:
        return {}
    if classifier:
        right = (answer == target).reshape(len(target), -1).all(axis=1)
        return {"accuracy": float(right.mean())}
    answer, target = np.asarray(answer, dtype=float), np.asarray(target, dtype=float).reshape(answer.shape)
    metrics = {"mean_absolute_error": float(np.abs(answer - target).mean())}
    spread = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
    if np.all(spread > 0):
        metrics["r2"] = float(np.mean(1.0 - ((answer - target) ** 2).sum(axis=0) / spread))
    return metrics


def kept_variance(difference: Array, original: Array) -> float:
    """Return r2 of scores that are `difference` away from the `original`'s, both `(n_rows, …)`.

    All outputs together (sklearn.metrics.r2_score, multioutput="variance_weighted"), so that a constant one
    counts as its errors do; 0.0 where nothing varies, and where a difference is infinite.
    """
    finite = np.ma.masked_invalid(original.astype(np.float64).reshape(len(original), -1))
    spread = float(np.ma.filled(((finite - finite.mean(axis=0)) ** 2).sum(), 0.0))
    lost = float(np.sum(difference.astype(np.float64) ** 2))
    return 1.0 - lost / spread if spread > 0 and np.isfinite(lost) else 0.0
