"""HistGradientBoostingClassifier and -Regressor → one TreeEnsembleRegressor.

In: a fitted estimator, with categorical features or without.
Out: raw scores from TreeEnsembleRegressor; for classifiers label and probabilities (or raw scores).
Promise: exact. Every row takes the same branch as in scikit-learn, NaN included: float64 rows because
the thresholds stay float64, float32 rows (of a float32 graph) because

    x ≤ t (float64 t, float32 x)  ⇔  x ≤ max{f ∈ float32 : f ≤ t}
    NaN goes left                 ⇔  missing_go_to_left
    binary label                  =  raw > 0
    multiclass label              =  argmax raw
    category goes left            ⇔  it stands in the split's bitset; unknown ones go as NaN does

skl2onnx 1.20 crashes here with protobuf 7 and rounds thresholds to the nearest float32, which sends
rows that sit on a threshold the wrong way (`_hist_gradient_boosting/_predictor.pyx` compares float64).
Float64 thresholds cost 3 bytes per node and no time (onnxruntime 1.32, digits and 20,000 × 30).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import TensorProto

from .categorical_splits import Chains, make_chains, unpack
from .category_columns import Column, Rows, write_rows
from .margins import with_room
from .output_types import CLASSIFIER_OPTIONS, classifier_types, regressor_types
from .raw_scores import finish_classifier
from .scaled_trees import SCALING, rescale
from .tree_nodes import Nodes, regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]
BITSET_WORDS = 8
"""Words of 32 bits per set: 256 categories (sklearn/utils/_bitset.pxd, 1.9)."""
LINKS = {"IdentityLink": None, "LogLink": "Exp"}
"""Inverse of the loss's link function, as an ONNX operator (sklearn/_loss/link.py)."""


def register() -> None:
    """Replace skl2onnx's two converters for the family."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    update_registered_converter(
        HistGradientBoostingClassifier,
        "SklearnHistGradientBoostingClassifier",
        classifier_types,
        convert_classifier,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        HistGradientBoostingRegressor,
        "SklearnHistGradientBoostingRegressor",
        regressor_types,
        convert_regressor,
        overwrite=True,
    )


def looked_up(estimator: Any) -> Array:
    """Return the positions of the columns of categories, which nothing may move, `(n_categorical,)`."""
    is_categorical = getattr(estimator, "is_categorical_", None)
    return np.zeros(0, dtype=np.int64) if is_categorical is None else np.flatnonzero(is_categorical)


def takes_scaling(estimator: Any) -> bool:
    """Whether all columns are numbers."""
    return not len(looked_up(estimator))


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor: raw score, then the inverse link."""
    writer = Writer(scope, container)
    inverse = LINKS[type(operator.raw_operator._loss.link).__name__]
    raw = _add_ml(writer, operator)
    writer.add(inverse or "Identity", [raw], output=operator.outputs[0].full_name)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier: raw scores, label, and probabilities unless `raw_scores`."""
    writer = Writer(scope, container)
    finish_classifier(writer, operator, _add_ml(writer, operator))


def _add_ml(writer: Writer, operator: Any) -> str:
    """Add the ensemble: `(n_rows, n_trees_per_iteration)` raw scores, baseline included."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator = operator.raw_operator
    if inner_order(estimator) is not None:
        splits = categorical_splits_of(estimator)
        rows = write_rows(writer, operator.inputs, [split.column for split in splits])
        source, double = rows.name, rows.double
        nodes = _on_levels(scaled(nodes_of(estimator), estimator, double=double), splits, rows)
    else:
        source, kind = operator.inputs[0].full_name, operator.inputs[0].type
        if not isinstance(kind, (FloatTensorType, DoubleTensorType)):
            source = writer.add("Cast", [source], to=TensorProto.FLOAT)
        double = isinstance(kind, DoubleTensorType)
        nodes = scaled(nodes_of(estimator), estimator, double=double)
    attributes = tree_attributes(estimator, nodes, double=double)
    return writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)


