"""What gradient boosting starts from: `init_`, an estimator of its own → raw scores in float64.

In: an operator of GradientBoostingClassifier or -Regressor with another estimator as `init`.
Out: `(n_rows, n_trees_per_iteration_)` raw scores.
Promise: exact where the estimator's answers are; like the trees, it reads rows rounded to float32.

    regressor     raw = value                                    the link of all losses is the identity
    two classes   raw = log(p ÷ (1 − p)) of the second class     half of it with the exponential loss
    more          raw = log p − mean over the classes of log p

with p between ε and 1 − ε of float64 (sklearn/ensemble/_gb.py: _init_raw_predictions, 1.9;
sklearn/_loss/link.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import DOUBLE, Algebra, cast
from .members import answers_in_steps, double_rows, widened, write_member, write_regressor
from .writer import Writer

CONSTANT = ("DummyClassifier", "DummyRegressor")
"""Estimators that answer every row alike, the prior among them."""


def initial_of(estimator: Any) -> Any | None:
    """Return the estimator that boosting starts from; None where it starts from constants."""
    init = getattr(estimator, "init_", None)
    return None if isinstance(init, str) or type(init).__name__ in CONSTANT else init


def write_initial(writer: Writer, operator: Any) -> str:
    """Write the nodes of `initial_of(operator.raw_operator)`."""
    algebra, boosting = Algebra(writer, DOUBLE), operator.raw_operator
    init, rows = boosting.init_, _rows(writer, operator)
    if not hasattr(boosting, "classes_"):
        values = cast(writer, write_regressor(writer, operator, init, inputs=rows), np.float64)
        return writer.add("Reshape", [values, writer.constant(np.array([-1, 1]))])
    _, scores = write_member(writer, operator, init, inputs=rows)
    shares = widened(algebra, scores, init)
    least = np.finfo(np.float64).eps
    inside = [shares, algebra.number(least), algebra.number(1 - least)]
    if boosting.n_trees_per_iteration_ > 1:
        logarithms = algebra.add("Log", [algebra.add("Clip", inside)])
        mean = algebra.add("ReduceMean", [logarithms, writer.constant(np.array([1]))])
        return algebra.add("Sub", [logarithms, mean])
    inside[0] = algebra.add("Gather", [shares, writer.constant(np.array([1]))], axis=1)
    second = algebra.add("Clip", inside)
    first = algebra.add("Sub", [algebra.number(1.0), second])
    logit = algebra.add("Log", [algebra.add("Div", [second, first])])
    return algebra.scaled(logit, 0.5 if boosting.loss == "exponential" else 1.0)


def _rows(writer: Writer, operator: Any) -> list[Any] | None:
    """What is left of the rows in float32, for all but trees as float64; None: the rows as they are."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    rows, steps = operator.inputs[0], answers_in_steps(operator.raw_operator.init_)
    if isinstance(rows.type, FloatTensorType):
        return None if steps else double_rows(writer, operator)
    kind, number = (FloatTensorType, TensorProto.FLOAT) if steps else (DoubleTensorType, TensorProto.DOUBLE)
    rounded = writer.scope.declare_local_variable("rounded_rows", kind(rows.type.shape))
    writer.add("Cast", [cast(writer, rows.full_name, np.float32)], output=rounded.full_name, to=number)
    return [rounded]
