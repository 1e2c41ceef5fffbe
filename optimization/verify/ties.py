"""Rows whose nearest neighbours scikit-learn itself does not settle.

In: an estimator that ends in KNeighborsClassifier or KNeighborsRegressor, and rows.
Out: per row whether the k-th and the next neighbour are equally far.
Promise: asked of scikit-learn's own `kneighbors`; no row is called tied for any other estimator.

Which of several equally far rows it takes at the k-th place depends on the number of threads and of rows
per call (brute: sklearn/metrics/_pairwise_distances_reduction/_argkmin.pyx.tp merges one heap per thread)
or on the order of a tree. On digits, 7 of 1000 marginal rows have other probabilities with two threads
than with one (scikit-learn 1.9.1, five neighbours). A tree's choice
is repeatable (iris: no change with threads), but the graph cannot follow it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from optimization.convert.structure import final_step, is_sklearn, unwrap
from optimization.verify.floats import Array

NOISE = {"brute": 1e-9, "kd_tree": 0.0, "ball_tree": 0.0}
"""How far two distances may be apart, as a share: |x|² − 2 x·s + |s|² in float64 loses more than Σ (x − s)²
where the rows are far from the origin; trees take the latter, and the graph repeats it bit by bit."""


def tied(estimator: Any, rows: Any) -> Array:
    """Return `(n_rows,)` whether the k-th and the next neighbour are equally far."""
    final = final_step(estimator)
    nobody = np.zeros(len(rows), dtype=bool)
    if not (is_sklearn(final, "KNeighborsClassifier") or is_sklearn(final, "KNeighborsRegressor")):
        return nobody
    k = final.n_neighbors
    if k >= final.n_samples_fit_ or not len(rows):
        return nobody
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            distances, _ = final.kneighbors(_before_last(estimator, rows), k + 1)
        except ValueError:  # rows that the estimator refuses are tied to nothing
            return nobody
    with np.errstate(invalid="ignore"):  # distances that overflow tell nothing either
        gap = distances[:, k] - distances[:, k - 1]
        return ~np.asarray(gap > NOISE[final._fit_method] * distances[:, k])


def _before_last(estimator: Any, rows: Any) -> Any:
    """What the final step of nested pipelines is given."""
    estimator = unwrap(estimator)
    while hasattr(estimator, "steps"):
        rows = estimator[:-1].transform(rows) if len(estimator.steps) > 1 else rows
        estimator = unwrap(estimator.steps[-1][1])
    return rows
