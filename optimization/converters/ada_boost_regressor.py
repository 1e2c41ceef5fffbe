"""AdaBoostRegressor → the members' values, and of each row the weighted median.

In: a fitted estimator; the members' weights w.
Out: values `(n_rows, 1)`.
Promise: exact where the members are: trees, which become one ensemble with a target for each, or any
regressors that have converters.

    values in rising order v₁ ≤ v₂ ≤ …, their weights w₁, w₂, …
    answer = the first vₖ with  w₁ + … + wₖ ≥ ½ Σ w         (ensemble/_weight_boosting.py, 1.9)

Weights are summed in float64, as in scikit-learn: half of all can be just what a few make. skl2onnx 1.20 sums
them in float32, writes an operator for each tree, and an invalid graph for float64 rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import DOUBLE, Algebra, cast
from .joined_regressors import values_side_by_side
from .output_types import regressor_types
from .sklearn_trees import is_tree, members_of, nodes_of, rows_of, values_of
from .tree_nodes import regressor_attributes
from .writer import ML_DOMAIN, Writer


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import AdaBoostRegressor

    update_registered_converter(
        AdaBoostRegressor, "SklearnAdaBoostRegressor", regressor_types, convert, overwrite=True
    )


def is_supported(estimator: Any) -> bool:
    """Whether all members are trees, which may take a scaler into their thresholds."""
    return all(is_tree(member) for member in members_of(estimator))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, estimator = Writer(scope, container), operator.raw_operator
    algebra = Algebra(writer, DOUBLE)
    if is_supported(estimator):
        source, double = rows_of(writer, operator)
        attributes = tree_attributes(estimator, double=double)
        values = writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)
    else:
        values = values_side_by_side(algebra, operator, members_of(estimator))
    answer = _median(algebra, values, estimator.estimator_weights_[: len(members_of(estimator))])
    writer.finish(cast(writer, answer, np.float32), operator.outputs[0].full_name)


def tree_attributes(estimator: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor: the value of each tree is a target of its own."""
    nodes, n_trees = nodes_of(estimator, double=double), len(members_of(estimator))
    rows = np.flatnonzero(nodes.leaf)
    leaves = (rows, nodes.tree[rows], values_of(estimator)[rows, 0])
    return regressor_attributes(nodes, leaves, np.zeros(n_trees), double=double)


def _median(algebra: Algebra, values: str, weights: Any) -> str:
    """`(n_rows, 1)`: the weighted median of `(n_rows, n_members)` values."""
    writer, last = algebra.writer, len(weights) - 1
    if last == 0:
        return values
    count = writer.constant(np.array([len(weights)]))
    outputs = [writer.name("rising"), writer.name("order")]
    rising, order = writer.add_all("TopK", [values, count], outputs, largest=0, sorted=1)
    # Four times as fast as a Gather of single elements (onnxruntime 1.32).
    line = writer.add("ArrayFeatureExtractor", [algebra.number(weights[None]), order], domain=ML_DOMAIN)
    own = writer.add("Reshape", [line, writer.constant(np.array([-1, len(weights)]))])
    total = algebra.add("CumSum", [own, writer.constant(np.array(1))])
    whole = algebra.add("Gather", [total, writer.constant(np.array([last]))], axis=1)
    less = algebra.add("Less", [total, algebra.add("Mul", [whole, algebra.number(0.5)])])
    before = writer.add("Cast", [less], to=TensorProto.UINT8)
    first = writer.add("ArgMin", [before], axis=1, keepdims=1)
    return writer.add("GatherElements", [rising, first], axis=1)
