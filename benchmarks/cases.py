"""The cases of the suite: which family on which data.

In: nothing.
Out: `CASES`, and `fit`, which makes the fitted estimator and the rows of one.
Promise: the same estimator and rows in every process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.datasets import CLASSIFICATION, REGRESSION, TABLES, TEXTS, Array, load
from benchmarks.families import CLASSIFIERS, REGRESSORS, TABLE_CLASSIFIERS, TEXT_CLASSIFIERS, Family

MAX_ROWS = 2_000
"""Rows of a batch at most: what the slow contenders answer in seconds."""
CATEGORIES = 12
MISSING_SHARE = 0.05
EXCEPT = {
    ("gaussian_process", "digits"),  # scikit-learn needs minutes to fit ten classes
    ("hist_gradient_boosting_mixed", "iris"),  # two of four columns as categories leave nothing to learn
}


@dataclass(frozen=True)
class Case:
    """One estimator on one data set."""

    name: str
    dataset: str
    family: Family


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator and the rows it is compared and measured on."""

    estimator: Any
    features: Any
    """`(n_rows, n_columns)`, float64 or a DataFrame."""
    target: Array


CASES: tuple[Case, ...] = tuple(
    Case(f"{name}/{dataset}", dataset, family)
    for families, datasets in (
        (CLASSIFIERS, CLASSIFICATION),
        (REGRESSORS, REGRESSION),
        (TABLE_CLASSIFIERS, TABLES),
        (TEXT_CLASSIFIERS, TEXTS),
    )
    for name, family in families.items()
    for dataset in datasets
    if (name, dataset) not in EXCEPT
)


def fit(case: Case) -> Fitted:
    """Return the case's estimator, fitted, and up to `MAX_ROWS` of its rows."""
    data = load(case.dataset)
    generator = np.random.default_rng(0)
    features = _with_missing(data.features, generator) if case.family.fit_missing else data.features
    order = generator.permutation(len(features))
    train = order[: case.family.max_train_rows]
    estimator = case.family.make().fit(_rows(features, train), data.target[train])
    asked = order[:MAX_ROWS]
    return Fitted(estimator, _rows(features, asked), data.target[asked])


def _rows(features: Any, places: Array) -> Any:
    return features.iloc[places].reset_index(drop=True) if hasattr(features, "iloc") else features[places]


def _with_missing(features: Array, generator: np.random.Generator) -> Array:
    """Columns 0 and 1 become categories; then 5 % of all values become NaN."""
    changed = features.copy()
    for column in (0, 1):
        edges = np.quantile(changed[:, column], np.linspace(0, 1, CATEGORIES + 1)[1:-1])
        changed[:, column] = np.digitize(changed[:, column], edges)
    changed[generator.random(changed.shape) < MISSING_SHARE] = np.nan
    return changed
