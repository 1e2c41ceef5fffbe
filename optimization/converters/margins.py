"""Thresholds of HistGradientBoosting that lie on training values, moved off them.

In: a fitted HistGradientBoosting model, and the margins of columns that no graph repeats to the last bit.
Out: a copy that knows them; its thresholds with a margin above.
Promise: none to the bit: a row within the margin above a threshold goes left, though it should go right.

    t′ = t + min(margin · largest edge, half way to the next edge)

With more distinct values than bins (255) the edges are training values (binning.py, scikit-learn 1.9:
averaged_inverted_cdf), and those rows go left because t ≤ t. A PCA before the trees adds up in another order
in every BLAS, and in onnxruntime: what comes out one unit in the last place larger would go right. Of 400
rows a quarter got other probabilities.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tree_nodes import Nodes

Array = NDArray[Any]
MARGINS = "margins_"
"""Attribute of an estimator (a copy): of each column its margin, as a share of its largest edge."""


def with_margins(estimator: Any, margins: Array) -> Any:
    """Return a copy of `estimator` whose thresholds have `margins`, `(n_features,)`, or what it has."""
    estimator = copy.copy(estimator)
    setattr(estimator, MARGINS, np.maximum(margins, getattr(estimator, MARGINS, 0.0)))
    return estimator


def with_room(nodes: Nodes, estimator: Any, order: Array | None) -> Nodes:
    """Return `nodes` of a fitted HistGradientBoosting model with the margins that it shall have.

    Args:
        nodes: with the columns of the rows.
        estimator: the model.
        order: the columns in the order in which its bins stand; None where it is the same.
    """
    margins = getattr(estimator, MARGINS, None)
    if margins is None:
        return nodes
    threshold = np.array(nodes.threshold)
    for index, edges in enumerate(estimator._bin_mapper.bin_thresholds_):
        column = index if order is None else order[index]
        own = np.flatnonzero(~nodes.leaf & (nodes.feature == column) & np.isfinite(threshold))
        if not margins[column] or not len(own) or not len(edges):
            continue
        following = np.append(edges, np.inf)[np.searchsorted(edges, threshold[own], side="right")]
        margin = margins[column] * np.max(np.abs(edges), where=np.isfinite(edges), initial=0.0)
        threshold[own] += np.minimum(margin, (following - threshold[own]) / 2)
    return replace(nodes, threshold=threshold)
