"""Does an estimator decide by comparisons alone?

In: a fitted estimator.
Out: whether all its decisions are comparisons of single columns with thresholds.
Promise: where it says yes, rounding is no excuse: a comparison has no rounding error, and the scalers
before it are converted in float64 (optimization/convert/doubles.py).

Yes:  trees, forests, boosting, isolation forests, ensembles of nothing else (bagging, AdaBoost, voting,
      stacking, calibration, one-vs-rest), and thresholds and transformed targets around them, behind steps
      that treat each column by itself.
No:   everything that adds columns up (linear models, SVM, neighbours, networks, mixtures, PCA), and
      ensembles with such a member: the place where the answer changes then depends on rounding.
"""

from __future__ import annotations

from typing import Any

from optimization.convert.shaken import BY_COLUMN
from optimization.convert.structure import TREES, around, is_sklearn, unwrap
from optimization.converters.initial_scores import initial_of

SELECTORS = ("VarianceThreshold", "SelectKBest", "SelectPercentile")


def compares(estimator: Any) -> bool:
    """Return whether `estimator` decides by comparisons alone."""
    estimator = unwrap(estimator)
    if isinstance(estimator, str):
        return estimator in ("passthrough", "drop")
    if hasattr(estimator, "steps"):
        *before, (_, last) = estimator.steps
        return all(_by_column(step) for _, step in before) and compares(last)
    if type(estimator).__module__.startswith("sklearn.") and type(estimator).__name__.startswith(TREES):
        start = initial_of(estimator)
        return start is None or compares(start)
    parts = members(estimator)
    if getattr(estimator, "passthrough", False):
        parts = [*parts, estimator.final_estimator_]  # it reads the columns as well
    return bool(parts) and all(compares(part) for part in parts)


def members(estimator: Any) -> list[Any]:
    """Return the fitted members of an ensemble that all read the ensemble's own columns.

    Those of a chain read the answers of those before them too, and are none of these.
    """
    if type(estimator).__name__ in ("RegressorChain", "ClassifierChain"):
        return []
    if (inner := around(estimator)) is not None:
        return [inner]
    if hasattr(estimator, "calibrated_classifiers_"):
        return [fold.estimator for fold in estimator.calibrated_classifiers_]
    found = getattr(estimator, "estimators_", None)
    if found is None:
        return []
    return [part for part in (found.ravel() if hasattr(found, "ravel") else found) if part is not None]


def _by_column(step: Any) -> bool:
    step = unwrap(step)
    if step is None or (isinstance(step, str) and step in ("passthrough", "drop")):
        return True
    if hasattr(step, "steps"):
        return all(_by_column(inner) for _, inner in step.steps)
    if hasattr(step, "transformers_"):
        return all(_by_column(item[1]) for item in step.transformers_)
    if hasattr(step, "transformer_list"):
        return all(_by_column(item[1]) for item in step.transformer_list)
    if type(step).__name__ == "FunctionTransformer":
        return step.func is None
    return any(is_sklearn(step, name) for name in (*BY_COLUMN, *SELECTORS))
