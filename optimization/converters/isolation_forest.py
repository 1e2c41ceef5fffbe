"""IsolationForest → one TreeEnsembleRegressor.

In: a fitted estimator, with all columns or a part of them per tree.
Out: label, decision function and, where asked for, score_samples.
Promise: exact; labels are equal, rows on the offset included, unless sums of a hundred depths that differ
in their last bits are told apart by it.

    D      = Σ over trees of depth + average_path_length(n_samples) of the leaf          (sums in float64)
    score  = −2^(−D ÷ (n_trees · c))              sklearn/ensemble/_iforest.py (1.9)
    label  = inlier  ⇔  score − offset ≥ 0  ⇔  D ≥ D*

`contamination` puts the offset on the score of a training row, which then is an inlier by D = D*.
float32 knows D to 1e-4, too coarse for that. So rows, weights and sums are float64 and the sum begins
with −D*: onnxruntime rounds D − D*, whose sign float32 keeps. D* is the least D that scikit-learn's
own formula calls an inlier, found by bisection.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .output_types import register_detector
from .sklearn_trees import members_of, nodes_of, rows_of
from .tree_nodes import regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]
REORDERED = 2.0**-50
"""Relative error per tree of a float64 sum whose terms come in another order."""


def register() -> None:
    """Replace skl2onnx's converter."""
    from sklearn.ensemble import IsolationForest

    register_detector(IsolationForest, "SklearnIsolationForest", convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes: the ensemble, the label, the scores."""
    writer, forest = Writer(scope, container), operator.raw_operator
    names = [output.full_name for output in operator.outputs]
    least = least_depth(forest)
    rate, at_least = _score(forest, least)
    margin = _add_trees(writer, operator, least)
    tolerated = np.float32(-REORDERED * len(forest.estimators_) * max(1.0, least))
    inlier = writer.add("GreaterOrEqual", [margin, _constant(writer, tolerated)])
    writer.inlier(inlier, names[0])
    power = writer.add("Exp", [writer.add("Mul", [margin, _constant(writer, rate)])])
    scores = writer.add("Mul", [power, _constant(writer, at_least)])
    writer.add("Sub", [scores, _constant(writer, forest.offset_)], output=names[1])
    if len(names) > 2:
        writer.finish(scores, names[2])


def least_depth(forest: Any) -> float:
    """Return D*, the least sum of depths of an inlier; ±1 more than any sum where all rows are alike."""
    low, high = 0.0, float(sum(_depths(forest, i).max() for i in range(len(forest.estimators_)))) + 1.0
    if _is_inlier(forest, low):
        return -1.0
    if not _is_inlier(forest, high):
        return high + 1.0
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if _is_inlier(forest, middle) else (middle, high)
    return high


def _is_inlier(forest: Any, depth: float) -> bool:
    """scikit-learn's own formula for one sum of depths."""
    denominator = _denominator(forest)
    share = np.full(1, depth) / denominator if denominator else np.ones(1)
    return bool((-(2.0**-share) - forest.offset_ >= 0)[0])


def _score(forest: Any, least: float) -> tuple[float, float]:
    """Return a and b of the score b · exp(a · (D − D*))."""
    denominator = _denominator(forest)
    if not denominator:
        return 0.0, -0.5
    return -np.log(2) / denominator, -(2.0 ** -(least / denominator))


def _denominator(forest: Any) -> float:
    """n_trees · c(max_samples); 0 where each tree saw one row, and every score is −½."""
    from sklearn.ensemble._iforest import _average_path_length

    return float(len(forest.estimators_) * _average_path_length([forest._max_samples])[0])


def _depths(forest: Any, tree: int) -> Array:
    """What each node of a tree adds to the sum, if it is a leaf."""
    paths, lengths = forest._decision_path_lengths[tree], forest._average_path_length_per_tree[tree]
    return np.asarray(paths + lengths - 1.0, dtype=np.float64)


def _add_trees(writer: Writer, operator: Any, least: float) -> str:
    """Add the ensemble: `(n_rows, 1)` D − D*, summed in float64, rounded to float32."""
    source, double = rows_of(writer, operator)
    if not double:
        source = writer.add("Cast", [source], to=TensorProto.DOUBLE)
    attributes = tree_attributes(operator.raw_operator, least, double=double)
    return writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)


def tree_attributes(forest: Any, least: float, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor; `double` if the rows come as float64."""
    nodes = nodes_of(forest, double=double)
    rows = np.flatnonzero(nodes.leaf)
    depths = np.concatenate([_depths(forest, i) for i in range(len(members_of(forest)))])
    leaves = (rows, np.zeros(len(rows), dtype=int), depths[rows])
    return regressor_attributes(nodes, leaves, np.array([-least]), double=True, double_sum=True)


def _constant(writer: Writer, value: Any) -> str:
    return writer.constant(np.array([[value]], dtype=np.float32))
