"""How rows enter the graph.

In: rows as the estimator takes them, and the estimator.
Out: an `InputPlan`: names, dtypes and columns of the graph's inputs.
Promise: one matrix wherever all columns can share a dtype without changing an answer; otherwise one
typed input per column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.manifest import Input
from optimization.convert.doubles import double_columns, single_columns
from optimization.convert.structure import walk
from optimization.errors import ConversionError

MATRIX = "X"
"""Name of the one input that holds all columns."""
RESERVED = (
    "label",
    "output_label",
    "output_probability",
    "probabilities",
    "scores",
    "decision_function",
    "score_samples",
    "transformed",
    "transformed_column",
    "variable",
)
"""Names of outputs, skl2onnx's and ours: skl2onnx renames an input of such a name without a word."""
ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder", "LabelBinarizer", "LabelEncoder")
"""Steps that compare integers exactly, so that integer columns must stay int64."""


@dataclass(frozen=True)
class InputPlan:
    """The graph's inputs, their order being the order of the estimator's columns."""

    inputs: tuple[Input, ...]
    named: bool
    """Whether the estimator was fitted with column names."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the estimator's order."""
        return tuple(column for item in self.inputs for column in item.columns)


def plan_inputs(estimator: Any, features: Any, *, wide: bool = False) -> InputPlan:
    """Return the plan for rows shaped and typed like `features`, `(n_rows, n_columns)`.

    Args:
        estimator: mended and widened.
        features: the rows.
        wide: whether every column of numbers that no step compares as integers enters as float64.

    Raises:
        ConversionError: a column's dtype has no ONNX counterpart; the message names the column.
    """
    if getattr(features, "ndim", 0) != 2:
        raise ConversionError(
            "expected rows of two dimensions, (n_rows, n_columns), found"
            f" {getattr(features, 'ndim', 'no')} dimension(s); put each value into a row of its own"
        )
    if isinstance(features, pd.DataFrame):
        columns = tuple(str(name) for name in features.columns)
        kinds = tuple(_kind(features.dtypes.iloc[i], name) for i, name in enumerate(columns))
    else:
        columns = tuple(str(i) for i in range(features.shape[1]))
        kinds = (_kind(features.dtype, "all"),) * features.shape[1]
    kinds = _double(_share(kinds, estimator), estimator, features, wide)
    named = isinstance(features, pd.DataFrame) and hasattr(estimator, "feature_names_in_")
    if len(set(kinds)) == 1:
        return InputPlan((Input(MATRIX, kinds[0], columns, _rounding(estimator)),), named)
    names = _identifiers(columns)
    inputs = tuple(Input(n, k, (c,)) for n, k, c in zip(names, kinds, columns, strict=True))
    return InputPlan(inputs, named)


def _rounding(estimator: Any) -> str:
    """HistGradientBoosting compares float64 rows; the other trees cast to float32 themselves.

    It matters for rows of another dtype than the model was converted for: a float32 graph given float64.
    """
    return "down" if type(estimator).__name__.startswith("HistGradientBoosting") else "nearest"


def onnx_types(plan: InputPlan) -> list[tuple[str, Any]]:
    """Return skl2onnx's `initial_types` of the plan."""
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
    )

    types = {
        "float32": FloatTensorType,
        "float64": DoubleTensorType,
        "int64": Int64TensorType,
        "str": StringTensorType,
    }
    return [(item.name, types[item.dtype]([None, len(item.columns)])) for item in plan.inputs]


def _kind(dtype: Any, column: str) -> str:
    """Return "float32", "int64" or "str" for a column's dtype."""
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if pd.api.types.is_float_dtype(dtype):
        return "float32"
    if pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return "int64"
    if pd.api.types.is_string_dtype(dtype) or dtype == np.dtype(object):
        return "str"
    raise ConversionError(
        f"column {column!r} has dtype {dtype}, which ONNX does not know;"
        " make it a number or text before training"
    )


def _double(kinds: tuple[str, ...], estimator: Any, features: Any, wide: bool) -> tuple[str, ...]:
    """Numbers that only float64 steps read enter in the dtype in which scikit-learn hands them on."""
    doubles = double_columns(estimator, len(kinds))
    if wide:
        doubles |= {i for i, kind in enumerate(kinds) if kind == "float32"}
    dtypes = {i: _dtype(features, i) for i, kind in enumerate(kinds) if kind != "str"}
    single = single_columns(estimator, len(kinds), dtypes)
    return tuple(
        own if i not in doubles or i not in dtypes else "float32" if i in single else "float64"
        for i, own in enumerate(kinds)
    )


def _dtype(features: Any, position: int) -> np.dtype[Any]:
    """The NumPy dtype of a column of numbers; float64 where only pandas has one (Int64, category)."""
    dtype = features.dtypes.iloc[position] if isinstance(features, pd.DataFrame) else features.dtype
    return dtype if isinstance(dtype, np.dtype) and dtype.kind in "fiub" else np.dtype(np.float64)


def _share(kinds: tuple[str, ...], estimator: Any) -> tuple[str, ...]:
    """Integer columns become float32 where no step compares integers (scikit-learn does the same)."""
    exact = any(type(part).__name__ in (*ENCODERS, "ColumnTransformer") for _, part in walk(estimator))
    if exact and len(set(kinds)) > 1:
        return kinds
    if exact and any(type(part).__name__ in ENCODERS for _, part in walk(estimator)):
        return kinds
    return tuple("float32" if kind == "int64" else kind for kind in kinds)


def _identifiers(columns: tuple[str, ...]) -> list[str]:
    """Return unique ONNX names for `columns`: the column's own where it is an identifier.

    skl2onnx renames others silently (sklearn-onnx issue 1155), so we do it openly.
    """
    names: list[str] = []
    for column in columns:
        name = re.sub(r"\W", "_", column, flags=re.ASCII)
        name = name if name and not name[0].isdigit() else f"c_{name}"
        while name in names or name in RESERVED:
            name += "_"
        names.append(name)
    return names