def tree_attributes(estimator: Any, nodes: Nodes, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor, for float64 rows if `double`."""
    n_targets = int(estimator.n_trees_per_iteration_)
    rows = np.flatnonzero(nodes.leaf)
    leaves = (rows, nodes.tree[rows] % n_targets, records_of(estimator)["value"][rows])
    return regressor_attributes(nodes, leaves, np.ravel(estimator._baseline_prediction), double=double)


def records_of(estimator: Any) -> Array:
    """All nodes' records, tree after tree, the trees of an iteration side by side.

    `_predictors[i][k].nodes` is a record array (sklearn/ensemble/_hist_gradient_boosting/common.pyx:
    PREDICTOR_RECORD_DTYPE): feature_idx, num_threshold, missing_go_to_left, left, right, is_leaf, value.
    """
    return np.concatenate([tree.nodes for stage in estimator._predictors for tree in stage])


def nodes_of(estimator: Any) -> Nodes:
    """Return all nodes, with the estimator's columns; splits on categories have no threshold."""
    records, order = records_of(estimator), inner_order(estimator)
    counts = [len(tree.nodes) for stage in estimator._predictors for tree in stage]
    return Nodes(
        tree=np.repeat(np.arange(len(counts)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        leaf=records["is_leaf"].astype(bool),
        feature=records["feature_idx"] if order is None else order[records["feature_idx"]],
        threshold=records["num_threshold"],
        left=records["left"],
        right=records["right"],
        missing_left=records["missing_go_to_left"],
    )


def inner_order(estimator: Any) -> Array | None:
    """Return the estimator's columns in the order in which its trees count them; None where it is the same.

    Columns of categories come first (sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py:
    _preprocess_X).
    """
    is_categorical = getattr(estimator, "is_categorical_", None)
    if is_categorical is None:
        return None
    return np.concatenate([np.flatnonzero(is_categorical), np.flatnonzero(~is_categorical)])


def scaled(nodes: Nodes, estimator: Any, *, double: bool) -> Nodes:
    """Return `nodes` with margins, for rows before the scaler that `estimator` has taken in, if it has."""
    scaling, nodes = getattr(estimator, SCALING, None), with_room(nodes, estimator, inner_order(estimator))
    return nodes if scaling is None else rescale(nodes, scaling, double=double, rounds=False)


@dataclass(frozen=True)
class ColumnSplits:
    """One column of categories, and the splits on it."""

    column: Column
    nodes: Array
    """Positions of the splits among all nodes."""
    chains: Chains


def categorical_splits_of(estimator: Any) -> list[ColumnSplits]:
    """Return the columns that are split on, with the tables of their categories."""
    records, bitsets = records_of(estimator), _bitsets(estimator)
    categories = estimator._preprocessor.named_transformers_["encoder"].categories_
    is_split = (records["is_leaf"] == 0) & (records["is_categorical"] == 1)
    found = []
    for code, position in enumerate(np.flatnonzero(estimator.is_categorical_)):
        nodes = np.flatnonzero(is_split & (records["feature_idx"] == code))
        if not len(nodes):
            continue
        known = [value for value in categories[code] if not _is_missing(value)]
        left = unpack(bitsets[nodes], len(known))
        missing_left = records["missing_go_to_left"][nodes].astype(bool)
        chains = make_chains(left ^ missing_left[:, None])
        column = Column(int(position), np.asarray(categories[code])[: len(known)], chains.table)
        found.append(ColumnSplits(column, nodes, chains))
    return found


def _on_levels(nodes: Nodes, splits: list[ColumnSplits], rows: Rows) -> Nodes:
    """Return `nodes` that read the columns of `rows`, with splits on levels for splits on categories."""
    n_columns = int(nodes.feature.max(initial=0)) + 1
    where = np.array([rows.numbers.get(column, 0) for column in range(n_columns)])
    feature, threshold = where[np.where(nodes.leaf, 0, nodes.feature)], nodes.threshold.copy()
    left, right, missing = nodes.left.copy(), nodes.right.copy(), nodes.missing_left.copy()
    for split in splits:
        i = split.nodes
        feature[i] = rows.chains[split.column.position] + split.chains.chain
        threshold[i] = split.chains.level
        swapped = i[missing[i] == 1]  # the level is reached by those who do not go with the missing ones
        left[swapped], right[swapped] = nodes.right[swapped], nodes.left[swapped]
        missing[i] = 0
    return replace(nodes, feature=feature, threshold=threshold, left=left, right=right, missing_left=missing)


def _bitsets(estimator: Any) -> Array:
    """Return `(n_nodes, 8)` uint32: the categories that go left, zeros where a split is on numbers."""
    parts = []
    for tree in (tree for stage in estimator._predictors for tree in stage):
        part = np.zeros((len(tree.nodes), BITSET_WORDS), dtype=np.uint32)
        own = (tree.nodes["is_leaf"] == 0) & (tree.nodes["is_categorical"] == 1)
        part[own] = tree.raw_left_cat_bitsets[tree.nodes["bitset_idx"][own]]
        parts.append(part)
    return np.concatenate(parts)


def _is_missing(category: Any) -> bool:
    return category is None or (isinstance(category, float) and bool(np.isnan(category)))
