"""The columns of a table → the columns that a model was fitted on.

In: a table, the estimator and the model's signature.
Out: the model's columns in the model's order and types, as a DataFrame or an array.
Promise: columns are matched by name wherever the model knows names; a value is converted only if it
keeps its meaning; what does not fit is a `DataError` that names column, value and row.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from optimization.data_files import join_names
from optimization.errors import DataError

_NUMPY_TYPES = {
    "bool": "boolean",
    "int32": "integer",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "object": "string",
}
"""MLflow's names of the numpy dtypes that a tensor signature may carry."""
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True)
class Expected:
    """The columns a model was fitted on."""

    names: tuple[str, ...] | None
    """In the model's order; None where the model knows positions only."""
    types: tuple[str | None, ...]
    """MLflow's type of each column, one for all columns, or empty where the signature is silent."""
    n_features: int | None
    as_frame: bool
    """Whether the estimator was fitted on a DataFrame."""

    def type_of(self, index: int) -> str | None:
        """Return MLflow's type of the column at `index`."""
        if not self.types:
            return None
        return self.types[index] if len(self.types) > 1 else self.types[0]


def expected_columns(estimator: Any, signature: Any) -> Expected:
    """Return what the estimator and MLflow's signature say of the columns; for names the estimator wins."""
    fitted = getattr(estimator, "feature_names_in_", None)
    count = getattr(estimator, "n_features_in_", None)
    signed = _signed_types(signature)
    names = tuple(signed) if signed and all(isinstance(name, str) for name in signed) else None
    if fitted is not None:
        names = tuple(str(name) for name in fitted)
    types: tuple[str | None, ...] = tuple(signed.values())
    if names is not None and len(signed) > 1:
        types = tuple(signed.get(name) for name in names)
    elif len(signed) == 1 and None not in signed and names != tuple(signed):
        types = ()
    return Expected(
        names=names,
        types=types,
        n_features=len(names) if names is not None else count,
        as_frame=fitted is not None or (count is None and names is not None),
    )


