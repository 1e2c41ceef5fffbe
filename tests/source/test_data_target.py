"""The target's values become the model's labels or numbers, or the error says why they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from optimization.data_target import align_target
from optimization.errors import DataError
from tests.source.rows import FRAME, LABELS, load, source_of, write


def classifier(classes: Any) -> Any:
    return KNeighborsClassifier(1).fit(FRAME.head(2), np.array(classes))


@pytest.mark.parametrize(
    ("classes", "values", "expected"),
    [
        ([0, 1], ["1", "0"], [1, 0]),
        ([0, 1], [1.0, 0.0], [1, 0]),
        ([0, 1], [True, False], [1, 0]),
        ([0.0, 1.0], [1, 0], [1.0, 0.0]),
        (["0", "1"], [1, 0], ["1", "0"]),
        (["no", "yes"], ["yes", "no"], ["yes", "no"]),
        ([False, True], [1, 0], [True, False]),
        ([False, True], ["True", "false"], [True, False]),
        ([False, True], [True, False], [True, False]),
        (["False", "True"], [True, False], ["True", "False"]),
        (["True", "true"], ["true", "True"], ["true", "True"]),
    ],
)
def test_labels_take_the_dtype_of_the_classes(classes: Any, values: Any, expected: Any) -> None:
    estimator = classifier(classes)
    target, notes = align_target(pd.Series(values, name="y"), estimator)
    assert target.dtype == estimator.classes_.dtype
    assert target.tolist() == expected
    assert notes == ()


def test_text_classes_are_read_as_they_are_written(tmp_path: Path) -> None:
    source = source_of(classifier(["01", "1"]), FRAME)
    rows = load(write(tmp_path, "a,b,y\n0,1,01\n1,0,1\n"), source)
    assert rows.target is not None
    assert rows.target.tolist() == ["01", "1"]


@pytest.mark.parametrize(
    ("classes", "values"), [([0, 1], [0, 7, 7]), (["no", "yes"], ["no", "maybe", "maybe"])]
)
def test_some_unseen_labels_stay_and_are_noted(classes: Any, values: Any) -> None:
    target, notes = align_target(pd.Series(values, name="y"), classifier(classes))
    assert target.tolist() == values
    assert f"2 rows have labels that the model does not know and count as wrong: {values[1]}" in notes[0]


@pytest.mark.parametrize(
    ("classes", "values", "words"),
    [
        ([0, 1], ["cat", "dog"], "expected 0, 1, found cat, dog"),
        ([0, 1], ["1", "dog"], "no int64 .*: dog"),
        ([0, 1], [1, 0.5], "no int64 .*: 0.5"),
        ([False, True], [1, 2], "no bool .*: 2"),
        ([0, 1], [1, None], "no value in 1 rows, first in data row 2"),
    ],
)
def test_labels_that_cannot_be_the_models_are_refused(classes: Any, values: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        align_target(pd.Series(values, name="y"), classifier(classes))


def test_a_regressors_target_is_float64() -> None:
    target, _ = align_target(pd.Series(["1", "2.5"], name="y"), LinearRegression().fit(FRAME, LABELS))
    assert target.dtype == np.float64
    assert target.tolist() == [1.0, 2.5]


@pytest.mark.parametrize("value", ["much", float("inf")])
def test_a_regressors_target_is_finite_numbers(value: Any) -> None:
    with pytest.raises(DataError, match=rf"'y'.*finite numbers.*{value}.*data row 2"):
        align_target(pd.Series([1, value], name="y"), LinearRegression().fit(FRAME, LABELS))
