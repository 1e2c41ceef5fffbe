"""Models side by side: what is refused, what is counted, what is timed."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from entrypoints.comparing import answers_of, check_inputs, open_models, rows_to_time, variants_of
from entrypoints.contenders import Opened
from entrypoints.naming import names_of
from optimization.errors import DataError, ParameterError, SourceError

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1, 0, 1]})


def model(uri: str = "models:/m/1", answer: Any = (0, 1, 1), **changes: Any) -> Opened:
    """A model of two columns that gives `answer` whatever it is asked."""
    plain = Opened(
        uri=uri,
        what="test",
        n_bytes=100,
        labels=True,
        columns=("a", "b"),
        n_columns=2,
        matrix="",
        answer=lambda rows: np.asarray(answer),
        contender=lambda name, as_matrix: None,
        estimator=None,
    )
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize("uris", [(), ("models:/a/1",)])
def test_fewer_than_two_models_are_refused(uris: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match=r"^model_uris: expected two models or more, found"):
        open_models(Namespace(model_uris=uris))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_columns": 3, "columns": None}, "models:/m/1 with 2 columns and models:/n/1 with 3 columns"),
        ({"columns": ("a", "c")}, "models:/m/1 with columns b and models:/n/1 with columns c"),
        ({"labels": False}, "answer alike, found models:/m/1 with labels and models:/n/1 with numbers"),
    ],
)
def test_models_of_different_tasks_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        check_inputs(model(), model("models:/n/1", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"columns": None, "n_columns": None},
        {"columns": ("b", "a")},
        {"columns": ("b",)},  # a graph that does not read all it was fitted with
    ],
)
def test_models_that_take_the_same_rows_pass(changes: dict[str, Any]) -> None:
    check_inputs(model(), model("models:/n/1", **changes))


def test_agreement_is_counted_against_the_first() -> None:
    opened = [model(), model(answer=(0, 1, 0)), model(answer=(1, 0, 0))]
    names = names_of(["models:/m/1", "models:/m/2", "models:/m/3"])
    answers = answers_of(opened, ROWS)
    found = variants_of(opened, names, answers, np.array([0, 1, 0]))
    assert [item.label_mismatches for item in found] == [None, 1, 3]
    assert [item.max_abs_difference for item in found] == [None, None, None]
    assert [item.scores["accuracy"] for item in found] == pytest.approx([2 / 3, 1.0, 1 / 3])
    assert [(item.name, item.title) for item in found][1] == ("m_2", "m/2")


def test_numbers_are_compared_by_their_largest_difference() -> None:
    opened = [model(answer=(1.0, 2.0, 3.0), labels=False), model(answer=(1.0, 2.5, 3.0), labels=False)]
    names = names_of(["models:/m/1", "models:/m/2"])
    found = variants_of(opened, names, answers_of(opened, ROWS), None)
    assert [item.label_mismatches for item in found] == [None, None]
    assert found[1].max_abs_difference == 0.5
    assert found[1].scores == {}


def test_labels_of_text_meet_a_target_of_numbers() -> None:
    opened = [model(answer=("0", "1", "1")), model(answer=np.array(["0", "1", "1"], object))]
    found = variants_of(opened, names_of(["a", "b"]), answers_of(opened, ROWS), np.array([0, 1, 1]))
    assert [item.scores["accuracy"] for item in found] == [1.0, 1.0]


def test_a_target_of_text_for_labels_of_numbers_is_refused() -> None:
    opened = [model(), model()]
    target = np.array(["no", "yes", "yes"], object)
    with pytest.raises(DataError, match="found text such as 'no'"):
        variants_of(opened, names_of(["a", "b"]), answers_of(opened, ROWS), target)


@pytest.mark.parametrize("answer", [("0", "1", "1"), ((0, 1), (1, 0), (1, 0))])
def test_answers_of_another_form_are_refused(answer: Any) -> None:
    with pytest.raises(DataError, match="expected answers of models:/n/1 like those of models:/m/1"):
        answers_of([model(), model("models:/n/1", answer)], ROWS)


def test_a_model_that_refuses_the_rows_is_named() -> None:
    def refuse(rows: Any) -> Any:
        raise ValueError("no NaN\nplease")

    with pytest.raises(DataError, match=r"^models:/n/1 refuses the rows \(no NaN please\)"):
        answers_of([model(), dataclasses.replace(model("models:/n/1"), answer=refuse)], ROWS)


def test_rows_are_a_matrix_in_the_dtype_of_the_first_graph() -> None:
    rows, dtype = rows_to_time([model(), model(matrix="float32"), model(matrix="float64")], ROWS)
    assert dtype == "float32"
    assert rows.dtype == np.float32
    assert rows_to_time([model(), model()], ROWS)[1] == "float64"


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"matrix": None}, ROWS),
        ({"columns": ("b", "a")}, ROWS),
        ({}, ROWS.assign(b=["x", "y", "z"])),
    ],
)
def test_rows_stay_a_table_where_a_model_needs_names(changes: dict[str, Any], rows: pd.DataFrame) -> None:
    found, dtype = rows_to_time([model(), model(**changes)], rows)
    assert found is rows
    assert dtype is None


def test_a_relative_folder_means_the_users(tmp_path: Path) -> None:
    values = Namespace(
        model_uris=("here", "there"), working_dir=str(tmp_path), skops_trusted_types=(), n_threads=1
    )
    with pytest.raises(SourceError, match=f"expected an MLflow model folder at {tmp_path}/here"):
        open_models(values)