def match_columns(
    table: pd.DataFrame, expected: Expected, *, shown_as: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the model's columns in its order, and a note on those left out.

    Raises:
        DataError: columns are missing, or there are more or fewer than the model was fitted on.
    """
    if expected.names is None:
        _check_count(table, expected.n_features, shown_as)
        return table, ()
    missing = [name for name in expected.names if name not in table.columns]
    if missing:
        raise DataError(
            f"the model needs columns that {shown_as} does not have: {join_names(missing)}"
            f" (found: {join_names(table.columns)}){suggest(missing[0], table.columns)}; rename or add them"
        )
    extra = [name for name in table.columns if name not in expected.names]
    notes = (f"columns that the model does not use were left out: {join_names(extra)}",) if extra else ()
    return table[list(expected.names)], notes


def convert_columns(table: pd.DataFrame, expected: Expected, *, shown_as: str) -> Any:
    """Return matched columns in the signature's types: a DataFrame, or an array for a model without names.

    Raises:
        DataError: a value does not fit its column's type.
    """
    columns = {
        name: _convert(table[name], expected.type_of(index), shown_as)
        for index, name in enumerate(table.columns)
    }
    if expected.as_frame:
        return pd.DataFrame(columns)
    arrays = [column.to_numpy() for column in columns.values()]
    if any(array.dtype.kind not in "biuf" for array in arrays):
        return pd.DataFrame(columns).to_numpy(object)
    return np.column_stack(arrays)


def suggest(name: str, names: Any) -> str:
    """Return "; did you mean …?" when one of `names` is close to `name`, else nothing."""
    known = {str(item).lower(): str(item) for item in names}
    close = difflib.get_close_matches(name.lower().strip(), known, n=1)
    return f"; did you mean {known[close[0]]!r}?" if close else ""


def _signed_types(signature: Any) -> dict[Any, str | None]:
    """Return MLflow's types by column name; None is the name of the one tensor of all columns."""
    if signature is None or signature.inputs is None:
        return {}
    specs = signature.inputs.inputs
    if len(specs) > 1 and any(spec.name is None for spec in specs):
        return dict(enumerate(_type_name(spec.type) for spec in specs))
    return {spec.name: _type_name(spec.type) for spec in specs}


def _type_name(kind: Any) -> str | None:
    name = str(getattr(kind, "name", ""))
    if isinstance(kind, np.dtype):
        return "string" if kind.kind in "US" else _NUMPY_TYPES.get(name)
    return name if name in _CONVERTERS else None


def _check_count(table: pd.DataFrame, expected: int | None, shown_as: str) -> None:
    found = len(table.columns)
    if expected is not None and found != expected:
        raise DataError(
            f"the model was fitted on {expected} columns without names, {shown_as} has {found} beside the"
            f" target: {join_names(table.columns)}; leave the model's columns only, in its order"
        )


def _convert(column: pd.Series, kind: str | None, shown_as: str) -> pd.Series:
    if kind is None:
        return column
    converted, bad = _CONVERTERS[kind](column)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        value = column.iloc[row]
        found = "no value" if pd.isna(value) else repr(value)
        raise DataError(
            f"column {column.name!r} of {shown_as}: expected {kind} values as the model's signature says,"
            f" found {found} in data row {row + 1} ({int(np.sum(bad))} such rows); correct the data"
        )
    return converted


def _numbers(column: pd.Series) -> tuple[pd.Series, Any]:
    """Return the column as numbers, and where a value is none; missing values stay missing."""
    numbers = pd.to_numeric(column.astype(object) if column.dtype == "category" else column, errors="coerce")
    return numbers, (numbers.isna() & column.notna()).to_numpy()


def _to_float(dtype: Any) -> Callable[[pd.Series], tuple[pd.Series, Any]]:
    def convert(column: pd.Series) -> tuple[pd.Series, Any]:
        numbers, bad = _numbers(column)
        wide = numbers.to_numpy("float64", na_value=np.nan)
        with np.errstate(over="ignore"):
            narrow = wide.astype(dtype)
        result = pd.Series(narrow, index=column.index, name=column.name)
        return result, bad | (np.isinf(narrow) & ~np.isinf(wide))

    return convert


def _to_integer(dtype: Any) -> Callable[[pd.Series], tuple[pd.Series, Any]]:
    def convert(column: pd.Series) -> tuple[pd.Series, Any]:
        numbers, bad = _numbers(column)
        limits = np.iinfo(dtype)
        kept = (numbers >= limits.min) & (numbers <= limits.max) & (numbers % 1 == 0)
        bad = bad | ~kept.to_numpy()
        return (numbers if bad.any() else numbers.astype(dtype)), bad

    return convert


def _to_boolean(column: pd.Series) -> tuple[pd.Series, Any]:
    truth = column.astype(object).map(lambda value: _TRUTH.get(str(value).strip().lower()))
    bad = truth.isna().to_numpy()
    return (truth if bad.any() else truth.astype(bool)), bad


def _to_text(column: pd.Series) -> tuple[pd.Series, Any]:
    fine = np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column, fine
    texts = [value if pd.isna(value) else str(value) for value in column]
    # `object`, as MLflow hands text to a model; pandas would infer its own text dtype.
    return pd.Series(texts, index=column.index, name=column.name, dtype=object), fine


def _to_time(column: pd.Series) -> tuple[pd.Series, Any]:
    times = pd.to_datetime(column, errors="coerce")
    return times, (times.isna() & column.notna()).to_numpy()


_CONVERTERS: dict[str, Callable[[pd.Series], tuple[pd.Series, Any]]] = {
    "boolean": _to_boolean,
    "integer": _to_integer("int32"),
    "long": _to_integer("int64"),
    "float": _to_float("float32"),
    "double": _to_float("float64"),
    "string": _to_text,
    "datetime": _to_time,
}
"""MLflow's column types; a converter returns the column and where a value does not fit."""
