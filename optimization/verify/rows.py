"""Rows to compare on.

In: the data's rows.
Out: named batches of rows: "data", "marginal" and "missing".
Promise: rows have the columns and dtypes of the data; the same generator gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from optimization.convert.probe import missing_value

MARGINAL_ROWS = 1000
"""Rows drawn from the columns' marginals: enough to leave the data's own clusters."""
MISSING_ROWS = 200
"""Rows with missing values, compared where the estimator takes them."""


def draw_marginal(features: Any, *, generator: np.random.Generator, n_rows: int = MARGINAL_ROWS) -> Any:
    """Return `n_rows` rows whose columns are drawn independently from those of `features`."""
    picks = generator.integers(0, len(features), size=(n_rows, features.shape[1]))
    if isinstance(features, pd.DataFrame):
        columns = {
            name: features.iloc[:, i].take(picks[:, i]).reset_index(drop=True)
            for i, name in enumerate(features.columns)
        }
        return pd.DataFrame(columns)
    return np.take_along_axis(features, picks, axis=0)


def with_missing(
    features: Any, positions: Sequence[int], *, generator: np.random.Generator, n_rows: int = MISSING_ROWS
) -> Any:
    """Return marginal rows in which each value of the columns at `positions` is missing with chance 1/4.

    Floats keep their dtype, since a float32 graph is proven for float32 rows, and text stays text.
    """
    rows = draw_marginal(features, generator=generator, n_rows=n_rows)
    holes = generator.random((n_rows, len(positions))) < 0.25
    holes[np.arange(n_rows), generator.integers(0, len(positions), n_rows)] = True
    if isinstance(rows, pd.DataFrame):
        for i, position in enumerate(positions):
            name = rows.columns[position]
            value = missing_value(features, position)
            rows[name] = rows[name].astype(_taking_nan(rows[name].dtype)).mask(holes[:, i], value)
        return rows
    rows = np.array(rows, dtype=_taking_nan(rows.dtype))
    for i, position in enumerate(positions):
        rows[holes[:, i], position] = missing_value(features, position)
    return rows


def _taking_nan(dtype: Any) -> Any:
    """The dtype itself if it is one of floats or pandas' own, float64 for other numbers, object for text."""
    if pd.api.types.is_float_dtype(dtype):
        return dtype
    if pd.api.types.is_numeric_dtype(dtype):
        return np.float64
    return object if isinstance(dtype, np.dtype) else dtype
