"""Thresholds of HistGradientBoosting that lie on training values, moved off them.

In: a fitted HistGradientBoosting model, and which of its columns a graph cannot repeat to the last bit.
Out: a copy that knows these columns; its thresholds with a margin above.
Promise: none to the bit: a row within the margin above a threshold goes left, though it should go right.

    t′ = t + min(MARGIN · largest edge, half way to the next edge)

With more distinct values than bins (255) the edges are training values (binning.py, scikit-learn 1.9:
averaged_inverted_cdf), and those rows go left because t ≤ t. A PCA before the trees adds up in another order
in every BLAS, and in onnxruntime: what comes out one unit in the last place larger would go right. Of 400
rows a quarter got other probabilities.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MARGINS = "margins_"
"""Attribute of an estimator (a copy): `(n_features,)`, the columns whose thresholds have a margin."""
MARGIN = 2.0**-20
"""As far as verification lets rounding reach (optimization/verify/excuses.py)."""


def with_margins(estimator: Any, columns: Array) -> Any:
    """Return a copy of `estimator` whose thresholds on `columns`, bool `(n_features,)`, get margins too."""
    estimator = copy.copy(estimator)
    setattr(estimator, MARGINS, columns | getattr(estimator, MARGINS, False))
    return estimator


def moved(estimator: Any, feature: Array, column: Array, threshold: Array) -> Array:
    """Return the thresholds of nodes, `(n_nodes,)`, with their margins.

    Args:
        estimator: a fitted HistGradientBoosting model.
        feature: of each node, as the model's bins count.
        column: of each node, as the rows count.
        threshold: of each node; those of leaves and of splits on categories mean nothing.
    """
    shaken = getattr(estimator, MARGINS, None)
    if shaken is None:
        return threshold
    threshold = threshold.copy()
    for index, edges in enumerate(estimator._bin_mapper.bin_thresholds_):
        nodes = np.flatnonzero((feature == index) & shaken[column] & np.isfinite(threshold))
        if not len(nodes) or not len(edges):
            continue
        following = np.append(edges, np.inf)[np.searchsorted(edges, threshold[nodes], side="right")]
        margin = MARGIN * np.max(np.abs(edges[np.isfinite(edges)]), initial=0.0)
        threshold[nodes] += np.minimum(margin, (following - threshold[nodes]) / 2)
    return threshold
