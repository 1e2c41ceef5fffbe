"""The data sets of the suite.

In: a name.
Out: a `Dataset`: rows and target, as scikit-learn gives them.
Promise: the same rows in every process; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets

Array = np.ndarray[Any, Any]
GENERATED_ROWS, GENERATED_COLUMNS = 20_000, 30


@dataclass(frozen=True)
class Dataset:
    """Rows `(n_rows, n_columns)` float64 and their target `(n_rows,)`."""

    features: Array
    target: Array


def load(name: str) -> Dataset:
    """Return the data set called `name`, one of `CLASSIFICATION` or `REGRESSION`."""
    features, target = {**CLASSIFICATION, **REGRESSION}[name]()
    return Dataset(np.asarray(features, dtype=np.float64), np.asarray(target))


def _generated_classes() -> tuple[Array, Array]:
    return datasets.make_classification(
        n_samples=GENERATED_ROWS,
        n_features=GENERATED_COLUMNS,
        n_informative=12,
        n_classes=3,
        n_clusters_per_class=2,
        random_state=0,
    )


def _generated_numbers() -> tuple[Array, Array]:
    return datasets.make_friedman1(GENERATED_ROWS, GENERATED_COLUMNS, noise=0.5, random_state=0)


Loader = Callable[[], tuple[Any, Any]]
CLASSIFICATION: dict[str, Loader] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "generated_classes": _generated_classes,
}
REGRESSION: dict[str, Loader] = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "generated_numbers": _generated_numbers,
}
