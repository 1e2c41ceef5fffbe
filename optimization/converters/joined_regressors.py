"""VotingRegressor, StackingRegressor, BaggingRegressor and those of several targets → their members, joined.

In: a fitted ensemble of regressors.
Out: values `(n_rows, n_targets)`.
Promise: exact where the members are: they are joined in float64.

    voting       Σ weight · value ÷ Σ weight                                    (ensemble/_voting.py, 1.9)
    bagging      Σ value ÷ n; each member may read a part of the columns         (ensemble/_bagging.py)
    stacking     the final estimator on the values, and (passthrough) the rows   (ensemble/_stacking.py)
    multioutput  the values side by side                                         (multioutput.py)
    chain        each member reads the rows and the values before it; the values in the targets' order

skl2onnx 1.20 gives scaled trees among the members float32 rows, knows no chain, and a Bagging of members that
calculate in another type than they read makes an invalid graph. In front of a final
estimator that compares, and in a chain, members that are no trees are calculated in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .members import answers_in_steps, double_rows, part_of_columns, write_regressor
from .writer import Writer

Write = Callable[[Algebra, Any], str]
SEVERAL = ("MultiOutputRegressor", "RegressorChain")
"""Ensembles with a target for each member."""


def register() -> None:
    """Replace skl2onnx's converters, and make it know chains."""
    import sklearn.ensemble
    import sklearn.multioutput
    from skl2onnx import update_registered_converter

    for name, write in WRITERS.items():
        kind = getattr(sklearn.ensemble, name, None) or getattr(sklearn.multioutput, name)
        update_registered_converter(kind, f"Sklearn{name}", declare, _converter(write), overwrite=True)


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    several = type(operator.raw_operator).__name__ in SEVERAL
    n_targets = len(operator.raw_operator.estimators_) if several else 1
    operator.outputs[0].set_type(FloatTensorType([None, n_targets]))


def _converter(write: Write) -> Any:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        writer = Writer(scope, container)
        values = write(Algebra(writer, DOUBLE), operator)
        writer.finish(cast(writer, values, np.float32), operator.outputs[0].full_name)

    return convert


def _voting(algebra: Algebra, operator: Any) -> str:
    ensemble = operator.raw_operator
    given = ensemble._weights_not_none
    weights = np.ones(len(ensemble.estimators_)) if given is None else np.asarray(given, dtype=np.float64)
    values = values_side_by_side(algebra, operator, ensemble.estimators_)
    return algebra.gemm(values, (weights / weights.sum())[:, None])


def _stacking(algebra: Algebra, operator: Any) -> str:
    stack, writer = operator.raw_operator, algebra.writer
    fine = answers_in_steps(stack.final_estimator_)
    columns = [values_side_by_side(algebra, operator, stack.estimators_, fine=fine)]
    if stack.passthrough:
        columns += [cast(writer, rows.full_name, np.float64) for rows in operator.inputs]
    meta = double_variable(algebra, columns, stack.final_estimator_.n_features_in_)
    return cast(writer, write_regressor(writer, operator, stack.final_estimator_, inputs=[meta]), np.float64)


def _bagging(algebra: Algebra, operator: Any) -> str:
    ensemble, writer = operator.raw_operator, algebra.writer
    values = []
    for member, columns in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True):
        inputs = part_of_columns(writer, operator, columns)
        values.append(cast(writer, write_regressor(writer, operator, member, inputs=inputs), np.float64))
    return algebra.add("Div", [algebra.add("Sum", values), algebra.number(float(len(values)))])


def _side_by_side(algebra: Algebra, operator: Any) -> str:
    return values_side_by_side(algebra, operator, operator.raw_operator.estimators_)


def _chain(algebra: Algebra, operator: Any) -> str:
    chain, writer = operator.raw_operator, algebra.writer
    rows = [cast(writer, item.full_name, np.float64) for item in operator.inputs]
    values: list[str] = []
    for member in chain.estimators_:
        known = double_variable(algebra, [*rows, *values], chain.n_features_in_ + len(values))
        values.append(_column(algebra, write_regressor(writer, operator, member, inputs=[known])))
    joined = writer.add("Concat", values, axis=1)
    order = np.argsort(np.asarray(chain.order_))
    return writer.add("Gather", [joined, writer.constant(order.astype(np.int64))], axis=1)


def values_side_by_side(algebra: Algebra, operator: Any, members: Any, *, fine: bool = False) -> str:
    """Write the members' values, `(n_rows, n_members)` float64."""
    writer, columns = algebra.writer, []
    wide = double_rows(writer, operator) if fine else None
    for member in members:
        inputs = None if answers_in_steps(member) else wide
        columns.append(_column(algebra, write_regressor(writer, operator, member, inputs=inputs)))
    return writer.add("Concat", columns, axis=1)


def _column(algebra: Algebra, values: str) -> str:
    """`(n_rows, 1)` float64."""
    writer = algebra.writer
    column = writer.add("Reshape", [values, writer.constant(np.array([-1, 1]))])
    return cast(writer, column, np.float64)


def double_variable(algebra: Algebra, columns: list[str], width: int) -> Any:
    """Put columns side by side, as rows that a member can be given."""
    from skl2onnx.common.data_types import DoubleTensorType

    writer = algebra.writer
    variable = writer.scope.declare_local_variable("joined", DoubleTensorType([None, width]))
    writer.add("Concat", columns, output=variable.full_name, axis=1)
    return variable


WRITERS: Mapping[str, Write] = {
    "VotingRegressor": _voting,
    "StackingRegressor": _stacking,
    "MultiOutputRegressor": _side_by_side,
    "RegressorChain": _chain,
}
"""scikit-learn's class → what writes its values in float64."""

convert_bagging = _converter(_bagging)
"""Of anything but trees, which averages.py writes as one ensemble."""
