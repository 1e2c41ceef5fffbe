"""SimpleImputer of text → the column's own text in place of what is missing.

In: a `TextFilling`, which stands for a fitted imputer in a copy of the estimator; columns of text, and of
numbers beside them.
Out: the columns with nothing missing: text together, or each column in its own dtype.
Promise: lossless.  A graph of text has no missing values: rows bring `NAN_TEXT` or `NONE_TEXT` in their
place (flavor/quantized_onnx_v1/manifest.py).

    y = statistics[column] where x is one of `missing`, else x

What the imputer refuses is read from a table that has no place for it: onnxruntime refuses the row as out of
bounds.  (sklearn/impute/_base.py: SimpleImputer.transform, 1.9; sklearn/utils/_mask.py: NaN is not None,
pd.NA is either.)  skl2onnx 1.20 fills numbers only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from flavor.quantized_onnx_v1.manifest import NAN_TEXT, NONE_TEXT

from .output_types import is_text
from .writer import ML_DOMAIN, Array, Writer

ALIAS = "OptimizationTextFilling"


class TextFilling(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What fills each column, and for what; it is never fitted or called."""

    def __init__(
        self,
        statistics: Array = np.zeros(0, dtype=object),  # noqa: B008
        missing: tuple[str, ...] = (),
        refused: tuple[str, ...] = (),
    ) -> None:
        """Keep the texts, `(n_columns,)`, those that they replace, and those that are refused."""
        self.statistics = statistics
        self.missing = missing
        self.refused = refused
        self.n_features_in_ = len(statistics)


def text_filling(imputer: Any) -> TextFilling | None:
    """Return what a fitted imputer does to text; None where it is one of numbers, or marks what it filled."""
    statistics, missing = imputer.statistics_, imputer.missing_values
    if imputer.add_indicator or not any(isinstance(item, str) for item in statistics):
        return None
    if missing is pd.NA:
        return TextFilling(statistics, (NAN_TEXT, NONE_TEXT))
    return TextFilling(statistics, (as_text(missing),), (NAN_TEXT,) if missing is None else ())


def as_text(value: Any) -> str:
    """Return the text that stands for a missing value in a graph; of all else, its own."""
    if value is None:
        return NONE_TEXT
    return NAN_TEXT if isinstance(value, float) and np.isnan(value) else str(value)


def register() -> None:
    """Make skl2onnx know `TextFilling`, and keep its columns apart."""
    from skl2onnx import _parse, update_registered_converter

    update_registered_converter(TextFilling, ALIAS, declare, convert, overwrite=True, parser=_parse_columns)
    if TextFilling not in _parse.do_not_merge_columns:
        _parse.do_not_merge_columns = (*_parse.do_not_merge_columns, TextFilling)


def declare(operator: Any) -> None:
    """Declare columns of text; numbers among them stay what they are."""
    for output, inputs in zip(operator.outputs, _parts(operator.inputs), strict=True):
        output.type = _type(inputs)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    filling, writer, first = operator.raw_operator, Writer(scope, container), 0
    for output, inputs in zip(operator.outputs, _parts(operator.inputs), strict=True):
        names, width = [item.full_name for item in inputs], _width(inputs)
        rows = names[0] if len(names) == 1 else writer.add("Concat", names, axis=1)
        fills = np.asarray(filling.statistics[first : first + width], dtype=object)[None, :]
        first += width
        write = _fill_text if is_text(inputs[0]) else _fill_numbers
        writer.finish(write(writer, rows, fills, filling, inputs[0].type), output.full_name)


def _parse_columns(scope: Any, step: TextFilling, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare one output for all columns if they are text, else one for each input."""
    operator = scope.declare_local_operator(ALIAS, step)
    operator.inputs = inputs
    for part in _parts(inputs):
        operator.outputs.append(scope.declare_local_variable("filled", _type(part)))
    return operator.outputs


def _parts(inputs: Any) -> list[list[Any]]:
    """Which inputs become one output."""
    return [list(inputs)] if all(is_text(item) for item in inputs) else [[item] for item in inputs]


def _width(inputs: list[Any]) -> int:
    return sum(item.type.shape[1] for item in inputs)


def _type(inputs: list[Any]) -> Any:
    return type(inputs[0].type)([None, _width(inputs)])


def _fill_text(writer: Writer, rows: str, fills: Array, filling: TextFilling, _: Any) -> str:
    """Compare in LabelEncoder: onnxruntime's Equal takes text from opset 19 on."""
    marks = writer.add(
        "LabelEncoder",
        [rows],
        domain=ML_DOMAIN,
        keys_strings=[*filling.missing, *filling.refused],
        values_int64s=[1] * len(filling.missing) + [2] * len(filling.refused),
        default_int64=0,
    )
    missing = writer.add("Gather", [writer.constant(np.array([False, True])), marks])
    return writer.add("Where", [missing, writer.constant(fills), rows])


def _fill_numbers(writer: Writer, rows: str, fills: Array, filling: TextFilling, kind: Any) -> str:
    """Fill NaN; integers hold none."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    if NAN_TEXT not in filling.missing or not isinstance(kind, (DoubleTensorType, FloatTensorType)):
        return rows
    dtype = np.float64 if isinstance(kind, DoubleTensorType) else np.float32
    return writer.add("Where", [writer.add("IsNaN", [rows]), writer.constant(fills.astype(dtype)), rows])
