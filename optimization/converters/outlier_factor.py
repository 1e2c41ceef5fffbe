"""LocalOutlierFactor with novelty=True → the nearest training rows, and what each of them has beside it.

In: a fitted estimator.
Out: label, decision function and, where asked for, score_samples.
Promise: exact, in float64, but for queries whose k-th and next neighbours are equally far (nearest.py).

    reach(x, s)  = max(distance(x, s), distance of s to its own k-th neighbour)
    score        = −mean of density(s) · (mean of reach(x, s) + 1e-10), over the k nearest s of x
    label        = outlier ⇔ score − offset < 0

Facts: sklearn/neighbors/_lof.py: score_samples, _local_reachability_density, _predict (scikit-learn 1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .distances import distance
from .nearest import nearest
from .neighbours import double_rows, known_metric
from .output_types import register_detector
from .training_rows import store
from .writer import Array, Writer

LEAST = 1e-10
"""Keeps densities of duplicates finite: sklearn/neighbors/_lof.py."""


def register() -> None:
    """Replace skl2onnx's converter, which keeps all distances of the training rows, in float32."""
    from sklearn.neighbors import LocalOutlierFactor

    register_detector(LocalOutlierFactor, "SklearnLocalOutlierFactor", convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, model = Writer(scope, container), operator.raw_operator
    algebra, names = Algebra(writer, DOUBLE), [output.full_name for output in operator.outputs]
    metric, rows = known_metric(model), double_rows(writer, operator)
    k = int(model.n_neighbors_)
    found, key = nearest(writer, metric, store(model._fit_X), rows, k, keyed=True)
    around = _beside(algebra, found, model._distances_fit_X_[:, k - 1])
    reach = algebra.add("Max", [distance(writer, metric, key), around])
    away = algebra.add("Add", [_mean(algebra, reach), algebra.number(LEAST)])
    score = algebra.add("Mul", [_mean(algebra, _beside(algebra, found, -model._lrd)), away])
    decision = algebra.add("Sub", [score, algebra.number(model.offset_)])
    outlier = algebra.add("Less", [decision, algebra.number(0.0)])
    writer.inlier(algebra.add("Not", [outlier]), names[0])
    for name, value in zip(names[1:], (decision, score), strict=False):
        writer.finish(cast(writer, value, np.float32), name)


def _beside(algebra: Algebra, found: str, values: Array) -> str:
    """Write the training rows' own `values`, `(n_train,)`, for the places `found`: `(n_rows, k)`."""
    return algebra.add("Gather", [algebra.number(values), found], axis=0)


def _mean(algebra: Algebra, values: str) -> str:
    """Write the mean of each row, `(n_rows, 1)`."""
    return algebra.add("ReduceMean", [values, algebra.writer.constant(np.array([1]))], keepdims=1)
