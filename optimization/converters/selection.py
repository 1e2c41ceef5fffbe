"""Selectors of columns → the columns they chose.

In: a `Selection`, which stands for one of them in a copy of the estimator.
Out: Gather.
Promise: lossless; what a column holds, and its dtype, stay.

skl2onnx 1.20 takes RFE for the model that it asked, does not know SequentialFeatureSelector, and cannot write
the others for a single column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .writer import Array, Writer

ALIAS = "OptimizationSelection"
ASKING = ("RFE", "RFECV")
"""Selectors that keep the model they asked, as `estimator_`, and predict with it."""
NAMES = (
    *ASKING,
    "SequentialFeatureSelector",
    "SelectFromModel",
    "VarianceThreshold",
    "SelectKBest",
    "SelectPercentile",
    "SelectFpr",
    "SelectFdr",
    "SelectFwe",
    "GenericUnivariateSelect",
)


class Selection(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns by position; it is never fitted or called."""

    def __init__(self, columns: Array = np.zeros(0, dtype=np.int64)) -> None:  # noqa: B008
        """Keep the positions, `(n_chosen,)` int64."""
        self.columns = columns


def selection_of(selector: Any) -> Selection:
    """Return what a fitted selector of scikit-learn does to rows."""
    return Selection(selector.get_support(indices=True).astype(np.int64))


def register() -> None:
    """Make skl2onnx know `Selection`."""
    from skl2onnx import update_registered_converter

    update_registered_converter(Selection, ALIAS, calculate_shapes, convert, overwrite=True)


def calculate_shapes(operator: Any) -> None:
    """Declare the chosen columns in the dtype of the rows."""
    rows = operator.inputs[0].type
    operator.outputs[0].type = type(rows)([None, len(operator.raw_operator.columns)])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the node."""
    writer = Writer(scope, container)
    columns = writer.constant(np.asarray(operator.raw_operator.columns))
    rows, output = operator.inputs[0].full_name, operator.outputs[0].full_name
    writer.add("Gather", [rows, columns], output=output, axis=1)
