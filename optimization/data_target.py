"""The target columns → labels or numbers that compare with what the model answers.

In: the target column of a table, or several, and the fitted estimator.
Out: an array of the dtype of `classes_`, or float64 for a regressor.
Promise: "1", 1, 1.0 and True meet the class they mean; a label is never changed into another one;
missing values and a column of foreign labels are a `DataError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from optimization.data_files import join_names
from optimization.errors import DataError


def wants_text(estimator: Any) -> bool:
    """Return whether the classes are text, so that the target must be read as written."""
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) and classes:
        classes = classes[0]
    return isinstance(classes, np.ndarray) and classes.dtype.kind in "UO" and _all_text(classes)


def target_names(target: str, columns: Sequence[Any]) -> tuple[str, ...]:
    """Return the columns that `target` names: one, or several with commas between them; () for none."""
    if target in columns or "," not in target:
        return (target,) if target else ()
    return tuple(name.strip() for name in target.split(","))


def align_targets(
    table: pd.DataFrame, names: Sequence[str], estimator: Any
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Return the target, `(n_rows,)` of one column, `(n_rows, n_targets)` of several, and notes.

    Raises:
        DataError: as `align_target`.
    """
    if len(names) == 1:
        return align_target(table[names[0]], estimator)
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, list) or len(classes) != len(names):
        classes = [None if classes is None else np.array([0, 1])] * len(names)
    aligned = [align_target(table[name], estimator, own) for name, own in zip(names, classes, strict=True)]
    notes = [note for _, found in aligned for note in found]
    return np.stack([answers for answers, _ in aligned], axis=1), tuple(notes)


def check_targets(names: Sequence[str], answer: Any) -> None:
    """Refuse another number of targets than the model has; `answer` is its prediction for some rows.

    Raises:
        DataError: naming both numbers.
    """
    n_targets = int(np.prod(np.shape(answer)[1:], dtype=int))
    if n_targets != len(names):
        raise DataError(
            f"expected a column for each of the model's {n_targets} targets, found {len(names)}:"
            f" {join_names(names)}; name them all, with commas between: -P target=FIRST,SECOND"
        )


def align_target(
    column: pd.Series, estimator: Any, classes: np.ndarray[Any, Any] | None = None
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Return one target, `(n_rows,)`, and a note on labels that the model never saw.

    Args:
        column: of the table.
        estimator: fitted.
        classes: those of this target; None: the estimator's, if it has any.

    Raises:
        DataError: missing values, no numbers for a regressor, or not one label that the model knows.
    """
    classes = getattr(estimator, "classes_", None) if classes is None else classes
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"target {column.name!r} has no value in {int(missing.sum())} rows, first in data row"
            f" {int(np.flatnonzero(missing)[0]) + 1}; fill or drop these rows"
        )
    if isinstance(classes, np.ndarray) and classes.ndim == 1:
        return _align_labels(column, classes)
    if _is_regressor(estimator):
        return _align_numbers(column), ()
    return column.to_numpy(), ()


def is_supervised(estimator: Any) -> bool:
    """Return whether the estimator learned from a target."""
    from sklearn.base import is_classifier  # the estimator has loaded scikit-learn

    return bool(is_classifier(estimator) or _is_regressor(estimator))


def _is_regressor(estimator: Any) -> bool:
    from sklearn.base import is_regressor  # the estimator has loaded scikit-learn

    return bool(is_regressor(estimator))


def _align_labels(
    column: pd.Series, classes: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    known = _spellings(classes)
    found = [known.get(value, known.get(_canonical(value))) for value in column]
    unseen = np.array([value is None for value in found])
    foreign = join_names(sorted({str(value) for value in column[unseen]}), 10)
    if unseen.all():
        raise DataError(
            f"no value of target {column.name!r} is a class of the model: expected"
            f" {join_names(classes, 10)}, found {foreign}; name the right column or use the model's labels"
        )
    if not unseen.any():
        return np.array(found, dtype=classes.dtype), ()
    values = [given if label is None else label for label, given in zip(found, column, strict=True)]
    note = f"{int(unseen.sum())} rows have labels that the model does not know and count as wrong: {foreign}"
    return _array_of(values, classes, str(column.name), foreign), (note,)


def _spellings(classes: np.ndarray[Any, Any]) -> dict[Any, Any]:
    """Return the class by every way to write it."""
    known = {_canonical(value): value for value in classes.tolist()}
    if set(known) == {"0", "1"}:
        known |= {"true": known["1"], "false": known["0"]}
    if set(known) == {"false", "true"}:
        known |= {"1": known["true"], "0": known["false"]}
    return known | {value: value for value in classes.tolist() if isinstance(value, str)}


def _array_of(
    values: list[Any], classes: np.ndarray[Any, Any], name: str, foreign: str
) -> np.ndarray[Any, Any]:
    """Return the labels with foreign ones kept, in the kind of the classes."""
    if classes.dtype.kind in "UO":
        return np.array([str(value) if _all_text(classes) else value for value in values], dtype=object)
    try:
        array = np.array(values, dtype="float64")
        if np.array_equal(array, array.astype(classes.dtype)) and classes.dtype.kind != "b":
            return array.astype(classes.dtype)
    except (TypeError, ValueError, OverflowError):
        pass  # a word among numbers: refused below
    raise DataError(
        f"target {name!r} holds labels that are no {classes.dtype} as the model's classes"
        f" {join_names(classes, 10)} are: {foreign}; use the model's labels"
    )


def _align_numbers(column: pd.Series) -> np.ndarray[Any, Any]:
    numbers = pd.to_numeric(column, errors="coerce").astype("float64").to_numpy()
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"target {column.name!r}: expected finite numbers for a regressor, found {column.iloc[row]!r}"
            f" in data row {row + 1}; correct the data or name another column"
        )
    return np.asarray(numbers)


def _canonical(value: Any) -> str:
    """Return one text for 1, 1.0 and "1", and one for True, "True" and "true"."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value)
    return text.lower() if text.lower() in ("true", "false") else text


def _all_text(classes: np.ndarray[Any, Any]) -> bool:
    return all(isinstance(value, str) for value in classes.tolist())
