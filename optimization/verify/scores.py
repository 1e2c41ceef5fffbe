"""How well a model predicts the target.

In: labels or values, and the target.
Out: accuracy for classifiers; r2 and mean absolute error for regressors.
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
