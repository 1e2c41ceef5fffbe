"""BaggingClassifier of anything but trees → the members' answers, summed in float64.

In: a fitted classifier whose members know all classes and may read a part of the columns each.
Out: label, and probabilities or (option raw_scores) the mean decision function.
Promise: exact, ties included, where the members' answers are.

    members with probabilities    probabilities = Σ probabilities ÷ n          (ensemble/_bagging.py, 1.9)
    members without               probabilities = votes ÷ n
    raw scores                    Σ decision_function ÷ n
    label = the first largest

Members answer with positions among the classes: the labels were encoded before they were fitted.
skl2onnx 1.20 sums in float32, which misses ties, and mixes rows up where members vote.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .members import part_of_columns, widened, write_member
from .writer import Writer


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator, writer = operator.raw_operator, Writer(scope, container)
    algebra, n_classes = Algebra(writer, DOUBLE), len(estimator.classes_)
    if any(len(member.classes_) != n_classes for member in estimator.estimators_):
        raise NotImplementedError("a member of BaggingClassifier has not seen all classes")
    label, answer = (output.full_name for output in operator.outputs)
    raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    answers = [
        write_member(writer, operator, member, raw=raw, inputs=part_of_columns(writer, operator, columns))
        for member, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    ]
    votes = not raw and not all(hasattr(member, "predict_proba") for member in estimator.estimators_)
    parts = [
        _vote(writer, name, n_classes) if votes else widened(algebra, score, None if raw else member)
        for (name, score), member in zip(answers, estimator.estimators_, strict=True)
    ]
    total = algebra.add("Sum", parts) if len(parts) > 1 else parts[0]
    shares = algebra.add("Div", [total, algebra.number(float(len(parts)))])
    writer.label(algebra.add("ArgMax", [shares], axis=1, keepdims=0), estimator.classes_, label)
    writer.finish(cast(writer, shares, np.float32), answer)


def _vote(writer: Writer, label: str, n_classes: int) -> str:
    column = writer.add("Unsqueeze", [label, writer.constant(np.array([1]))])
    return cast(writer, writer.add("Equal", [column, writer.constant(np.arange(n_classes))]), np.float64)
