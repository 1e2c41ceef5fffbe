"""The estimators inside an estimator.

In: a fitted estimator, possibly a Pipeline, ColumnTransformer, search, voting, stacking …
Out: its parts with names a user recognises; a copy with some parts replaced.
Promise: the user's object is never changed; parts that need no change are shared, not copied.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from sklearn.base import BaseEstimator

from optimization.converters.initial_scores import initial_of

PRIVATE = (
    "_scaler",
    "indicator_",
    "transformer_",
    "initial_imputer_",
    "imputation_sequence_",
    "_preprocessor",
)
"""Parts that answer no rows of the estimator: their owners' converters read their attributes."""
TREES = (
    "DecisionTree",
    "ExtraTree",
    "RandomForest",
    "GradientBoosting",
    "HistGradientBoosting",
    "IsolationForest",
)
"""Beginnings of the names of scikit-learn's tree models."""
ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
"""Steps that look categories up, which stand in `categories_`."""
AROUND = {
    "FixedThresholdClassifier": "estimator_",
    "TunedThresholdClassifierCV": "estimator_",
    "TransformedTargetRegressor": "regressor_",
}
"""Estimators around one other that reads their columns, which stands in this attribute."""
Rewrite = Callable[[Any], Any]
"""Returns another estimator in the given one's place, or the same object."""


def unwrap(estimator: Any) -> Any:
    """Return the estimator that answers for a fitted search, a frozen one, one that trained itself, or one of
    documents (optimization/documents.py)."""
    while True:
        inner = getattr(estimator, "table_estimator_", None) or getattr(estimator, "best_estimator_", None)
        if inner is None and type(estimator).__name__ == "FrozenEstimator":
            inner = estimator.estimator
        if inner is None and is_sklearn(estimator, "SelfTrainingClassifier"):
            inner = getattr(estimator, "estimator_", None)
        if inner is None:
            return estimator
        estimator = inner


def final_step(estimator: Any) -> Any:
    """Return the last estimator of a (nested) Pipeline, or the estimator itself."""
    estimator = unwrap(estimator)
    while hasattr(estimator, "steps") and estimator.steps:
        estimator = unwrap(estimator.steps[-1][1])
    return estimator


def around(estimator: Any) -> Any | None:
    """Return the one estimator that another is built around and asks; None where there is none."""
    name = AROUND.get(type(estimator).__name__)
    return getattr(estimator, name, None) if name else None


def is_sklearn(part: Any, name: str) -> bool:
    """Whether `part` is scikit-learn's own class `name`, not another of that name."""
    return type(part).__name__ == name and type(part).__module__.startswith("sklearn.")


def is_fitted_encoder(part: Any) -> bool:
    """Whether `part` looks up categories that it knows."""
    return any(is_sklearn(part, name) for name in ENCODERS) and hasattr(part, "categories_")


def walk(estimator: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield `(name, part)` for the estimator and all fitted parts, outermost first.

    A name is the way from the outside: "step 'scale'", "step 'prep' → 'num'"; "" for the estimator itself.
    """
    estimator = unwrap(estimator)
    yield name, estimator
    for label, part in parts_of(estimator):
        yield from walk(part, f"{name} → {label!r}" if name else f"step {label!r}")


def describe(estimator: Any) -> str:
    """Return a short name: `Pipeline(StandardScaler, SVC)`."""
    kind = type(estimator).__name__
    if hasattr(estimator, "steps"):
        return f"{kind}({', '.join(describe(part) for _, part in estimator.steps)})"
    return kind if kind != "str" else repr(estimator)


def rewrite(estimator: Any, rule: Rewrite) -> Any:
    """Return `estimator` with `rule` applied to every part, innermost first, without changing it."""
    estimator = unwrap(estimator)
    changed = {}
    for key, value in vars(estimator).items():
        if key in PRIVATE:
            continue
        new = _rewrite_value(value, rule)
        if new is not value:
            changed[key] = new
    if changed:
        estimator = copy.copy(estimator)
        vars(estimator).update(changed)
    return rule(estimator)


def _rewrite_value(value: Any, rule: Rewrite) -> Any:
    if isinstance(value, BaseEstimator):
        return rewrite(value, rule)
    if type(value).__name__ == "_CalibratedClassifier":  # no estimator itself (sklearn/calibration.py)
        inner = rewrite(value.estimator, rule)
        return value if inner is value.estimator else _replace(value, inner)
    if isinstance(value, (list, tuple)):
        new = [_rewrite_value(item, rule) for item in value]
        if any(a is not b for a, b in zip(new, value, strict=True)):
            return type(value)(new) if type(value) in (list, tuple) else value
    return value


def _replace(calibrated: Any, inner: Any) -> Any:
    calibrated = copy.copy(calibrated)
    calibrated.estimator = inner
    return calibrated


def parts_of(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield `(label, part)` for the fitted parts directly inside `estimator`."""
    if hasattr(estimator, "steps"):
        yield from ((name, part) for name, part in estimator.steps if isinstance(part, BaseEstimator))
    elif hasattr(estimator, "transformers_"):
        yield from ((t[0], t[1]) for t in estimator.transformers_ if isinstance(t[1], BaseEstimator))
    elif hasattr(estimator, "transformer_list"):
        yield from ((n, p) for n, p in estimator.transformer_list if isinstance(p, BaseEstimator))
    elif hasattr(estimator, "named_estimators_"):
        yield from ((n, p) for n, p in estimator.named_estimators_.items() if isinstance(p, BaseEstimator))
        if isinstance(getattr(estimator, "final_estimator_", None), BaseEstimator):
            yield "final_estimator", estimator.final_estimator_
    elif hasattr(estimator, "calibrated_classifiers_"):
        yield from ((f"fold {i}", c.estimator) for i, c in enumerate(estimator.calibrated_classifiers_))
    elif isinstance(getattr(estimator, "estimators_", None), (list, tuple)):
        yield from _members(estimator)
    elif isinstance(start := initial_of(estimator), BaseEstimator):
        yield "init", start
    elif isinstance(getattr(estimator, "estimator_", None), BaseEstimator):
        yield "estimator", estimator.estimator_
    elif isinstance(getattr(estimator, "regressor_", None), BaseEstimator):
        yield "regressor", estimator.regressor_


def _members(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Members of a bagging-like ensemble; trees of forests are not worth a visit each."""
    members = [m for m in estimator.estimators_ if isinstance(m, BaseEstimator)]
    if members and not hasattr(members[0], "tree_"):
        yield from ((f"member {i}", member) for i, member in enumerate(members))
