"""How many rows a graph takes at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import helper
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from optimization.convert import convert
from optimization.passes.pipeline import simplify
from optimization.passes.rows import LEAST, TEXTS, VALUES, rows_per_thread, widest
from tests.passes.helpers import constant, make_model

ROWS, DIGITS = load_digits(return_X_y=True)
LINEAR = LogisticRegression(max_iter=3000)
NETWORK = MLPClassifier((300,), max_iter=2, random_state=0)


def graph_of(estimator: Any, rows: Any) -> Any:
    return simplify(convert(estimator, rows).model).model


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("estimator", [SVC(), NETWORK, LINEAR], ids=lambda e: type(e).__name__)
def test_the_widest_matrix_on_the_way_decides(estimator: Any) -> None:
    estimator.fit(ROWS, DIGITS)
    width = {"SVC": len(getattr(estimator, "support_", ())), "MLPClassifier": 300, "LogisticRegression": 64}
    model = graph_of(estimator, ROWS)
    assert widest(model) == width[type(estimator).__name__]
    assert rows_per_thread(model) == rows_per_thread(model.SerializeToString()) == VALUES // widest(model)


def test_words_count_though_nobody_knows_their_matrix() -> None:
    texts = pd.DataFrame({"text": [f"word{i} word{i // 2} all" for i in range(600)]})
    words = ColumnTransformer([("words", TfidfVectorizer(), "text")])
    estimator = make_pipeline(words, LogisticRegression()).fit(texts, np.arange(600) % 2)
    model = graph_of(estimator, texts)
    assert widest(model) == 601
    assert rows_per_thread(model) == TEXTS


def test_constants_do_not_count_and_very_wide_graphs_keep_some_rows() -> None:
    wide = constant("wide", np.ones((5, 10 * VALUES), np.float32))
    nodes = [helper.make_node("Neg", ["wide"], ["still"]), helper.make_node("Neg", ["x"], ["y"])]
    assert widest(make_model(nodes, constants=[wide])) == 3
    first = constant("row", np.ones((1, 10 * VALUES), np.float32))
    model = make_model([helper.make_node("MatMul", ["x", "row"], ["y"])], constants=[first])
    assert rows_per_thread(model) == LEAST


def test_rows_of_a_table_read_at_several_places_count_together() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["places"], to=7),
        helper.make_node("Gather", ["table", "places"], ["read"]),
        helper.make_node("ReduceSum", ["read", "axis"], ["y"], keepdims=0),
    ]
    table = [constant("table", np.zeros((5, 20), np.float32)), constant("axis", np.array([1]))]
    assert widest(make_model(nodes, constants=table)) == 3 * 20
