"""MultiOutputClassifier and ClassifierChain → a column of labels for each target; the columns of others.

In: a fitted classifier of members that are classifiers of one target each.
Out: labels `(n_rows, n_targets)`; of a chain, which has two classes for each, probabilities or (option
raw_scores) decision functions `(n_rows, n_targets)` too.
Promise: exact where the members are.

    MultiOutputClassifier   each member reads the rows
    ClassifierChain         member i reads the rows, and what those before it answered by chain_method
                            (sklearn/multioutput.py: _BaseChain._get_predictions, 1.9); rows are float64

Trees, forests and neighbours of several targets write their own votes (forest.py, neighbours.py). All but the
chain answer predict_proba with a list of arrays, which no output of a graph is: these scores stay unread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import DOUBLE, Algebra, cast
from .joined_regressors import double_variable
from .members import twin, write_member
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Writer

METHODS = ("predict", "predict_proba", "decision_function")
"""What a chain may hand on."""


def register() -> None:
    """Replace skl2onnx's converter of the first, and make it know the second."""
    from skl2onnx import update_registered_converter
    from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

    for kind, convert in ((MultiOutputClassifier, convert_side_by_side), (ClassifierChain, convert_chain)):
        update_registered_converter(
            kind,
            f"Optimization{kind.__name__}",
            classifier_types,
            convert,
            overwrite=True,
            options=CLASSIFIER_OPTIONS,
        )


def is_supported(estimator: Any) -> bool:
    """Whether all targets have labels of one kind; of a chain, numbers that it can hand on."""
    texts = {np.asarray(classes).dtype.kind in "OUS" for classes in estimator.classes_}
    if type(estimator).__name__ != "ClassifierChain":
        return len(texts) == 1
    return texts == {False} and getattr(estimator, "chain_method_", "predict") in METHODS


def has_several_targets(estimator: Any) -> bool:
    """Whether a classifier has classes for each of several targets."""
    return isinstance(getattr(estimator, "classes_", None), list)


def write_votes(writer: Writer, operator: Any, votes: list[str]) -> None:
    """Write a label for each target: the first class with the most votes, `(n_rows, n_classes)` each."""
    labels = []
    for own, classes in zip(votes, operator.raw_operator.classes_, strict=True):
        label = writer.name("label")
        writer.label(writer.add("ArgMax", [own], axis=1, keepdims=0), np.asarray(classes), label)
        labels.append(_column(writer, label))
    _finish(writer, operator, labels, votes)


def convert_side_by_side(scope: Any, operator: Any, container: Any) -> None:
    """Write the members one after the other."""
    writer, labels, scores = Writer(scope, container), [], []
    for member in operator.raw_operator.estimators_:
        label, score = write_member(writer, operator, member, raw=not hasattr(member, "predict_proba"))
        labels.append(_column(writer, label))
        scores.append(cast(writer, score, np.float32))
    _finish(writer, operator, labels, scores)


def convert_chain(scope: Any, operator: Any, container: Any) -> None:
    """Write the members, each with the answers of those before it."""
    chain, writer = operator.raw_operator, Writer(scope, container)
    algebra, order = Algebra(writer, DOUBLE), np.argsort(np.asarray(chain.order_))
    raw = container.get_options(chain, {"raw_scores": False})["raw_scores"]
    raw = raw or not hasattr(chain, "predict_proba")
    method = getattr(chain, "chain_method_", "predict")
    rows = [cast(writer, item.full_name, np.float64) for item in operator.inputs]
    labels, scores, handed = [], [], list[str]()
    for member in chain.estimators_:
        known = double_variable(algebra, [*rows, *handed], chain.n_features_in_ + len(handed))
        label, score = write_member(writer, operator, member, raw=raw, inputs=[known])
        labels.append(_column(writer, label))
        scores.append(_second(writer, score))
        if method == "predict":
            handed.append(cast(writer, labels[-1], np.float64))
        elif raw == (method == "decision_function"):
            handed.append(cast(writer, scores[-1], np.float64))
        else:
            _, other = write_member(writer, operator, twin(member), raw=not raw, inputs=[known])
            handed.append(cast(writer, _second(writer, other), np.float64))
    _finish(writer, operator, *([column[i] for i in order] for column in (labels, scores)))


def _finish(writer: Writer, operator: Any, labels: list[str], scores: list[str]) -> None:
    label, score = (output.full_name for output in operator.outputs)
    writer.add("Concat", labels, output=label, axis=1)
    writer.add("Cast", [writer.add("Concat", scores, axis=1)], output=score, to=TensorProto.FLOAT)


def _column(writer: Writer, label: str) -> str:
    return writer.add("Reshape", [label, writer.constant(np.array([-1, 1]))])


def _second(writer: Writer, scores: str) -> str:
    """`(n_rows, 1)`: the score of the second class; of the only one, where scikit-learn has no answer."""
    return writer.add("Gather", [scores, writer.constant(np.array([-1]))], axis=1)
