"""Data URI → the rows on which a model is compared, calibrated and measured.

In: the user's CSV or Parquet file and target column, or else the model's own input example.
Out: a frozen `Rows`.
Promise: the features are what the estimator was fitted on, by name, order and type, and the estimator
answers them; what cannot be brought there is a `DataError`, and what was left out is a note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optimization.answers import answers_of
from optimization.data_columns import Expected, convert_columns, expected_columns, match_columns, suggest
from optimization.data_files import join_names, plain, read_table
from optimization.data_target import (
    align_targets,
    check_targets,
    is_supervised,
    target_names,
    wants_text,
)
from optimization.errors import DataError, SourceError

if TYPE_CHECKING:
    from optimization.source import Source

_PROBE_ROWS = 1000
"""Rows that the estimator is asked about before the heavy work, beside those with odd values."""


@dataclass(frozen=True, eq=False)  # tables do not compare to one truth value
class Rows:
    """Rows to compare models on."""

    features: Any
    """DataFrame `(n_rows, n_columns)`, or ndarray of that shape for a model fitted without names."""
    target: np.ndarray[Any, Any] | None
    """`(n_rows,)`, or `(n_rows, n_targets)`: labels in the dtype of `classes_`, float64 for a regressor, None
    if not known."""
    name: str
    uri: str
    digest: str
    """SHA-256, hexadecimal, over names, types and values."""
    notes: tuple[str, ...] = ()
    """Sentences that the run should print."""

    def __len__(self) -> int:
        return len(self.features)


def load_rows(data: str, *, target: str, working_dir: Path, source: Source) -> Rows:
    """Return the rows that `data` names, fitted to the model; without `data` its input example.

    Args:
        data: CSV or Parquet path (relative to `working_dir`) or URI; empty for none.
        target: name of the column with the true answers, several with commas between; empty for none.
        working_dir: the folder in which the user typed the command.
        source: the model.

    Raises:
        DataError: not found, unreadable, empty, or not what the model needs.
        ServerError: the store that holds the data does not answer.
    """
    expected = expected_columns(source.estimator, source.signature)
    if not data:
        return _example_rows(source, expected, target)
    uri, file = _fetch(data, working_dir)
    table = read_table(file, shown_as=uri, text_columns=_text_columns(expected, target, source.estimator))
    names = target_names(target, table.columns)
    answers, notes = _split_target(table, names, expected, source.estimator, uri)
    features, column_notes = match_columns(table.drop(columns=list(names)), expected, shown_as=uri)
    features = convert_columns(features, expected, shown_as=uri)
    check_answers(source.estimator, features, shown_as=uri)
    if answers is not None and hasattr(source.estimator, "predict"):
        check_targets(names, answers_of(source.estimator, "predict", _take(features, np.arange(1))))
    return make_rows(features, answers, name=Path(file).stem, uri=uri, notes=notes + column_notes)


def make_rows(
    features: Any, target: np.ndarray[Any, Any] | None, *, name: str, uri: str, notes: tuple[str, ...] = ()
) -> Rows:
    """Return `Rows` with their digest."""
    return Rows(features, target, name=name, uri=uri, digest=_digest(features, target), notes=notes)


def check_answers(estimator: Any, features: Any, *, shown_as: str) -> None:
    """Ask the estimator itself whether it takes these rows; its tags are not reliable for Pipelines.

    Raises:
        DataError: it does not; names the columns with missing or infinite values if these are the reason.
    """
    table = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    odd = {"missing": table.isna().to_numpy(), "infinite": _infinite(table)}
    positions = _probe_positions(*odd.values())
    error = _refusal(estimator, _take(features, positions))
    if error is None:
        return
    either = odd["missing"] | odd["infinite"]
    ordinary = np.flatnonzero(~either.any(axis=1))[:_PROBE_ROWS]
    if not either.any() or (len(ordinary) and _refusal(estimator, _take(features, ordinary)) is not None):
        raise DataError(
            f"the model refuses rows of {shown_as} ({_first_line(error)});"
            " give rows like those it was fitted on"
        ) from error
    counts = [
        f"{int(number)} {kind} in {name!r}"
        for kind, mask in odd.items()
        for name, number in zip(table.columns, mask.sum(axis=0), strict=True)
        if number
    ]
    raise DataError(
        f"the model cannot take missing or infinite values, {shown_as} has {join_names(counts)};"
        " fill or drop these rows"
    ) from error


def _example_rows(source: Source, expected: Expected, target: str) -> Rows:
    example = source.input_example
    if example is None or len(example) == 0:
        raise DataError(
            f"expected rows to compare on, but no data was given and {source.uri} has no input example;"
            " add -P data=FILE -P target=COLUMN, or log the model with input_example=…"
        )
    shown_as = "the model's input example"
    if isinstance(example, np.ndarray):
        names = expected.names if expected.names and len(expected.names) == example.shape[1] else None
        example = pd.DataFrame(example, columns=list(names) if names else None)
    table = pd.DataFrame({name: plain(example[name]) for name in example.columns}).reset_index(drop=True)
    features, notes = match_columns(table, expected, shown_as=shown_as)
    features = convert_columns(features, expected, shown_as=shown_as)
    check_answers(source.estimator, features, shown_as=shown_as)
    notes += _example_notes(len(table), target)
    return make_rows(features, None, name="input example", uri=source.pinned_uri, notes=notes)


def _example_notes(n_rows: int, target: str) -> tuple[str, ...]:
    rows = f"{n_rows} row{'s' if n_rows > 1 else ''}"
    notes = (
        f"no data was given: answers are compared on the {rows} of the model's input example,"
        " and checks on accuracy were not made",
    )
    return (*notes, f"target {target!r} has no use without data") if target else notes


def _fetch(data: str, working_dir: Path) -> tuple[str, Path]:
    # `Rows` is used where MLflow is not: importing it costs 1.4 s.
    from optimization.source_uri import fetch, is_local, pin_uri, resolve_path

    uri = resolve_path(data, working_dir)
    try:
        uri = uri if is_local(uri) else pin_uri(uri).uri
        return uri, fetch(uri)
    except SourceError as error:
        raise DataError(f"data={data}: {error}") from error


def _text_columns(expected: Expected, target: str, estimator: Any) -> list[str]:
    """Return the columns to read as written: text in the signature, and a target with text classes."""
    names = [name for i, name in enumerate(expected.names or ()) if expected.type_of(i) == "string"]
    return [*names, target, *target_names(target, ())] if target and wants_text(estimator) else names


def _split_target(
    table: pd.DataFrame, names: Sequence[str], expected: Expected, estimator: Any, uri: str
) -> tuple[np.ndarray[Any, Any] | None, tuple[str, ...]]:
    found = f"found in {uri}: {join_names(table.columns)}"
    for name in names:
        if name in (expected.names or ()):
            raise DataError(
                f"target {name!r} is one of the model's input columns; name the column of true answers"
            )
        if name not in table.columns:
            hint = suggest(name, table.columns)
            raise DataError(f"no target column {name!r} ({found}){hint}; correct -P target=COLUMN")
    if names:
        return align_targets(table, names, estimator)
    if is_supervised(estimator):
        raise DataError(
            f"expected the name of the column with the true answers, none was given ({found});"
            " add -P target=COLUMN"
        )
    return None, ("no target was given: checks on accuracy were not made",)


def _infinite(table: pd.DataFrame) -> np.ndarray[Any, Any]:
    columns = [
        np.isinf(column.to_numpy()) if column.dtype.kind == "f" else np.zeros(len(table), dtype=bool)
        for _, column in table.items()
    ]
    return np.column_stack(columns)


def _probe_positions(*masks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the first rows, and of every column the first row where a mask is true."""
    positions = [np.arange(min(_PROBE_ROWS, len(masks[0])))]
    positions += [mask.argmax(axis=0)[mask.any(axis=0)] for mask in masks]
    return np.unique(np.concatenate(positions))


def _take(features: Any, positions: np.ndarray[Any, Any]) -> Any:
    return features.iloc[positions] if isinstance(features, pd.DataFrame) else features[positions]


def _refusal(estimator: Any, features: Any) -> Exception | None:
    """Return the error that the estimator raises on these rows, None if it answers."""
    method = next((name for name in ("predict", "transform") if hasattr(estimator, name)), None)
    if method is None:
        return None
    try:
        answers_of(estimator, method, features)
    except Exception as error:  # an estimator may be anyone's code
        return error
    return None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def _digest(features: Any, target: np.ndarray[Any, Any] | None) -> str:
    """Hash names, types and values, row order included."""
    table = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    result = hashlib.sha256(repr([(str(name), str(kind)) for name, kind in table.dtypes.items()]).encode())
    result.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    if target is not None:
        shape = "" if target.ndim == 1 else str(target.shape[1:])
        result.update(f"target {target.dtype}{shape}".encode())
        result.update(pd.util.hash_array(np.asarray(target, dtype=object).astype(str).ravel()).tobytes())
    return result.hexdigest()
