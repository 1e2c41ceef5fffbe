"""Rows meet the model by name, order and type, or the error names what does not fit."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from optimization.data import Rows, load_rows, make_rows
from optimization.data_target import align_target
from optimization.errors import DataError, ServerError
from optimization.source import Source
from tests.source_store import tracking_store

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 2.0, 1.0]})
LABELS = np.array([0, 1, 0, 1])
CSV = "a,b,y\n0,1,0\n1,0,1\n2,2,0\n"


def source_of(estimator: Any, signature_from: Any = None, example: Any = None) -> Source:
    return Source(
        estimator=estimator,
        uri="models:/m/1",
        pinned_uri="models:/m/1",
        digest="d",
        serialization_format="pickle",
        size_bytes=1,
        estimator_name=type(estimator).__name__,
        signature=None if signature_from is None else infer_signature(signature_from),
        input_example=example,
    )


NAMED = source_of(KNeighborsClassifier(1).fit(FRAME, LABELS), FRAME)
UNNAMED = source_of(KNeighborsClassifier(1).fit(FRAME.to_numpy(), LABELS))


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def load(file: Path | str, source: Source = NAMED, target: str = "y") -> Rows:
    return load_rows(str(file), target=target, working_dir=Path("/nowhere"), source=source)


def fails_with(file: Path | str, *words: str, source: Source = NAMED, target: str = "y") -> None:
    """Check that loading fails with one line that holds all the words."""
    with pytest.raises(DataError) as caught:
        load(file, source, target)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


# Files


def test_csv_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    table = FRAME.assign(y=LABELS)
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_parquet(tmp_path / "rows.parquet")
    csv, parquet = load(tmp_path / "rows.csv"), load(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(csv.features, FRAME)
    pd.testing.assert_frame_equal(parquet.features, FRAME)
    np.testing.assert_array_equal(csv.target, LABELS)
    assert csv.digest == parquet.digest
    assert (csv.name, csv.uri, len(csv), csv.notes) == ("rows", str(tmp_path / "rows.csv"), 4, ())


def test_a_relative_path_means_the_working_dir(tmp_path: Path) -> None:
    write(tmp_path, CSV)
    assert len(load_rows("rows.csv", target="y", working_dir=tmp_path, source=NAMED)) == 3


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    file = write(tmp_path, b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    assert list(load(file).features.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("", "rows.csv", ["rows.csv is empty"]),
        ("  \n\n", "rows.csv", ["rows.csv is empty"]),
        ("a,b,y\n", "rows.csv", ["3 columns and 0 rows"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "rows.csv", ["binary file"]),
        (b"\x1f\x8b\x08rest", "rows.csv", ["binary file"]),
        (b"PK\x03\x04rest", "rows.xlsx", ["binary file", "export it as CSV"]),
        (b"a,b,y\n\xff\xfe,1,0\n", "rows.csv", ["UTF-8"]),
        ("<!DOCTYPE html><html></html>", "rows.csv", ["<!DOCTYPE", "fetch the file itself"]),
        ('{"a": 1}', "rows.csv", ["expected CSV", "JSON"]),
        ("a;b;y\n1;2;0\n", "rows.csv", ["expected commas", "found semicolons"]),
        ("a\tb\ty\n1\t2\t0\n", "rows.csv", ["found tabs"]),
        ("a,b,y\n1,2,0\n1,2,3,4,5\n", "rows.csv", ["is not a CSV file", "line 3"]),
        ("a,a,y\n1,2,0\n", "rows.csv", ["more than one column named a"]),
        ('a,b,y\n"1,2,0\n', "rows.csv", ["is not a CSV file"]),
        (CSV, "rows.parquet", ["disagree", "expected Parquet", "name it .csv"]),
        (b"PAR1 cut", "rows.parquet", ["damaged Parquet"]),
        (b"PAR1 cut", "rows.csv", ["disagree", "found Parquet"]),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: str | bytes, name: str, words: list[str]
) -> None:
    fails_with(write(tmp_path, content, name), name, *words)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    fails_with("rows.csv", "no file /nowhere/rows.csv", "where you typed the command")
    fails_with(tmp_path, "found the folder")


# Data from elsewhere


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that serves the test's folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_address_is_downloaded(tmp_path: Path, web: str) -> None:
    write(tmp_path, CSV)
    rows = load(f"{web}/rows.csv")
    assert (len(rows), rows.uri) == (3, f"{web}/rows.csv")


def test_a_web_page_that_is_missing_is_a_data_error(web: str) -> None:
    fails_with(f"{web}/gone.csv", "data=", "status 404")


def test_a_web_server_that_is_down_is_a_server_error() -> None:
    with pytest.raises(ServerError, match="check the address"):
        load("http://127.0.0.1:9/rows.csv")


def test_data_of_a_run_is_read_and_an_unknown_run_is_reported(tmp_path: Path) -> None:
    write(tmp_path, CSV)
    with tracking_store(tmp_path):
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(tmp_path / "rows.csv"), "data")
        assert len(load(f"runs:/{run.info.run_id}/data/rows.csv")) == 3
        fails_with("runs:/0123/data/rows.csv", "no run '0123'")


# Columns


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


# Types


MIXED = pd.DataFrame(
    {
        "flag": [True, False, True],
        "small": np.array([1, 2, 3], dtype=np.int32),
        "count": [10, 20, 30],
        "single": np.array([0.1, 0.2, 0.3], dtype=np.float32),
        "double": [0.1, 0.2, 0.3],
        "code": ["007", "08", "9"],
    }
)
MIXED_SOURCE = source_of(
    make_pipeline(
        make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough"),
        KNeighborsClassifier(1),
    ).fit(MIXED, [0, 1, 0]),
    MIXED,
)


def mixed_csv(**changes: Any) -> str:
    """One row of MIXED as CSV, with changed cells."""
    row = {"flag": "True", "small": 1, "count": 10, "single": 0.1, "double": 0.1, "code": "007", "y": 0}
    row |= changes
    return ",".join(row) + "\n" + ",".join(str(value) for value in row.values()) + "\n"


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


def test_nullable_and_text_columns_of_parquet_become_plain(tmp_path: Path) -> None:
    table = MIXED.assign(y=[0, 1, 0]).convert_dtypes()
    table.to_parquet(tmp_path / "rows.parquet")
    rows = load(tmp_path / "rows.parquet", MIXED_SOURCE)
    assert [str(kind) for kind in rows.features.dtypes] == [
        "bool",
        "int32",
        "int64",
        "float32",
        "float64",
        "object",
    ]


def test_an_unknown_category_is_told_in_the_models_words(tmp_path: Path) -> None:
    fails_with(
        write(tmp_path, mixed_csv(code="new")), "refuses rows", "unknown categories", source=MIXED_SOURCE
    )


# Missing and infinite values


HOLES = "a,b,y\n0,1,0\n,0,1\n2,,0\n3,,1\n"


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(SimpleImputer(), LogisticRegression()),
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1),
        RandomForestClassifier(2),
    ],
    ids=["imputer", "boosting", "forest"],
)
def test_missing_values_pass_where_the_model_takes_them(tmp_path: Path, estimator: Any) -> None:
    holed = FRAME.assign(a=[0.0, None, 2.0, 3.0], b=[1.0, 0.0, None, None])
    rows = load(write(tmp_path, HOLES), source_of(estimator.fit(holed, LABELS), FRAME))
    assert rows.features.isna().to_numpy().sum() == 3


def test_missing_values_are_counted_by_column_where_it_does_not(tmp_path: Path) -> None:
    fails_with(write(tmp_path, HOLES), "cannot take missing", "1 missing in 'a', 2 missing in 'b'")


def test_missing_values_in_every_row_are_named_too(tmp_path: Path) -> None:
    fails_with(write(tmp_path, "a,b,y\n1,,0\n"), "1 missing in 'b'")


def test_a_missing_value_far_down_is_found(tmp_path: Path) -> None:
    body = "0,1,0\n1,0,1\n" * 1000
    fails_with(write(tmp_path, f"a,b,y\n{body}1,,1\n"), "1 missing in 'b'")


def test_infinite_values_are_named(tmp_path: Path) -> None:
    fails_with(write(tmp_path, "a,b,y\n1,inf,0\n0,1,1\n"), "1 infinite in 'b'")


def test_columns_of_a_model_without_names_are_numbered(tmp_path: Path) -> None:
    fails_with(write(tmp_path, "a,b,y\n1,,0\n0,1,1\n"), "1 missing in 1", source=UNNAMED)


# Target


def test_a_missing_target_column_is_reported_with_a_suggestion(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b,Label\n0,1,0\n")
    fails_with(file, "no target column 'labell'", "a, b, Label", "did you mean 'Label'?", target="labell")


def test_a_classifier_needs_a_target(tmp_path: Path) -> None:
    fails_with(write(tmp_path, CSV), "none was given", "a, b, y", "-P target=COLUMN", target="")


def test_a_model_that_learned_without_answers_needs_none(tmp_path: Path) -> None:
    source = source_of(KMeans(2, n_init=1).fit(FRAME), FRAME)
    rows = load(write(tmp_path, CSV), source, target="")
    assert rows.target is None
    assert "no target was given: checks on accuracy were not made" in rows.notes


def test_an_input_column_is_no_target(tmp_path: Path) -> None:
    fails_with(write(tmp_path, CSV), "'a' is one of the model's input columns", target="a")


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


# Without data


def test_the_input_example_stands_in_for_data() -> None:
    rows = load("", source_of(NAMED.estimator, FRAME, FRAME[["b", "a"]]), target="")
    pd.testing.assert_frame_equal(rows.features, FRAME)
    assert (rows.target, rows.name, rows.uri) == (None, "input example", "models:/m/1")
    assert any("checks on accuracy were not made" in note for note in rows.notes)


def test_an_example_array_gets_the_models_names() -> None:
    rows = load("", source_of(NAMED.estimator, None, FRAME.to_numpy()), target="")
    pd.testing.assert_frame_equal(rows.features, FRAME)


def test_an_example_array_stays_one_for_a_model_without_names() -> None:
    rows = load("", source_of(UNNAMED.estimator, None, FRAME.to_numpy(np.float32)), target="")
    np.testing.assert_array_equal(rows.features, FRAME.to_numpy(np.float32))
    assert rows.features.dtype == np.float32


def test_a_target_without_data_is_noted() -> None:
    rows = load("", source_of(NAMED.estimator, None, FRAME), target="y")
    assert "target 'y' has no use without data" in rows.notes


def test_neither_data_nor_example_is_an_error() -> None:
    fails_with("", "no data was given", "-P data=FILE -P target=COLUMN", "input_example")


# Digest


def test_the_digest_follows_names_types_values_and_target() -> None:
    variants = [
        (FRAME, LABELS),
        (FRAME, None),
        (FRAME, LABELS.astype(float)),
        (FRAME, LABELS[::-1]),
        (FRAME.iloc[::-1], LABELS),
        (FRAME.rename(columns={"a": "c"}), LABELS),
        (FRAME.astype("float32"), LABELS),
        (FRAME.to_numpy(), LABELS),
    ]
    digests = [make_rows(features, target, name="n", uri="u").digest for features, target in variants]
    assert len(set(digests)) == len(variants)
    again = make_rows(FRAME.set_index(pd.Index([9, 8, 7, 6])), LABELS.copy(), name="other", uri="other")
    assert again.digest == digests[0]


def test_a_scaled_pipeline_is_matched_by_the_names_of_its_first_step(tmp_path: Path) -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, LABELS)
    rows = load(write(tmp_path, "b,a,y\n1,0,0\n0,1,1\n"), source_of(pipeline))
    assert list(rows.features.columns) == ["a", "b"]
