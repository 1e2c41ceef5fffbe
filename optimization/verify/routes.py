"""The way of columns through the steps before trees.

In: a fitted step, and the origin of each column that it is given.
Out: the step in a form that may be asked with any number; the origin of each column of its answer.
Promise: a column whose origin is an input column depends on that one alone, and never falls where it rises.
All others have the name of the step that they come from.

    scaler, imputer, bins in order     column by column
    selector                           some of the columns
    Pipeline                           step by step
    ColumnTransformer, FeatureUnion    part by part; a part that ends the way is asked once, for the last row,
                                       so that it meets no value beside those of the data
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from optimization.convert.structure import unwrap
from optimization.converters.functions import NEVER_FALLING, OVERFLOWING, name_of

Origins = Sequence[int | str]
"""Of each column: the input column, or the name of the step whose answer it is."""
MONOTONE = (
    "StandardScaler",
    "MinMaxScaler",
    "RobustScaler",
    "MaxAbsScaler",
    "QuantileTransformer",
    "PowerTransformer",
    "Binarizer",
)
"""Steps whose result for a finite value rises with it, or stays, column by column."""
IMPUTERS = ("SimpleImputer", "KNNImputer", "IterativeImputer")
"""Steps that leave finite values as they are, drop empty columns and may add some that tell of holes."""


class LastRow:
    """A transformer asked for the last row, whose answer stands for all rows."""

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "transformer":
            raise AttributeError(name)
        return getattr(self.transformer, name)

    def transform(self, rows: Any) -> Any:
        """Return `(n_rows, n_columns)`, in the kind of matrix or table that the transformer answers with."""
        last, picks = slice(len(rows) - 1, len(rows)), np.zeros(len(rows), dtype=int)
        answer = self.transformer.transform(rows.iloc[last] if hasattr(rows, "iloc") else rows[last])
        return answer.iloc[picks].set_axis(rows.index) if isinstance(answer, pd.DataFrame) else answer[picks]


def carry(step: Any, origins: Origins | str) -> tuple[Any, Origins | str]:
    """Return `step` as it may be asked, and the origins behind it.

    Args:
        step: fitted, or a word such as "passthrough".
        origins: of the step's columns; a name where all are of one step, however many there are.
    """
    step = unwrap(step)
    if isinstance(origins, str) or step is None or isinstance(step, str):
        return step, [] if step == "drop" else origins
    for attribute, through in (
        ("steps", _carry_pipeline),
        ("transformers_", _carry_columns),
        ("transformer_list", _carry_union),
    ):
        if hasattr(step, attribute):
            return through(step, origins)
    is_known = type(step).__module__.startswith("sklearn.")
    if is_known and _keeps_values(step):
        return step, _kept(step, origins)
    return step, origins if is_known and _is_monotone(step) else type(step).__name__


def _carry_pipeline(pipeline: Any, origins: Origins | str) -> tuple[Any, Origins | str]:
    pipeline, steps = copy.copy(pipeline), []
    for name, step in pipeline.steps:
        carried, origins = carry(step, origins)
        steps.append((name, carried))
    pipeline.steps = steps
    return pipeline, origins


def _carry_columns(columns: Any, origins: Origins) -> tuple[Any, Origins]:
    columns = copy.copy(columns)
    places, read = columns.output_indices_, columns._transformer_to_input_indices
    found: list[int | str] = [""] * max((place.stop or 0 for place in places.values()), default=0)
    parts = []
    for name, step, names in columns.transformers_:
        place = places[name]
        carried, own = _part(step, [origins[i] for i in read[name]], columns, name)
        found[place] = [own] * (place.stop - place.start) if isinstance(own, str) else own
        parts.append((name, carried, names))
    columns.transformers_ = parts
    return columns, found


def _carry_union(union: Any, origins: Origins) -> tuple[Any, Origins | str]:
    union = copy.copy(union)
    found: list[int | str] = []
    parts = []
    for name, step in union.transformer_list:
        carried, own = _part(step, origins, union, name)
        if isinstance(own, str):
            if not hasattr(step, "get_feature_names_out"):
                return union, own
            own = [own] * len(step.get_feature_names_out())
        found += own
        parts.append((name, carried))
    union.transformer_list = parts
    return union, found


def _part(step: Any, origins: Origins, owner: Any, name: str) -> tuple[Any, Origins | str]:
    carried, found = carry(step, origins)
    if (owner.transformer_weights or {}).get(name, 1.0) <= 0.0 and not isinstance(found, str):
        found = ["transformer_weights"] * len(found)
    blocked = isinstance(found, str) or not any(isinstance(origin, int) for origin in found)
    return (LastRow(step) if blocked and hasattr(step, "transform") else carried), found


def _is_monotone(step: Any) -> bool:
    if type(step).__name__ == "FunctionTransformer":
        name = name_of(step.func)
        return step.func is None or (name in NEVER_FALLING and name not in OVERFLOWING)
    if type(step).__name__ == "KBinsDiscretizer":
        return bool(step.encode == "ordinal")
    return type(step).__name__ in MONOTONE


def _keeps_values(step: Any) -> bool:
    if type(step).__name__ in IMPUTERS:
        missing = step.missing_values
        return isinstance(missing, float) and bool(np.isnan(missing))
    return hasattr(step, "get_support")


def _kept(step: Any, origins: Origins) -> Origins | str:
    """Origins of a step that names the columns it keeps, and others that it makes."""
    names = [str(name) for name in getattr(step, "feature_names_in_", _unnamed(len(origins)))]
    by_name = dict(zip(names, origins, strict=True))
    if len(by_name) < len(names):
        return type(step).__name__
    return [by_name.get(str(name), type(step).__name__) for name in step.get_feature_names_out()]


def _unnamed(n_columns: int) -> list[str]:
    return [f"x{i}" for i in range(n_columns)]
