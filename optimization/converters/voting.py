"""VotingClassifier → the members' probabilities or labels, weighed and summed in float64.

In: a fitted classifier, voting soft or hard, with or without weights.
Out: label, and probabilities (hard voting has none: the shares of the votes stand in their place).
Promise: exact, ties included, where the members' answers are.

    soft   probabilities = Σ weight · probabilities ÷ Σ weight          (ensemble/_voting.py, 1.9)
    hard   votes[c] = Σ weights of the members that answer c
    label = the first largest

Members answer with positions among the classes: the labels were encoded before they were fitted.
A probability of 1 − 10⁻¹² against another member's whole vote decides in scikit-learn, and is 1 in
float32: linear models, naive Bayes and networks, whose probabilities come that close to 1, are written
in float64 here.  skl2onnx 1.20 sums in float32, and reads hard votes off probabilities, which SVC does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .members import double_rows, last_step, widened, write_member
from .output_types import PROBABILITY_OPTIONS, classifier_types
from .writer import Writer

SATURATING = (
    "GaussianNB",
    "BernoulliNB",
    "MultinomialNB",
    "ComplementNB",
    "LogisticRegression",
    "LogisticRegressionCV",
    "LinearDiscriminantAnalysis",
    "QuadraticDiscriminantAnalysis",
    "MLPClassifier",
)
"""Classifiers whose probabilities come close to 1 and are cheap in float64."""


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import VotingClassifier

    update_registered_converter(
        VotingClassifier,
        "SklearnVotingClassifier",
        classifier_types,
        convert,
        overwrite=True,
        options=PROBABILITY_OPTIONS,
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator, writer = operator.raw_operator, Writer(scope, container)
    members, algebra = estimator.estimators_, Algebra(writer, DOUBLE)
    given = estimator._weights_not_none
    weights = np.ones(len(members)) if given is None else np.asarray(given, dtype=np.float64)
    write = _soft if estimator.voting == "soft" else _hard
    parts = write(algebra, operator, members)
    weighed = [algebra.scaled(part, weight) for part, weight in zip(parts, weights, strict=True)]
    total = algebra.add("Sum", weighed) if len(weighed) > 1 else weighed[0]
    shares = algebra.add("Div", [total, algebra.number(weights.sum())])
    label, probabilities = (output.full_name for output in operator.outputs)
    best = shares if estimator.voting == "soft" else total
    writer.label(algebra.add("ArgMax", [best], axis=1, keepdims=0), estimator.classes_, label)
    writer.finish(cast(writer, shares, np.float32), probabilities)


def _soft(algebra: Algebra, operator: Any, members: Any) -> list[str]:
    """Write the members' probabilities, `(n_rows, n_classes)` float64 each."""
    writer = algebra.writer
    fine = [type(last_step(member)).__name__ in SATURATING and len(members) > 1 for member in members]
    rows = double_rows(writer, operator) if any(fine) else None
    names = []
    for member, is_fine in zip(members, fine, strict=True):
        _, scores = write_member(writer, operator, member, inputs=rows if is_fine else None)
        names.append(widened(algebra, scores, member))
    return names


def _hard(algebra: Algebra, operator: Any, members: Any) -> list[str]:
    """Write a 1 for the class that each member answers, `(n_rows, n_classes)` float64 each."""
    writer, classes = algebra.writer, np.arange(len(operator.raw_operator.classes_))
    axis, names = writer.constant(np.array([1])), []
    for member in members:
        label, _ = write_member(writer, operator, member)
        column = writer.add("Unsqueeze", [label, axis])
        names.append(cast(writer, writer.add("Equal", [column, writer.constant(classes)]), np.float64))
    return names
