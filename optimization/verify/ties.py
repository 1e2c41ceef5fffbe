"""Rows whose nearest neighbours scikit-learn itself does not settle.

In: an estimator that holds a nearest-neighbour model (`WATCHERS`) or a KNNImputer somewhere; rows.
Out: per row whether the k-th and the next neighbour are equally far and say something else.
Promise: every such model is asked on the rows that it is given on the way, by its own `kneighbors` and by
`nan_euclidean_distances`; no row is called tied for any other estimator.

Which of several equally far rows it takes at the k-th place depends on the number of threads and of rows
per call (brute: sklearn/metrics/_pairwise_distances_reduction/_argkmin.pyx.tp merges one heap per thread)
or on the order of a tree. On digits, 7 of 1000 marginal rows have other probabilities with two threads
than with one (scikit-learn 1.9.1, five neighbours). A tree's choice
is repeatable (iris: no change with threads), but the graph cannot follow it. KNNImputer takes what
np.argpartition leaves at the front, which depends on the order of all other distances.
Training rows that stand twice, as a bootstrap draws them, tie with each other and say the same.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
from sklearn.impute import KNNImputer
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor

from optimization.convert.structure import is_sklearn, rewrite, unwrap
from optimization.verify.floats import Array

MORE = 32
"""Neighbours asked for beyond the k-th."""
NOISE = {"brute": 1e-9, "kd_tree": 0.0, "ball_tree": 0.0}
"""How far two distances may be apart, as a share: |x|² − 2 x·s + |s|² in float64 loses more than Σ (x − s)²
where the rows are far from the origin; trees take the latter, and the graph repeats it bit by bit."""
CANCELLED = 500
"""How far two squared distances of KNNImputer may be apart, in ulps of the squares they are made of: it sums
in the dtype of its rows."""
SHAKY = 1000
"""Of so many such steps a weight of 1 ÷ distance has six digits."""


def tied(estimator: Any, rows: Any) -> Array:
    """Return `(n_rows,)` whether some model on the way could take other neighbours, or donors, as well."""
    nobody, seen = np.zeros(len(rows), dtype=bool), list[Array]()
    watched = rewrite(estimator, lambda part: _watched(part, seen))
    if watched is unwrap(estimator) or not len(rows):
        return nobody
    # In this process: a copy in another one would note what nobody reads.
    with warnings.catch_warnings(), joblib.parallel_config("sequential"):
        warnings.simplefilter("ignore")
        try:
            (watched.predict if hasattr(watched, "predict") else watched.transform)(rows)
        except ValueError:  # rows that the estimator refuses are tied to nothing
            return nobody
    for found in seen:
        if len(found) == len(rows):
            nobody |= found
    return nobody


def before_last(estimator: Any, rows: Any) -> Any:
    """Return what the final step of nested pipelines is given."""
    estimator = unwrap(estimator)
    while hasattr(estimator, "steps"):
        rows = estimator[:-1].transform(rows) if len(estimator.steps) > 1 else rows
        estimator = unwrap(estimator.steps[-1][1])
    return rows


def _watched(part: Any, seen: list[Array]) -> Any:
    """Return a copy of a fitted model of neighbours that notes in `seen`, call by call, which rows tie."""
    watcher = next((kind for name, kind in WATCHERS.items() if is_sklearn(part, name)), None)
    if watcher is None or not hasattr(part, "n_features_in_"):
        return part
    part = copy.copy(part)
    part.__class__, part.seen = watcher, seen
    return part


class _WatchedImputer(KNNImputer):  # type: ignore[misc]
    """Notes for each row whether a donor might be another one."""

    seen: list[Array]

    def transform(self, X: Any) -> Any:
        """Fill as KNNImputer does."""
        rows = np.asarray(X)
        rows = rows if rows.dtype == np.float32 else rows.astype(np.float64)
        with np.errstate(all="ignore"):
            self.seen.append(_several_donors(self, rows))
        return super().transform(X)


def _watcher(kind: type, methods: Sequence[str], targets: Callable[[Any], Array]) -> type:
    """Return `kind`, noting for each row that `methods` get whether another neighbour might say otherwise."""

    def noting(name: str) -> Callable[[Any, Any], Any]:
        def answer(model: Any, rows: Any) -> Any:
            model.seen.append(_several_neighbours(model, rows, targets(model)))
            return getattr(kind, name)(model, rows)

        return answer

    return type(f"_Watched{kind.__name__}", (kind,), {name: noting(name) for name in methods})


WATCHERS = {
    "KNNImputer": _WatchedImputer,
    "KNeighborsClassifier": _watcher(KNeighborsClassifier, ("predict", "predict_proba"), lambda m: m._y),
    "KNeighborsRegressor": _watcher(KNeighborsRegressor, ("predict",), lambda m: m._y),
    # Each training row has a density of its own.
    "LocalOutlierFactor": _watcher(
        LocalOutlierFactor, ("score_samples",), lambda m: np.arange(m.n_samples_fit_)
    ),
}
"""Models that ask for the k nearest training rows, by name, and what watches them."""


def _several_neighbours(model: Any, rows: Any, targets: Array) -> Array:
    """`(n_rows,)`: whether the k-th and the next neighbour are equally far, and their targets differ."""
    n_rows = rows.shape[0]  # which sparse ones have too
    found = np.zeros(n_rows, dtype=bool)
    k = getattr(model, "n_neighbors_", model.n_neighbors)
    if k >= model.n_samples_fit_ or not n_rows:
        return found
    n_asked = min(model.n_samples_fit_, k + MORE)
    try:
        far, rank = model.kneighbors(rows, n_asked)
    except ValueError:  # rows that the model refuses are tied to nothing
        return found
    with np.errstate(invalid="ignore"):  # distances that overflow tell nothing either
        last = far[:, k - 1 : k]
        equal = ~(np.abs(far - last) > NOISE[model._fit_method] * np.maximum(far, last))
    values = targets[rank].reshape(n_rows, n_asked, -1)
    differ = (values != values[:, k - 1 : k]).any(axis=2) & equal
    # Of more equals than were asked for nobody knows what they say.
    unknown = equal[:, -1] & (n_asked < model.n_samples_fit_)
    return np.asarray(equal[:, k] & (differ.any(axis=1) | unknown))


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
