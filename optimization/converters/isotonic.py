"""IsotonicRegression → a table of thresholds, and the line from the last one reached.

In: fitted IsotonicRegressions, as models or as calibrators.
Out: their values, float64.
Promise: exact.

    y[k] + slope[k] (t − x[k]),  k = the last threshold x[k] ≤ t, t clipped to the thresholds
    out_of_bounds="nan"          NaN beyond the first and the last threshold        (sklearn/isotonic.py, 1.9)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .writer import Array, Writer


def register() -> None:
    """Make skl2onnx know the regressor."""
    from skl2onnx import update_registered_converter
    from sklearn.isotonic import IsotonicRegression

    update_registered_converter(
        IsotonicRegression, "OptimizationIsotonicRegression", declare, convert, overwrite=True
    )


def declare(operator: Any) -> None:
    """Declare `(n_rows, 1)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].set_type(FloatTensorType([None, 1]))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a model of one column."""
    model, writer = operator.raw_operator, Writer(scope, container)
    algebra = Algebra(writer, DOUBLE)
    rows = cast(writer, operator.inputs[0].full_name, np.float64)
    values = write_isotonic(algebra, rows, [model])
    if model.out_of_bounds == "nan":
        ends = table_of(model)[0][[0, -1]]
        below = algebra.add("Less", [rows, algebra.number(ends[0])])
        above = algebra.add("Greater", [rows, algebra.number(ends[1])])
        values = algebra.add("Where", [algebra.add("Or", [below, above]), algebra.number(np.nan), values])
    writer.finish(cast(writer, values, np.float32), operator.outputs[0].full_name)


def write_isotonic(algebra: Algebra, scores: str, calibrators: Any) -> str:
    """Write the values of `(n_rows, n_curves)` float64 arguments, each on its own curve.

    All tables stand in one row, each curve's beginning at its first.

    Args:
        algebra: of float64.
        scores: the arguments.
        calibrators: fitted IsotonicRegressions, one for each column.
    """
    tables = [table_of(calibrator) for calibrator in calibrators]
    length = max(len(x) for x, _, _ in tables)
    x, y, slope = (np.concatenate([table[i] for table in tables]) for i in range(3))
    edges = np.full((len(tables), length), np.inf)
    for row, table in zip(edges, tables, strict=True):
        row[: len(table[0])] = table[0]
    ends = [[table[0][i] for table in tables] for i in (0, -1)]
    clipped = algebra.add(
        "Min", [algebra.add("Max", [scores, algebra.number(ends[0])]), algebra.number(ends[1])]
    )
    last = algebra.writer.constant(np.array([2]))
    reached = algebra.add(
        "GreaterOrEqual", [algebra.add("Unsqueeze", [clipped, last]), algebra.number(edges[None])]
    )
    count = algebra.add("ReduceSum", [cast(algebra.writer, reached, np.int64), last], keepdims=0)
    first = np.concatenate([[0], np.cumsum([len(table[0]) for table in tables])[:-1]])
    index = algebra.add("Add", [count, algebra.writer.constant(first - 1)])
    x_at, y_at, slope_at = (algebra.add("Gather", [algebra.number(value), index]) for value in (x, y, slope))
    away = algebra.add("Sub", [clipped, x_at])
    return algebra.add("Add", [algebra.add("Mul", [slope_at, away]), y_at])


def table_of(calibrator: Any) -> tuple[Array, Array, Array]:
    """Return thresholds, values, and the slope after each threshold (0 after the last)."""
    x, y = (np.asarray(getattr(calibrator, f"{name}_thresholds_"), dtype=np.float64) for name in "Xy")
    return x, y, np.append(np.diff(y) / np.diff(x), 0.0)
