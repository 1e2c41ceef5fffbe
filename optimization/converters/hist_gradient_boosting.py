"""HistGradientBoostingClassifier and -Regressor → one TreeEnsembleRegressor.

In: a fitted estimator without categorical splits.
Out: raw scores from TreeEnsembleRegressor; for classifiers label and probabilities (or raw scores).
Promise: exact. Every row takes the same branch as in scikit-learn, NaN included: float64 rows because
the thresholds stay float64, float32 rows (of a float32 graph) because

    x ≤ t (float64 t, float32 x)  ⇔  x ≤ max{f ∈ float32 : f ≤ t}
    NaN goes left                 ⇔  missing_go_to_left
    binary label                  =  raw > 0
    multiclass label              =  argmax raw

skl2onnx 1.20 crashes here with protobuf 7 and rounds thresholds to the nearest float32, which sends
rows that sit on a threshold the wrong way (`_hist_gradient_boosting/_predictor.pyx` compares float64).
Float64 thresholds cost 3 bytes per node and no time (onnxruntime 1.32, digits and 20,000 × 30).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .tree_nodes import Nodes, node_attributes

LINKS = {"IdentityLink": None, "LogLink": "Exp"}
"""Inverse of the loss's link function, as an ONNX operator (sklearn/_loss/link.py)."""


def register() -> None:
    """Replace skl2onnx's two converters for the family."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    update_registered_converter(
        HistGradientBoostingClassifier,
        "SklearnHistGradientBoostingClassifier",
        calculate_classifier_shapes,
        convert_classifier,
        overwrite=True,
        options={
            "zipmap": [True, False, "columns"],
            "raw_scores": [True, False],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    update_registered_converter(
        HistGradientBoostingRegressor,
        "SklearnHistGradientBoostingRegressor",
        calculate_regressor_shapes,
        convert_regressor,
        overwrite=True,
    )


def calculate_classifier_shapes(operator: Any) -> None:
    """Declare label and scores; TreeEnsembleRegressor answers in float32 to float64 rows too."""
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    operator.outputs[1].type = FloatTensorType(operator.outputs[1].type.shape)


def calculate_regressor_shapes(operator: Any) -> None:
    """Declare the values, float32 as above."""
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    calculate_linear_regressor_output_shapes(operator)
    operator.outputs[0].type = FloatTensorType(operator.outputs[0].type.shape)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor: raw score, then the inverse link."""
    estimator = operator.raw_operator
    inverse = LINKS[type(estimator._loss.link).__name__]
    output = operator.outputs[0].full_name
    raw = scope.get_unique_variable_name("raw") if inverse else output
    _add_trees(scope, operator, container, raw)
    if inverse:
        _add(scope, container, inverse, [raw], output)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier: raw scores, label, and probabilities unless `raw_scores`."""
    estimator = operator.raw_operator
    label, scores = (output.full_name for output in operator.outputs)
    raw, index = (scope.get_unique_variable_name(name) for name in ("raw", "class_index"))
    _add_trees(scope, operator, container, raw)
    if estimator.n_trees_per_iteration_ == 1:
        raw, activation = _add_binary(scope, container, raw, index), "Sigmoid"
    else:
        _add(scope, container, "ArgMax", [raw], index, axis=1, keepdims=0)
        activation = "Softmax"
    wants_raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    _add(scope, container, "Identity" if wants_raw else activation, [raw], scores)
    _add_label(scope, container, estimator.classes_, index, label)


def _add_binary(scope: Any, container: Any, raw: str, index: str) -> str:
    """Label index `raw > 0` and both classes' scores `[-raw, raw]`; returns the latter's name."""
    zero, positive, flat, negative, both = (
        scope.get_unique_variable_name(name) for name in ("zero", "positive", "flat", "negative", "both")
    )
    container.add_initializer(zero, TensorProto.FLOAT, [1], [0.0])
    _add(scope, container, "Greater", [raw, zero], positive)
    _add_reshape(scope, container, positive, flat)
    _add(scope, container, "Cast", [flat], index, to=TensorProto.INT64)
    _add(scope, container, "Neg", [raw], negative)
    _add(scope, container, "Concat", [negative, raw], both, axis=1)
    return str(both)


def _add_label(scope: Any, container: Any, classes: Any, index: str, label: str) -> None:
    """`label = classes[index]`, text or int64."""
    text = classes.dtype.kind in "OUS"
    names, picked = scope.get_unique_variable_name("classes"), scope.get_unique_variable_name("picked")
    values = [str(c).encode("utf-8") for c in classes] if text else [int(c) for c in classes]
    container.add_initializer(names, TensorProto.STRING if text else TensorProto.INT64, [len(values)], values)
    _add(scope, container, "Gather", [names, index], picked, axis=0)
    _add_reshape(scope, container, picked, label)


def _add_reshape(scope: Any, container: Any, source: str, target: str) -> None:
    shape = scope.get_unique_variable_name("shape")
    container.add_initializer(shape, TensorProto.INT64, [1], [-1])
    _add(scope, container, "Reshape", [source, shape], target)


def _add(scope: Any, container: Any, op_type: str, inputs: list[str], output: str, **attributes: Any) -> None:
    """Add a node of the default domain under a unique name."""
    container.add_node(
        op_type,
        inputs,
        output,
        name=scope.get_unique_operator_name(op_type),
        op_version=container.target_opset_any_domain(""),
        **attributes,
    )


def _add_trees(scope: Any, operator: Any, container: Any, output: str) -> None:
    """Add the ensemble: `(n_rows, n_trees_per_iteration)` raw scores, baseline included."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    source, kind = operator.inputs[0].full_name, operator.inputs[0].type
    if not isinstance(kind, (FloatTensorType, DoubleTensorType)):
        cast = scope.get_unique_variable_name("cast")
        _add(scope, container, "Cast", [source], cast, to=TensorProto.FLOAT)
        source = cast
    double = isinstance(kind, DoubleTensorType)
    container.add_node(
        "TreeEnsembleRegressor",
        [source],
        output,
        op_domain="ai.onnx.ml",
        op_version=3 if double else 1,
        name=scope.get_unique_operator_name("TreeEnsembleRegressor"),
        **tree_attributes(operator.raw_operator, double=double),
    )


def tree_attributes(estimator: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor for `estimator`'s trees, for float64 rows if `double`.

    `_predictors[i][k].nodes` is a record array (sklearn/ensemble/_hist_gradient_boosting/common.pyx:
    PREDICTOR_RECORD_DTYPE): feature_idx, num_threshold, missing_go_to_left, left, right, is_leaf, value.
    """
    trees = [(k, tree.nodes) for stage in estimator._predictors for k, tree in enumerate(stage)]
    counts = [len(records) for _, records in trees]
    records = np.concatenate([records for _, records in trees])
    leaf = records["is_leaf"].astype(bool)
    nodes = Nodes(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        leaf=leaf,
        feature=records["feature_idx"],
        threshold=records["num_threshold"],
        left=records["left"],
        right=records["right"],
        missing_left=records["missing_go_to_left"],
    )
    return {
        "n_targets": int(estimator.n_trees_per_iteration_),
        "base_values": np.ravel(estimator._baseline_prediction).astype(np.float32).tolist(),
        **node_attributes(nodes, double=double),
        "target_treeids": nodes.tree[leaf].tolist(),
        "target_nodeids": nodes.node[leaf].tolist(),
        "target_ids": np.repeat([k for k, _ in trees], counts)[leaf].tolist(),
        "target_weights": np.float32(records["value"][leaf]).tolist(),
    }
