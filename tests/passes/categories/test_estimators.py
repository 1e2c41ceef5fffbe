"""Estimators on columns of words: no one-hot column is left, and every answer is scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from optimization.passes.categories import ensembles, products
from optimization.verify import convert_faithfully
from optimization.verify.budget import RowBudget

BUDGET = RowBudget(pairs=16, axis_pairs=32, threshold_rows=1_000, edge_rows=100)
DRAW = np.random.default_rng(0)
N = 400
TOWNS = np.array([f"town {i:03d}" for i in range(90)], dtype=object)
ROWS = pd.DataFrame(
    {
        "size": DRAW.normal(50, 20, N),
        "age": DRAW.integers(0, 80, N) * 1.0,
        "town": TOWNS[DRAW.integers(0, 90, N) * DRAW.integers(0, 2, N)],
        "kind": np.array(["new", "old", "none"], dtype=object)[DRAW.integers(0, 3, N)],
    }
)
SCORE = ROWS["size"] / 20 + ROWS.town.str[-2:].astype(int) / 20 + (ROWS.kind == "old") - 3
TWO = np.where(SCORE > 0, "yes", "no")
THREE = np.digitize(SCORE, [-1.0, 1.0])
HOLES = ROWS.mask(DRAW.random(ROWS.shape) < 0.1)
IGNORE = OneHotEncoder(handle_unknown="ignore")


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look everything up, whether it pays or not."""
    monkeypatch.setattr(ensembles, "FEW", 0)
    monkeypatch.setattr(products, "FEW", 0)


def pipeline(final: Any, *between: Any, encoder: Any = IGNORE, scaler: Any = None, fill: bool = False) -> Any:
    numbers, words = scaler or StandardScaler(), clone(encoder)
    if fill:
        numbers = make_pipeline(SimpleImputer(strategy="median"), numbers)
        words = make_pipeline(SimpleImputer(strategy="most_frequent"), words)
    return make_pipeline(
        make_column_transformer((numbers, ["size", "age"]), (words, ["town", "kind"])), *between, final
    )


def operators(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def looked_up(estimator: Any, rows: pd.DataFrame) -> list[str]:
    """Prove the estimator and return its operators, none of which makes one-hot columns."""
    found = convert_faithfully(estimator, rows, seed=0, budget=BUDGET)
    assert not found.report.label_mismatches
    kinds = operators(found.content)
    assert not {"OneHot", "OneHotEncoder"} & set(kinds)
    return kinds


LINEAR = {
    "logistic": (LogisticRegression(max_iter=300), TWO),
    "three classes": (LogisticRegression(max_iter=300), THREE),
    "ridge": (Ridge(), SCORE),
    "svc": (LinearSVC(), TWO),
    "hinge": (SGDClassifier(random_state=0), THREE),
    "network": (MLPClassifier((8,), max_iter=30, random_state=0), TWO),
}
TREES = {
    "forest": (RandomForestClassifier(10, random_state=0, max_depth=8), THREE),
    "regressor": (RandomForestRegressor(10, random_state=0, max_depth=8), SCORE),
    "boosting": (GradientBoostingClassifier(n_estimators=5, random_state=0), THREE),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", LINEAR)
def test_weights_of_words_are_looked_up(name: str) -> None:
    final, target = LINEAR[name]
    kinds = looked_up(pipeline(clone(final)).fit(ROWS, target), ROWS)
    assert kinds.count("LabelEncoder") == 2
    # The scaler beside the words is part of the weights too.
    assert not {"Sub", "Div"} & set(kinds)


@pytest.mark.parametrize("name", TREES)
def test_trees_test_what_the_words_are(name: str) -> None:
    final, target = TREES[name]
    looked_up(pipeline(clone(final)).fit(ROWS, target), ROWS)


@pytest.mark.parametrize("final", [LogisticRegression(), RandomForestClassifier(5, random_state=0)], ids=repr)
@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
        OneHotEncoder(drop="first"),
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2),
        OneHotEncoder(handle_unknown="ignore", dtype=np.int64),
    ],
    ids=lambda item: str(item)[:60],
)
def test_encoders_keep_their_rules(encoder: Any, final: Any) -> None:
    looked_up(pipeline(clone(final), encoder=encoder).fit(ROWS, TWO), ROWS)


def test_a_missing_word_is_a_key_like_the_others() -> None:
    estimator = pipeline(LogisticRegression(), fill=True).fit(HOLES, TWO)
    kinds = looked_up(estimator, HOLES)
    assert kinds.count("LabelEncoder") == 2
    assert "Where" not in kinds


def test_scaled_columns_are_scaled_weights() -> None:
    looked_up(pipeline(LogisticRegression(), MaxAbsScaler()).fit(ROWS, TWO), ROWS)


def test_several_members_read_the_same_columns() -> None:
    vote = VotingClassifier(
        [("line", LogisticRegression()), ("trees", RandomForestClassifier(5, random_state=0))], voting="soft"
    )
    looked_up(pipeline(vote).fit(ROWS, TWO), ROWS)


@pytest.mark.parametrize("final", [RandomForestClassifier(5, random_state=0), LogisticRegression()], ids=repr)
def test_few_columns_stay_where_they_are_faster(final: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = convert_faithfully(pipeline(clone(final)).fit(ROWS, THREE), ROWS, seed=0, budget=BUDGET)
    assert "OneHotEncoder" in operators(found.content)


def test_boosting_by_histograms_takes_one_hot_columns_too() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    final = HistGradientBoostingClassifier(max_iter=4)
    looked_up(pipeline(final, encoder=encoder).fit(ROWS, TWO), ROWS)
