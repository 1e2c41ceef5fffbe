"""Regressors of averaged trees → one TreeEnsembleRegressor.

In: a fitted RandomForest, ExtraTrees, DecisionTree, ExtraTree or Bagging (of trees) regressor.
Out: values `(n_rows, n_targets)`.
Promise: exact.

    value = Σ over trees of (the leaf's value ÷ n_trees)      (the quotient in float64, rounded once)

A Bagging of anything but trees is left to joined_regressors.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .joined_regressors import convert_bagging
from .output_types import TREE_OPTIONS, regressor_types
from .sklearn_trees import is_tree, members_of, nodes_of, rows_of, values_of
from .tree_nodes import regressor_attributes
from .writer import ML_DOMAIN, Writer

NAMES = (
    "RandomForestRegressor",
    "ExtraTreesRegressor",
    "DecisionTreeRegressor",
    "ExtraTreeRegressor",
    "BaggingRegressor",
)
"""scikit-learn's classes; skl2onnx's aliases are these with "Sklearn" in front."""


def register() -> None:
    """Replace skl2onnx's converters of the regressors."""
    import sklearn.ensemble
    import sklearn.tree
    from skl2onnx import update_registered_converter

    for name in NAMES:
        kind = getattr(sklearn.ensemble, name, None) or getattr(sklearn.tree, name)
        options = {} if name == "BaggingRegressor" else TREE_OPTIONS
        update_registered_converter(
            kind, f"Sklearn{name}", regressor_types, convert, overwrite=True, options=options
        )


def is_supported(estimator: Any) -> bool:
    """Whether the members are trees; those of a Bagging have one target."""
    own = not type(estimator).__name__.startswith("Bagging")
    return own or all(is_tree(member) for member in members_of(estimator))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes, or those of a Bagging's members."""
    forest = operator.raw_operator
    if not is_supported(forest):
        convert_bagging(scope, operator, container)
        return
    writer, output = Writer(scope, container), operator.outputs[0].full_name
    source, double = rows_of(writer, operator)
    attributes = tree_attributes(forest, double=double)
    writer.add("TreeEnsembleRegressor", [source], output=output, domain=ML_DOMAIN, **attributes)


def tree_attributes(forest: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor for `forest`'s trees, of one target or several."""
    nodes, values = nodes_of(forest, double=double), values_of(forest) / len(members_of(forest))
    n_targets = values.shape[1]
    rows = np.repeat(np.flatnonzero(nodes.leaf), n_targets)
    targets = np.tile(np.arange(n_targets), int(nodes.leaf.sum()))
    leaves = (rows, targets, values[rows, targets])
    return regressor_attributes(nodes, leaves, np.zeros(n_targets), double=double)
