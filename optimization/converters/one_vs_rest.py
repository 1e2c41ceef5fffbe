"""OneVsRestClassifier → its members' scores side by side.

In: a fitted classifier of members that are classifiers; one label per row, or several.
Out: label, and probabilities or (option raw_scores) the members' decision functions.
Promise: exact where the members are: scores are compared in float64, shares of votes as k ÷ n, and
probabilities, and scores that meet a threshold, are calculated in float64. Linear members are one Gemm.

    score   decision_function, or the probability of "yes" where there is none          (multiclass.py, 1.9)
    label   more than two classes: the first largest score
            two classes, or several labels per row: "yes" where score > 0, probability > ½
    probabilities   p ÷ Σ p, where that is not 0; two classes [1 − p, p]; several labels p
    p = exp(−softplus(−s)) of members whose probability is the sigmoid of their score: onnxruntime's Sigmoid
        is 0 below −37 (1.32), where the shares of p are not

skl2onnx 1.20 compares probabilities where scikit-learn compares decision functions, and gives members in
pipelines, and several families, other scores than they have. Members that are regressors, or answer all rows
alike, are left to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .algebra import DOUBLE, Algebra, cast
from .linear import LOGISTIC, write_joined
from .members import answers_in_steps, double_rows, last_step, twin, widened, write_member
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Writer

ALIAS = "SklearnOneVsRestClassifier"


def register() -> None:
    """Replace skl2onnx's converter; members that are regressors are still handed to it."""
    from skl2onnx import update_registered_converter
    from sklearn.multiclass import OneVsRestClassifier

    update_registered_converter(
        OneVsRestClassifier, ALIAS, declare, convert, overwrite=True, options=CLASSIFIER_OPTIONS
    )


def is_supported(estimator: Any) -> bool:
    """Whether all members are classifiers."""
    return all(is_classifier(member) for member in estimator.estimators_)


def declare(operator: Any) -> None:
    """Declare labels, of several per row a column for each, and float32 scores."""
    from skl2onnx.common.data_types import Int64TensorType

    classifier_types(operator)
    if operator.raw_operator.multilabel_:
        operator.outputs[0].set_type(Int64TensorType([None, len(operator.raw_operator.estimators_)]))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes, or let skl2onnx write those of other members."""
    from skl2onnx.operator_converters.one_vs_rest_classifier import convert_one_vs_rest_classifier

    if not is_supported(operator.raw_operator):
        convert_one_vs_rest_classifier(scope, operator, container)
        return
    estimator, writer = operator.raw_operator, Writer(scope, container)
    algebra, members = Algebra(writer, DOUBLE), estimator.estimators_
    wants_raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    decides_raw, fine = hasattr(members[0], "decision_function"), _has_threshold(estimator)
    _, scores = write_scores(algebra, operator, members, raw=decides_raw, fine=fine)
    _label(algebra, estimator, scores, operator.outputs[0].full_name, 0.0 if decides_raw else 0.5)
    if decides_raw and not wants_raw and all(_is_logistic(member) for member in members):
        likely = algebra.add("Softplus", [algebra.add("Neg", [scores])])
        scores = algebra.add("Exp", [algebra.add("Neg", [likely])])
    elif wants_raw != decides_raw:
        _, scores = write_scores(algebra, operator, [twin(member) for member in members], raw=wants_raw)
    answer = _decisions(algebra, scores, members) if wants_raw else _shares(algebra, estimator, scores)
    writer.finish(cast(writer, answer, np.float32), operator.outputs[1].full_name)


def write_scores(
    algebra: Algebra, operator: Any, members: Any, *, raw: bool, fine: bool = False
) -> tuple[str, str]:
    """Write whether each member says "yes", 0 or 1, and its score for that, `(n_rows, n_members)` float64.

    Probabilities are calculated in float64, as they come close to 1, and so are scores that are `fine`.
    """
    if raw and (joined := write_joined(algebra, operator, members, fine=fine)):
        return cast(algebra.writer, algebra.add("Greater", [joined, algebra.number(0.0)]), np.float64), joined
    writer, labels, columns, rows = algebra.writer, [], [], None
    if (fine or not raw) and not any(answers_in_steps(member) for member in members):
        rows = double_rows(writer, operator)
    second = writer.constant(np.array([1]))
    for member in members:
        label, scores = write_member(writer, operator, member, raw=raw, inputs=rows)
        labels.append(writer.add("Unsqueeze", [label, second]))
        columns.append(widened(algebra, writer.add("Gather", [scores, second], axis=1), member))
    said = cast(writer, writer.add("Concat", labels, axis=1), np.float64)
    return said, writer.add("Concat", columns, axis=1)


def _is_logistic(member: Any) -> bool:
    """Whether the probability of "yes" is the sigmoid of the decision function."""
    final = last_step(member)
    log_loss = type(final).__name__ == "SGDClassifier" and final.loss == "log_loss"
    return log_loss or type(final).__name__ in LOGISTIC


def _has_threshold(estimator: Any) -> bool:
    """Whether scores are compared with a threshold, not with each other."""
    return bool(estimator.multilabel_) or len(estimator.estimators_) == 1


def _label(algebra: Algebra, estimator: Any, scores: str, output: str, threshold: float) -> None:
    writer = algebra.writer
    if not _has_threshold(estimator):
        best = algebra.add("ArgMax", [scores], axis=1, keepdims=0)
        writer.label(best, estimator.classes_, output)
        return
    said = cast(writer, algebra.add("Greater", [scores, algebra.number(threshold)]), np.int64)
    if estimator.multilabel_:
        writer.finish(said, output)
        return
    flat = writer.add("Reshape", [said, writer.constant(np.array([-1]))])
    writer.label(flat, estimator.classes_, output)


def _decisions(algebra: Algebra, scores: str, members: Any) -> str:
    """Of one member [−s, s], the form of two classes."""
    if len(members) > 1:
        return scores
    return algebra.add("Concat", [algebra.add("Neg", [scores]), scores], axis=1)


def _shares(algebra: Algebra, estimator: Any, scores: str) -> str:
    if len(estimator.estimators_) == 1:
        return algebra.add("Concat", [algebra.add("Sub", [algebra.number(1.0), scores]), scores], axis=1)
    if estimator.multilabel_:
        return scores
    total = algebra.add("ReduceSum", [scores, algebra.writer.constant(np.array([1]))], keepdims=1)
    nothing = algebra.add("Equal", [total, algebra.number([[0.0]])])
    divisor = algebra.add("Where", [nothing, algebra.number([[1.0]]), total])
    return algebra.add("Div", [scores, divisor])
