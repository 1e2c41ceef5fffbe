"""Rows are found, asked of the model and joined with a target, or the error names what is missing."""

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
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from optimization.data import load_rows, make_rows
from optimization.errors import ServerError
from tests.source.rows import (
    CSV,
    FRAME,
    LABELS,
    MIXED_SOURCE,
    NAMED,
    UNNAMED,
    fails_with,
    load,
    mixed_csv,
    source_of,
    write,
)
from tests.source_store import tracking_store

# Where rows come from


def test_a_relative_path_means_the_working_dir(tmp_path: Path) -> None:
    write(tmp_path, CSV)
    assert len(load_rows("rows.csv", target="y", working_dir=tmp_path, source=NAMED)) == 3


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


# What the model says of them


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


TARGETS = 'a,b,y,z w,"p,q"\n0,1,0,1,2.5\n1,0,1,0,3\n2,2,0,1,4\n'
LABELLED = np.c_[LABELS, 1 - LABELS]


def test_several_target_columns_are_named_with_commas(tmp_path: Path) -> None:
    file = write(tmp_path, TARGETS)
    members = MultiOutputClassifier(LogisticRegression()).fit(FRAME, LABELLED)
    network = MLPClassifier((2,), max_iter=2).fit(FRAME, LABELLED)
    forest = RandomForestRegressor(2).fit(FRAME, LABELLED)
    for estimator, dtype in ((members, int), (network, int), (forest, float)):
        rows = load(file, source_of(estimator, FRAME), target="y, z w")
        assert rows.target is not None
        np.testing.assert_array_equal(rows.target, np.array([[0, 1], [1, 0], [0, 1]], dtype=dtype))
        assert rows.target.dtype == dtype
        assert list(rows.features.columns) == ["a", "b"]


def test_a_column_with_a_comma_in_its_name_is_one_target(tmp_path: Path) -> None:
    regressor = RandomForestRegressor(2).fit(FRAME, LABELS)
    rows = load(write(tmp_path, TARGETS), source_of(regressor, FRAME), target="p,q")
    assert rows.target is not None
    assert rows.target.tolist() == [2.5, 3.0, 4.0]


@pytest.mark.parametrize(("target", "found"), [("y", "found 1: y"), ("y,z w,p", "no target column 'p'")])
def test_another_number_of_targets_than_the_models_is_refused(
    tmp_path: Path, target: str, found: str
) -> None:
    source = source_of(MultiOutputClassifier(LogisticRegression()).fit(FRAME, LABELLED), FRAME)
    fails_with(write(tmp_path, TARGETS), found, source=source, target=target)
    single = source_of(RandomForestRegressor(2).fit(FRAME, LABELS), FRAME)
    expected = "a column for each of the model's 1 targets, found 2: y, z w"
    fails_with(write(tmp_path, TARGETS), expected, source=single, target="y,z w")


def test_a_transformer_may_be_given_a_target(tmp_path: Path) -> None:
    """Nothing is compared with it, as before; it must not be asked for predictions."""
    rows = load(write(tmp_path, CSV), source_of(SimpleImputer().fit(FRAME), FRAME), target="y")
    assert rows.target is not None
    assert rows.target.tolist() == [0, 1, 0]


def test_text_labels_of_several_targets_are_read_as_they_are_written(tmp_path: Path) -> None:
    texts = np.array(["007", "08"])[LABELLED]
    source = source_of(MultiOutputClassifier(LogisticRegression()).fit(FRAME, texts), FRAME)
    rows = load(write(tmp_path, "a,b,y,z\n0,1,007,08\n1,0,08,007\n"), source, target="y,z")
    assert rows.target is not None
    assert rows.target.tolist() == [["007", "08"], ["08", "007"]]


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
