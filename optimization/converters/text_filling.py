"""SimpleImputer of text → the column's own text in place of what is missing.

In: a `TextFilling`, which stands for a fitted imputer in a copy of the estimator.
Out: the columns with nothing missing, text.
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
    if imputer.add_indicator or not all(isinstance(item, str) for item in statistics):
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
    """Make skl2onnx know `TextFilling`."""
    from skl2onnx import update_registered_converter

    update_registered_converter(TextFilling, ALIAS, declare, convert, overwrite=True)


def declare(operator: Any) -> None:
    """Declare columns of text."""
    from skl2onnx.common.data_types import StringTensorType

    operator.outputs[0].type = StringTensorType([None, operator.raw_operator.n_features_in_])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes; onnxruntime compares text in LabelEncoder, and from opset 19 on in Equal."""
    filling, writer = operator.raw_operator, Writer(scope, container)
    names = [item.full_name for item in operator.inputs]
    texts = names[0] if len(names) == 1 else writer.add("Concat", names, axis=1)
    marks = writer.add(
        "LabelEncoder",
        [texts],
        domain=ML_DOMAIN,
        keys_strings=[*filling.missing, *filling.refused],
        values_int64s=[1] * len(filling.missing) + [2] * len(filling.refused),
        default_int64=0,
    )
    missing = writer.add("Gather", [writer.constant(np.array([False, True])), marks])
    fills = writer.constant(np.asarray(filling.statistics, dtype=object)[None, :])
    writer.add("Where", [missing, fills, texts], output=operator.outputs[0].full_name)
