"""Models and clusterings that transform rows for the step behind them.

In: a fitted LinearDiscriminantAnalysis or FeatureAgglomeration, or a clustering around centers.
Out: what `transform` answers, float64.
Promise: exact.

    LinearDiscriminantAnalysis   (x − xbar) S, of the first components; solver "eigen": x S
    KMeans, Birch and their kin  distances |x − center|
    FeatureAgglomeration         x W, means of the columns of one label

(sklearn/discriminant_analysis.py, cluster/_kmeans.py and _feature_agglomeration.py, 1.9.)  Of models
skl2onnx 1.20 hands the labels over to the next step, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra
from .arithmetic import Form
from .clusterings import centers_of
from .kernels import squared_distance, unsquared
from .writer import Array


@dataclass(frozen=True)
class Projection:
    """(x − mean) W."""

    mean: Array
    """`(n_features,)` float64."""
    weights: Array
    """`(n_features, n_components)` float64."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return int(self.weights.shape[1])

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        moved = algebra.add("Sub", [rows, algebra.number(self.mean)]) if np.any(self.mean) else rows
        return algebra.gemm(moved, self.weights)


@dataclass(frozen=True)
class Distances:
    """|x − center|."""

    centers: Array
    """`(n_clusters, n_features)` float64."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return len(self.centers)

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        return unsquared(algebra, squared_distance(algebra, rows, self.centers, factor=1.0))


def discriminants(part: Any) -> Form | None:
    """Return the form of a LinearDiscriminantAnalysis; None for the solver that has no transform."""
    if not hasattr(part, "scalings_"):
        return None
    weights = np.asarray(part.scalings_, dtype=np.float64)[:, : part._max_components]
    mean = part.xbar_ if part.solver == "svd" else np.zeros(len(weights))
    return Projection(np.asarray(mean, dtype=np.float64), weights)


def distances(part: Any) -> Form | None:
    """Return the form of a clustering around centers."""
    return Distances(centers_of(part))


def pooled(part: Any) -> Form | None:
    """Return the form of a FeatureAgglomeration; None for a pooling that is no mean."""
    if part.pooling_func is not np.mean:
        return None
    weights = (part.labels_[:, None] == np.unique(part.labels_)).astype(np.float64)
    return Projection(np.zeros(len(weights)), weights / weights.sum(axis=0))


AS_STEPS: Mapping[str, Callable[[Any], Form | None]] = {
    "LinearDiscriminantAnalysis": discriminants,
    "KMeans": distances,
    "MiniBatchKMeans": distances,
    "BisectingKMeans": distances,
    "Birch": distances,
}
"""Models by scikit-learn's class, that are written so where they are steps of something."""
