"""The thresholds of all trees inside an estimator, and the scalers on the way to them.

In: a fitted estimator.
Out: `Splits`: input column and threshold of every distinct split, per chain of scalers; reasons for parts
that were left out.
Promise: the thresholds are those that scikit-learn compares with, float64.

    float32(x) ≤ threshold      sklearn/tree/_tree.pyx
    x ≤ threshold               sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.convert.structure import unwrap
from optimization.converters.functions import NEVER_FALLING, OVERFLOWING, name_of
from optimization.verify.comparing import members
from optimization.verify.floats import Array

MONOTONE = (
    "StandardScaler",
    "MinMaxScaler",
    "RobustScaler",
    "MaxAbsScaler",
    "SimpleImputer",
    "QuantileTransformer",
    "PowerTransformer",
)
"""Steps whose result for a finite value rises with it, column by column."""


@dataclass(frozen=True)
class Splits:
    """Distinct splits behind the same scalers."""

    scalers: tuple[Any, ...]
    narrow: bool
    """Whether the tree rounds what it compares to float32 first."""
    features: Array
    """`(n_splits,)` input columns."""
    thresholds: Array
    """`(n_splits,)` float64, in the scalers' units."""


def find_splits(estimator: Any) -> tuple[tuple[Splits, ...], tuple[str, ...]]:
    """Return the splits inside `estimator`, and why some parts were left out."""
    found = list(_visit(estimator, (), None))
    reasons = tuple(dict.fromkeys(item for item in found if isinstance(item, str)))
    groups: dict[tuple[Any, ...], list[Splits]] = {}
    for item in found:
        if isinstance(item, Splits):
            groups.setdefault((*(id(step) for step in item.scalers), item.narrow), []).append(item)
    return tuple(_merge(group) for group in groups.values()), reasons


def _visit(estimator: Any, scalers: tuple[Any, ...], columns: Array | None) -> Iterator[Splits | str]:
    """Yield the splits; `columns` maps the estimator's columns to the ensemble's (None: the same)."""
    estimator = unwrap(estimator)
    if hasattr(estimator, "steps"):
        yield from _visit_pipeline(estimator, scalers, columns)
    elif hasattr(estimator, "tree_"):
        yield _splits(estimator.tree_.feature, estimator.tree_.threshold, scalers, columns, narrow=True)
    elif hasattr(estimator, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in estimator._predictors for tree in stage])
        nodes = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        yield _splits(nodes["feature_idx"], nodes["num_threshold"], scalers, columns, narrow=False)
    else:
        for part, own in _members(estimator):
            yield from _visit(part, scalers, own if columns is None or own is None else columns[own])


def _visit_pipeline(pipeline: Any, scalers: tuple[Any, ...], columns: Array | None) -> Iterator[Splits | str]:
    *before, (_, last) = pipeline.steps
    steps = [unwrap(step) for _, step in before if step is not None and step != "passthrough"]
    other = next((type(step).__name__ for step in steps if not _is_monotone(step)), "")
    if other and any(isinstance(item, Splits) for item in _visit(last, (), None)):
        yield f"no thresholds behind {other}: they cannot be carried back through it"
    elif columns is not None and steps:
        yield "no thresholds behind a scaler inside an ensemble of subsets of columns"
    elif not other:
        yield from _visit(last, (*scalers, *steps), columns)


def _is_monotone(step: Any) -> bool:
    if type(step).__name__ == "SimpleImputer":
        missing = step.missing_values
        return isinstance(missing, float) and np.isnan(missing) and not step.add_indicator
    if type(step).__name__ == "FunctionTransformer":
        name = name_of(step.func)
        return step.func is None or (name in NEVER_FALLING and name not in OVERFLOWING)
    return type(step).__module__.startswith("sklearn.") and type(step).__name__ in MONOTONE


def _members(estimator: Any) -> Iterator[tuple[Any, Array | None]]:
    """Yield members with the columns they read: bagging and isolation forests may give each its own."""
    parts = members(estimator)
    subsets = getattr(estimator, "estimators_features_", [None] * len(parts))
    n_columns = getattr(estimator, "n_features_in_", None)
    for part, subset in zip(parts, subsets, strict=False):
        whole = subset is None or np.array_equal(subset, np.arange(n_columns or 0))
        yield part, None if whole else np.asarray(subset)


def _splits(
    features: Array, thresholds: Array, scalers: tuple[Any, ...], columns: Array | None, *, narrow: bool
) -> Splits:
    inner = features >= 0  # leaves of sklearn.tree have the feature −2
    features = np.asarray(features[inner], dtype=np.int64)
    own = features if columns is None else columns[features]
    return Splits(scalers, narrow, own, np.asarray(thresholds[inner], dtype=np.float64))


def _merge(group: list[Splits]) -> Splits:
    features = np.concatenate([item.features for item in group])
    thresholds = np.concatenate([item.thresholds for item in group])
    order = np.lexsort((thresholds, features))
    features, thresholds = features[order], thresholds[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(features) != 0) | (np.diff(thresholds) != 0)
    return Splits(group[0].scalers, group[0].narrow, features[new], thresholds[new])
