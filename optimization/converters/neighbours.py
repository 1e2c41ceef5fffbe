"""KNeighborsClassifier and KNeighborsRegressor.

In: a fitted estimator, of one target or several.
Out: label and probabilities; or values, float32.
Promise: exact, but for queries whose k-th and next neighbours are equally far and answer differently:
scikit-learn's own answer to these changes with the number of threads (nearest.py).

    uniform     votes[c] = number of the k nearest of class c          probabilities = votes ÷ k
    distance    w = 1 ÷ distance; if any is infinite, 1 for these and 0 for the others
                votes[c] = Σ w of class c                              probabilities = votes ÷ Σ votes
    label       the first class with the most votes
    value       Σ w · y ÷ Σ w over the k nearest                       (in float64)

Facts: sklearn/neighbors/_base.py: _get_weights, _classification.py, _regression.py (scikit-learn 1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from . import several_targets
from .distances import Metric, distance, metric_of
from .nearest import nearest
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .training_rows import store
from .writer import Writer

Array = np.ndarray[Any, Any]
DIGITS_PAY = 400
"""Bytes that classes must save as digits: taking them apart needs three nodes and as many constants."""


def register() -> None:
    """Replace skl2onnx's converters of the two."""
    from skl2onnx import update_registered_converter
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    update_registered_converter(
        KNeighborsClassifier,
        "SklearnKNeighborsClassifier",
        classifier_types,
        convert_classifier,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        KNeighborsRegressor,
        "SklearnKNeighborsRegressor",
        regressor_types,
        convert_regressor,
        overwrite=True,
    )


def regressor_types(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].set_type(FloatTensorType([None, targets(operator.raw_operator).shape[1]]))


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier."""
    writer, estimator = Writer(scope, container), operator.raw_operator
    found, weights = _neighbours(writer, operator)
    kind = TensorProto.FLOAT if weights is None else TensorProto.DOUBLE
    if several_targets.has_several_targets(estimator):
        pairs = zip(np.asarray(estimator._y).T, estimator.classes_, strict=True)
        parts = [
            _votes(writer, codes, len(classes), found=found, weights=weights, kind=kind)
            for codes, classes in pairs
        ]
        several_targets.write_votes(writer, operator, parts)
        return
    codes = np.asarray(estimator._y).ravel()
    votes = _votes(writer, codes, len(estimator.classes_), found=found, weights=weights, kind=kind)
    label, probabilities = (output.full_name for output in operator.outputs)
    first = writer.add("ArgMax", [votes], axis=1, keepdims=0)
    writer.label(first, estimator.classes_, label)
    if weights is None:
        count = writer.constant(np.array([estimator.n_neighbors], dtype=np.float32))
        writer.add("Div", [votes, count], output=probabilities)
        return
    total = writer.add("ReduceSum", [votes, writer.constant(np.array([1]))], keepdims=1)
    share = writer.add("Div", [votes, total])
    writer.add("Cast", [share], output=probabilities, to=TensorProto.FLOAT)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor."""
    writer, estimator = Writer(scope, container), operator.raw_operator
    found, weights = _neighbours(writer, operator)
    known = targets(estimator)
    values = writer.add("Gather", [writer.constant(known.astype(np.float32)), found], axis=0)
    values = writer.add("Cast", [values], to=TensorProto.DOUBLE)
    axis = writer.constant(np.array([1]))
    if weights is None:
        count = writer.constant(np.array([float(estimator.n_neighbors)]))
    else:
        values = writer.add(
            "Mul", [values, writer.add("Unsqueeze", [weights, writer.constant(np.array([2]))])]
        )
        count = writer.add("ReduceSum", [weights, axis], keepdims=1)
    total = writer.add("ReduceSum", [values, axis], keepdims=0)
    mean = writer.add("Div", [total, count])
    writer.add("Cast", [mean], output=operator.outputs[0].full_name, to=TensorProto.FLOAT)


def targets(estimator: Any) -> Array:
    """A regressor's targets, `(n_train, n_targets)`."""
    known = np.asarray(estimator._y)
    return known.reshape(len(known), -1)


