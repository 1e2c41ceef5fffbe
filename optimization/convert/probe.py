"""What the estimator itself answers and accepts, found by asking it.

In: a fitted estimator, its methods and a few rows that it accepts.
Out: dtype and shape of each method's answer; the columns that may hold NaN; whether ±inf is accepted.
Promise: nothing is read off documentation or tags; what is not accepted there is refused here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.manifest import FLOATS
from optimization.answers import answers_of
from optimization.convert.inputs import InputPlan

NEGATIVE = -1e6
PROBE_ROWS = 16
"""Rows used for probing: enough for shapes, few enough for slow estimators."""


@dataclass(frozen=True)
class Answer:
    """Form of one method's answer: dtype by the rows' dtype, and shape less the row axis."""

    dtype: Mapping[str, str]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Tolerates:
    """Values beyond the finite ones that the estimator accepts."""

    nan_columns: tuple[str, ...]
    infinity: bool


def probe_answer(estimator: Any, method: str, features: Any) -> Answer:
    """Return the form of `estimator.method(features)` for float64 and float32 rows."""
    rows = features[:PROBE_ROWS]
    answer = answers_of(estimator, method, rows)
    kinds = dict.fromkeys(FLOATS, str(answer.dtype))
    for kind in FLOATS:
        if not _floats(rows) <= {kind}:
            with contextlib.suppress(ValueError):  # KMeans fitted on one dtype refuses rows of the other
                kinds[kind] = str(answers_of(estimator, method, as_float(rows, kind)).dtype)
    return Answer(kinds, answer.shape[1:])


def probe_tolerance(estimator: Any, method: str, features: Any, plan: InputPlan) -> Tolerates:
    """Return which columns of floats and of text may hold NaN, and whether the floats may hold ±inf."""
    rows, kinds = features[:PROBE_ROWS], _kinds(plan)
    floats = [i for i, kind in enumerate(kinds) if kind in FLOATS]
    texts = [i for i, kind in enumerate(kinds) if kind == "str"]
    nan = [i for i in texts if _accepts(estimator, method, rows, [i], missing_value(features, i))]
    if not floats or _accepts(estimator, method, rows, floats, np.nan):
        nan += floats
    else:
        nan += [i for i in floats if _accepts(estimator, method, rows, [i], np.nan)]
    infinity = bool(floats) and all(
        _accepts(estimator, method, rows, floats, sign * np.inf) for sign in (1, -1)
    )
    return Tolerates(tuple(plan.columns[i] for i in sorted(nan)), infinity)


def probe_guards(estimator: Any, features: Any) -> tuple[str, ...]:
    """Return what a logarithm must not make for the model behind it: "IsNaN", "IsInf", both or neither.

    A number below zero, of which it makes NaN, and one of which it makes −∞, are tried.
    """
    rows = features[:PROBE_ROWS]
    kinds = pd.DataFrame(rows).dtypes
    is_number, is_bool = pd.api.types.is_numeric_dtype, pd.api.types.is_bool_dtype
    numbers = [i for i, kind in enumerate(kinds) if is_number(kind) and not is_bool(kind)]
    method = next((name for name in ("predict", "transform") if hasattr(estimator, name)), "")
    if not numbers or not method:
        return ()
    taken = {value: _accepts(estimator, method, rows, numbers, value) for value in (NEGATIVE, -1.0, 0.0)}
    infinite = () if taken[-1.0] and taken[0.0] else ("IsInf",)
    return infinite if taken[NEGATIVE] else ("IsNaN", "IsInf")


def as_float(rows: Any, dtype: Any) -> Any:
    """Return `rows` with float columns in `dtype`."""
    if isinstance(rows, pd.DataFrame):
        floats = rows.select_dtypes("floating").columns
        return rows.astype(dict.fromkeys(floats, dtype))
    return rows.astype(dtype) if rows.dtype.kind == "f" else rows


def _floats(rows: Any) -> set[str]:
    """The dtypes of the columns that hold floats."""
    kinds = rows.dtypes if isinstance(rows, pd.DataFrame) else [rows.dtype]
    return {str(kind) for kind in kinds if pd.api.types.is_float_dtype(kind)}


def missing_value(rows: Any, column: int) -> float | None:
    """Return what is missing in a column of text: None where it holds that and no NaN, else NaN."""
    values = (rows.iloc[:, column] if isinstance(rows, pd.DataFrame) else rows[:, column]).tolist()
    has_none, has_nan = None in values, any(isinstance(value, float) for value in values)
    return None if has_none and not has_nan else np.nan


def with_value(rows: Any, columns: list[int], value: float | None) -> Any:
    """Return a copy of `rows` with `value` in the columns at `columns`: one per row, taking turns.

    Columns of numbers become float64; text stays text.
    """
    if isinstance(rows, pd.DataFrame):
        changed = rows.copy()
        for column in columns:
            if pd.api.types.is_numeric_dtype(rows.dtypes.iloc[column]):
                changed.isetitem(column, changed.iloc[:, column].astype(np.float64))
            elif value is None:
                changed.isetitem(column, changed.iloc[:, column].astype(object))
        for i, column in enumerate(columns):
            changed.iloc[i :: len(columns), column] = value
        return changed
    changed = np.array(rows, dtype=np.float64 if rows.dtype.kind in "fiub" else object)
    for i, column in enumerate(columns):
        changed[i :: len(columns), column] = value
    return changed


def _kinds(plan: InputPlan) -> list[str]:
    return [item.dtype for item in plan.inputs for _ in item.columns]


def _accepts(estimator: Any, method: str, rows: Any, columns: list[int], value: float | None) -> bool:
    """Whether the estimator answers with finite columns replaced; each column is tried at least once."""
    turns = -(-len(columns) // max(1, len(rows)))
    try:
        for turn in range(turns):
            part = columns[turn * len(rows) : (turn + 1) * len(rows)]
            answers_of(estimator, method, with_value(rows, part, value))
    except (ValueError, TypeError, AttributeError, OverflowError, FloatingPointError):
        return False
    return True
