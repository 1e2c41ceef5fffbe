"""Columns meet the model by name, order and type, or the error names what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.source.rows import (
    CSV,
    FRAME,
    LABELS,
    MIXED,
    MIXED_SOURCE,
    UNNAMED,
    fails_with,
    load,
    mixed_csv,
    source_of,
    write,
)


def test_columns_go_by_name_and_extra_ones_are_noted(tmp_path: Path) -> None:
    rows = load(write(tmp_path, "b,id,y,a\n1,x,0,0\n0,y,1,1\n"))
    pd.testing.assert_frame_equal(rows.features, FRAME.head(2))
    assert rows.notes == ("columns that the model does not use were left out: id",)


def test_missing_columns_are_named_with_a_suggestion(tmp_path: Path) -> None:
    fails_with(write(tmp_path, "A,c,y\n0,1,0\n"), "does not have: a, b", "found: A, c", "did you mean 'A'?")


def test_a_model_without_names_takes_all_columns_in_file_order(tmp_path: Path) -> None:
    rows = load(write(tmp_path, "q,y,p\n0,0,1\n1,1,0\n"), UNNAMED)
    np.testing.assert_array_equal(rows.features, np.array([[0, 1], [1, 0]]))
    assert isinstance(rows.features, np.ndarray)


def test_the_count_is_checked_where_there_are_no_names(tmp_path: Path) -> None:
    fails_with(
        write(tmp_path, "p,q,r,y\n0,1,2,0\n"), "fitted on 2 columns", "has 3", "p, q, r", source=UNNAMED
    )


def test_a_named_signature_serves_a_model_fitted_without_names(tmp_path: Path) -> None:
    source = source_of(UNNAMED.estimator, FRAME)
    rows = load(write(tmp_path, "b,y,id,a\n1,0,7,0\n"), source)
    np.testing.assert_array_equal(rows.features, np.array([[0.0, 1.0]]))


def test_a_tensor_signature_gives_the_dtype_of_all_columns(tmp_path: Path) -> None:
    source = source_of(UNNAMED.estimator, FRAME.to_numpy(np.float32))
    assert load(write(tmp_path, CSV), source).features.dtype == np.float32


def test_bool_and_float_columns_become_one_numeric_array(tmp_path: Path) -> None:
    rows = load(write(tmp_path, "a,b,y\nTrue,0.5,0\nFalse,1,1\n"), UNNAMED)
    np.testing.assert_array_equal(rows.features, np.array([[1, 0.5], [0, 1]]))
    assert rows.features.dtype == np.float64


def test_a_scaled_pipeline_is_matched_by_the_names_of_its_first_step(tmp_path: Path) -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, LABELS)
    rows = load(write(tmp_path, "b,a,y\n1,0,0\n0,1,1\n"), source_of(pipeline))
    assert list(rows.features.columns) == ["a", "b"]


# Types


def test_types_of_the_signature_are_restored_from_csv(tmp_path: Path) -> None:
    rows = load(write(tmp_path, mixed_csv(flag=1, small="1.0", double=1)), MIXED_SOURCE)
    expected = MIXED.head(1).assign(code=pd.Series(["007"], dtype=object), double=[1.0])
    pd.testing.assert_frame_equal(rows.features, expected)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("flag", "maybe", ["expected boolean", "'maybe'"]),
        ("small", 3000000000, ["expected integer", "3000000000"]),
        ("count", 1.5, ["expected long", "1.5"]),
        ("count", "", ["expected long", "found no value"]),
        ("single", 1e300, ["expected float", "1e+300"]),
        ("double", "1,5".join('""'), ["expected double", "'1,5'"]),
        ("double", "n/k", ["expected double", "'n/k'"]),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_row(
    tmp_path: Path, column: str, value: Any, words: list[str]
) -> None:
    file = write(tmp_path, mixed_csv(**{column: value}))
    fails_with(file, f"column {column!r}", "in data row 1 (1 such rows)", *words, source=MIXED_SOURCE)


def test_the_first_bad_row_and_their_number_are_told(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b,y\n1,1,0\nx,1,0\n2,2,0\n?,1,1\n")
    fails_with(file, "column 'a'", "found 'x' in data row 2 (2 such rows)")