def double_rows(writer: Writer, operator: Any) -> str:
    """The operator's rows in float64, always by a node of their own."""
    names = [item.full_name for item in operator.inputs]
    wide = [writer.add("Cast", [name], to=TensorProto.DOUBLE) for name in names]
    return wide[0] if len(wide) == 1 else writer.add("Concat", wide, axis=1)


def known_metric(estimator: Any) -> Metric:
    """The metric of `estimator`.

    Raises:
        ValueError: it has no ONNX form.
    """
    metric = metric_of(estimator)
    if metric is None:
        raise ValueError(f"the metric {estimator.effective_metric_!r} has no ONNX form")
    return metric


def weigh(writer: Writer, apart: str) -> str:
    """Weights by distance, `(n_rows, k)` float64, of distances."""
    inverse = writer.add("Reciprocal", [apart])
    same = writer.add("Cast", [writer.add("IsInf", [inverse])], to=TensorProto.DOUBLE)
    any_same = writer.add("ReduceMax", [same, writer.constant(np.array([1]))], keepdims=1)
    return writer.add("Where", [writer.add("Cast", [any_same], to=TensorProto.BOOL), same, inverse])


def _neighbours(writer: Writer, operator: Any) -> tuple[str, str | None]:
    """Indices of the k nearest, and their weights if these are not all one."""
    estimator = operator.raw_operator
    metric = known_metric(estimator)
    rows = double_rows(writer, operator)
    keyed = estimator.weights not in (None, "uniform")
    stored = store(estimator._fit_X)
    found, key = nearest(writer, metric, stored, rows, estimator.n_neighbors, keyed=keyed)
    return found, weigh(writer, distance(writer, metric, key)) if keyed else None


def _votes(
    writer: Writer, codes: Array, n_classes: int, *, found: str, weights: str | None, kind: int
) -> str:
    """`(n_rows, n_classes)` sums of weights.

    They are counted as `(k, n_rows, n_classes)`: sums across the first axis add whole rows.
    """
    turned = writer.add("Transpose", [found], perm=[1, 0])
    own = writer.add("Gather", [write_classes(writer, codes, n_classes), turned], axis=0)
    own = writer.add("Unsqueeze", [own, writer.constant(np.array([2]))])
    equal = writer.add("Equal", [own, writer.constant(np.arange(n_classes, dtype=np.int32))])
    votes = writer.add("Cast", [equal], to=kind)
    if weights is not None:
        turned = writer.add("Transpose", [weights], perm=[1, 0])
        votes = writer.add("Mul", [votes, writer.add("Unsqueeze", [turned, writer.constant(np.array([2]))])])
    return writer.add("ReduceSum", [votes, writer.constant(np.array([0]))], keepdims=0)


def write_classes(writer: Writer, classes: Array, n_classes: int) -> str:
    """Write the classes of the training rows, int32, some zeros behind them.

    As many go to a byte as fit, where that saves more than it costs.
    Three classes are digits of base 3, five to a byte; onnxruntime takes them apart when it loads the model.
    """
    per_byte = next((d for d in range(8, 1, -1) if n_classes**d <= 256), 1)
    if len(classes) * (1 - 1 / per_byte) < DIGITS_PAY:
        small = classes.astype(np.uint8 if n_classes <= 256 else np.int32)
        return writer.add("Cast", [writer.constant(small)], to=TensorProto.INT32)
    powers = n_classes ** np.arange(per_byte, dtype=np.int32)
    digits = np.pad(classes, (0, -len(classes) % per_byte)).reshape(-1, per_byte)
    packed = writer.constant((digits @ powers).astype(np.uint8)[:, None])
    shifted = writer.add("Div", [writer.add("Cast", [packed], to=TensorProto.INT32), writer.constant(powers)])
    digit = writer.add("Mod", [shifted, writer.constant(np.array(n_classes, dtype=np.int32))])
    return writer.add("Reshape", [digit, writer.constant(np.array([-1]))])
