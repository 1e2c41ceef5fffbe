"""Rows whose nearest neighbours scikit-learn itself does not settle.

In: an estimator that ends in a nearest-neighbour model (`NEIGHBOURS`), or fills rows by KNNImputer; rows.
Out: per row whether the k-th and the next neighbour are equally far.
Promise: asked of scikit-learn's own `kneighbors` and `nan_euclidean_distances`; no row is called tied for
any other estimator.

Which of several equally far rows it takes at the k-th place depends on the number of threads and of rows
per call (brute: sklearn/metrics/_pairwise_distances_reduction/_argkmin.pyx.tp merges one heap per thread)
or on the order of a tree. On digits, 7 of 1000 marginal rows have other probabilities with two threads
than with one (scikit-learn 1.9.1, five neighbours). A tree's choice
is repeatable (iris: no change with threads), but the graph cannot follow it. KNNImputer takes what
np.argpartition leaves at the front, which depends on the order of all other distances.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.impute import KNNImputer
from sklearn.metrics.pairwise import nan_euclidean_distances

from optimization.convert.structure import final_step, is_sklearn, rewrite, unwrap
from optimization.verify.floats import Array

NEIGHBOURS = ("KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor")
"""Models that ask for the k nearest training rows."""
NOISE = {"brute": 1e-9, "kd_tree": 0.0, "ball_tree": 0.0}
"""How far two distances may be apart, as a share: |x|² − 2 x·s + |s|² in float64 loses more than Σ (x − s)²
where the rows are far from the origin; trees take the latter, and the graph repeats it bit by bit."""
CANCELLED = 500
"""How far two squared distances of KNNImputer may be apart, in ulps of the squares they are made of: it sums
in the dtype of its rows."""
SHAKY = 1000
"""Of so many such steps a weight of 1 ÷ distance has six digits."""


def tied(estimator: Any, rows: Any) -> Array:
    """Return `(n_rows,)` whether the k-th and the next neighbour are equally far."""
    return _tied_at_the_end(estimator, rows) | _tied_in_between(estimator, rows)


def _tied_at_the_end(estimator: Any, rows: Any) -> Array:
    final = final_step(estimator)
    nobody = np.zeros(len(rows), dtype=bool)
    if not any(is_sklearn(final, name) for name in NEIGHBOURS):
        return nobody
    k = getattr(final, "n_neighbors_", final.n_neighbors)
    if k >= final.n_samples_fit_ or not len(rows):
        return nobody
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            distances, _ = final.kneighbors(before_last(estimator, rows), k + 1)
        except ValueError:  # rows that the estimator refuses are tied to nothing
            return nobody
    with np.errstate(invalid="ignore"):  # distances that overflow tell nothing either
        gap = distances[:, k] - distances[:, k - 1]
        return ~np.asarray(gap > NOISE[final._fit_method] * distances[:, k])


def before_last(estimator: Any, rows: Any) -> Any:
    """Return what the final step of nested pipelines is given."""
    estimator = unwrap(estimator)
    while hasattr(estimator, "steps"):
        rows = estimator[:-1].transform(rows) if len(estimator.steps) > 1 else rows
        estimator = unwrap(estimator.steps[-1][1])
    return rows


def _tied_in_between(estimator: Any, rows: Any) -> Array:
    """Let every KNNImputer on the way say which rows it could fill in more than one way."""
    nobody, seen = np.zeros(len(rows), dtype=bool), list[Array]()

    def watch(part: Any) -> Any:
        if not is_sklearn(part, "KNNImputer") or not hasattr(part, "n_features_in_"):
            return part
        part = copy.copy(part)
        part.__class__, part.seen = _Watched, seen
        return part

    watched = rewrite(estimator, watch)
    if watched is unwrap(estimator) or not len(rows):
        return nobody
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (watched.predict if hasattr(watched, "predict") else watched.transform)(rows)
        except ValueError:  # rows that the estimator refuses are tied to nothing
            return nobody
    for found in seen:
        if len(found) == len(rows):
            nobody |= found
    return nobody


class _Watched(KNNImputer):  # type: ignore[misc]
    """Notes for each row whether a donor might be another one."""

    seen: list[Array]

    def transform(self, X: Any) -> Any:
        """Fill as KNNImputer does."""
        rows = np.asarray(X)
        rows = rows if rows.dtype == np.float32 else rows.astype(np.float64)
        with np.errstate(all="ignore"):
            self.seen.append(_several_donors(self, rows))
        return super().transform(X)


def _several_donors(imputer: Any, rows: Array) -> Array:
    """`(n_rows,)`: whether, for a missing value, the k-th and the next donor are equally far.

    Weighed by distance, a donor as near as the noise weighs anything up to infinity.
    """
    found = np.zeros(len(rows), dtype=bool)
    some = np.flatnonzero(np.isnan(rows).any(axis=1))
    if not len(some):
        return found
    squares = nan_euclidean_distances(rows[some], imputer._fit_X, squared=True)
    single = rows.dtype == imputer._fit_X.dtype == np.float32
    ulp = np.finfo(np.float32 if single else np.float64).eps
    largest = np.nansum(imputer._fit_X.astype(np.float64) ** 2, axis=1).max()
    own = np.nansum(rows[some].astype(np.float64) ** 2, axis=1)
    noise = CANCELLED * ulp * rows.shape[1] * (own + largest)
    for column in np.flatnonzero(imputer._valid_mask):
        far = squares[:, ~imputer._mask_fit_X[:, column]]
        k, unsettled = imputer.n_neighbors, np.zeros(len(some), dtype=bool)
        if k < far.shape[1]:
            last, following = np.partition(far, (k - 1, k), axis=1)[:, k - 1 : k + 1].T
            unsettled |= following - last <= noise
        if imputer.weights == "distance":
            unsettled |= np.nanmin(far, axis=1) <= SHAKY * noise
        found[some[np.isnan(rows[some, column]) & unsettled]] = True
    return found
