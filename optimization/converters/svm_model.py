"""A fitted SVC, NuSVC, SVR, NuSVR or OneClassSVM as an `Expansion`.

In: the estimator, fitted on dense or sparse rows.
Out: its support vectors with one column of weights per decision.
Promise: lossless (float64); precomputed kernels become linear ones on unit vectors.

A classifier of k classes decides every pair i < j (sklearn/svm/src/libsvm/svm.cpp: predict_values):

    decision(i, j) = Σ over i's vectors of coef[j−1] K + Σ over j's vectors of coef[i] K − ρ

so most of a dense matrix of weights is zero; one Gemm with it is still faster than k(k−1) small ones.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from .kernels import Expansion, Kernel

Array = np.ndarray[Any, Any]
MARGIN = 2.0**-21
"""What float32 rows and sums lose of a decision, as a share of the sum of all weights."""


def regression_expansion(estimator: Any) -> Expansion:
    """Return the one decision of SVR, NuSVR or OneClassSVM."""
    weights = _dense(estimator._dual_coef_).reshape(1, -1).T
    return _expansion(estimator, weights)


def stands_on_margin(estimator: Any) -> bool:
    """Whether a OneClassSVM decides some of its own training rows by less than float32 can.

    Free support vectors lie on the margin: their decisions are 0 but for what libsvm's tolerance leaves.
    """
    known = type(estimator).__name__ == "OneClassSVM" and type(estimator).__module__.startswith("sklearn.")
    if not known or not isinstance(estimator.kernel, str) or estimator.kernel == "precomputed":
        return False
    closest = np.min(np.abs(estimator.decision_function(estimator.support_vectors_)))
    return bool(closest <= MARGIN * np.abs(_dense(estimator.dual_coef_)).sum())


def pairwise_expansion(estimator: Any) -> Expansion:
    """Return libsvm's decisions of all pairs of classes: positive for the first of the pair.

    scikit-learn keeps them in `_dual_coef_` and `_intercept_`; the attributes without the first underscore
    have the other sign for two classes (sklearn/svm/_base.py).
    """
    coefficients = _dense(estimator._dual_coef_)
    first = np.concatenate([[0], np.cumsum(estimator._n_support)])
    pairs = list(combinations(range(len(estimator.classes_)), 2))
    weights = np.zeros((coefficients.shape[1], len(pairs)))
    for p, (i, j) in enumerate(pairs):
        for member, row in ((i, j - 1), (j, i)):
            vectors = slice(first[member], first[member + 1])
            weights[vectors, p] = coefficients[row, vectors]
    return _expansion(estimator, weights)


def _expansion(estimator: Any, weights: Array) -> Expansion:
    # A vector of a class that a pair does without has −0.0 there, which is no zero to sparse_constants.
    weights = weights + 0.0
    bias = np.asarray(estimator._intercept_, dtype=np.float64)
    return Expansion(_kernel(estimator), _points(estimator), weights, bias, estimator.kernel == "precomputed")


def _kernel(estimator: Any) -> Kernel:
    if estimator.kernel == "precomputed":
        return Kernel("linear")
    return Kernel(estimator.kernel, float(estimator._gamma), float(estimator.coef0), float(estimator.degree))


def _points(estimator: Any) -> Array:
    if estimator.kernel == "precomputed":
        units = np.zeros((len(estimator.support_), estimator.n_features_in_))
        units[np.arange(len(units)), estimator.support_] = 1.0
        return units
    return _dense(estimator.support_vectors_)


def _dense(matrix: Any) -> Array:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)
