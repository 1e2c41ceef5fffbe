"""OneVsOneClassifier → its members' answers, and two products that count them.

In: a fitted classifier of members that are classifiers.
Out: label and decision function.
Promise: exact where the members are; all but trees are written in float64, because a vote is a jump.

    member k decides between classes i < j; M[k, i] = −1, M[k, j] = 1, else 0
    votes = (members of i) + answers · M        s = scores · M               (multiclass.py, 1.9)
    decision = votes + s ÷ (3 (|s| + 1));  label = the first largest
    two classes: the second one's decision, and its label where that is above 0, or ½ of probabilities

skl2onnx 1.20 answers texts with integers. Members that are regressors are refused.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .one_vs_rest import write_scores
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Array, Writer


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.multiclass import OneVsOneClassifier

    update_registered_converter(
        OneVsOneClassifier,
        "SklearnOneVsOneClassifier",
        classifier_types,
        convert,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator, writer = operator.raw_operator, Writer(scope, container)
    members, algebra = estimator.estimators_, Algebra(writer, DOUBLE)
    if estimator.pairwise_indices_ is not None or not all(hasattr(item, "classes_") for item in members):
        raise NotImplementedError("a OneVsOneClassifier of regressors, or of kernels that are handed over")
    raw, n_classes = hasattr(members[0], "decision_function"), len(estimator.classes_)
    answers, scores = write_scores(algebra, operator, members, raw=raw, fine=True)
    pairs = pairs_of(n_classes)
    votes = algebra.gemm(answers, pairs, (pairs < 0).sum(axis=0))
    confidence = algebra.add("MatMul", [scores, algebra.number(pairs)])
    size = algebra.add("Add", [algebra.add("Abs", [confidence]), algebra.number(1.0)])
    below = algebra.add("Div", [confidence, algebra.scaled(size, 3.0)])
    decision = algebra.add("Add", [votes, below])
    label, output = (item.full_name for item in operator.outputs)
    if n_classes == 2:
        second = algebra.add("Gather", [decision, writer.constant(np.array([1]))], axis=1)
        beyond = algebra.add("Greater", [second, algebra.number(0.0 if raw else 0.5)])
        flat = writer.add("Reshape", [cast(writer, beyond, np.int64), writer.constant(np.array([-1]))])
        writer.label(flat, estimator.classes_, label)
        decision = algebra.add("Concat", [algebra.add("Neg", [second]), second], axis=1)
    else:
        writer.label(algebra.add("ArgMax", [decision], axis=1, keepdims=0), estimator.classes_, label)
    writer.finish(cast(writer, decision, np.float32), output)


def pairs_of(n_classes: int) -> Array:
    """Return M, `(n_members, n_classes)` float64."""
    pairs = np.zeros((n_classes * (n_classes - 1) // 2, n_classes))
    for row, (first, second) in zip(pairs, combinations(range(n_classes), 2), strict=True):
        row[first], row[second] = -1.0, 1.0
    return pairs
