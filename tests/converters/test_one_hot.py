"""OneHotEncoder that groups rare or unknown categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from optimization.convert import convert
from optimization.converters.one_hot import columns_of
from tests.convert.examples import predictor

DRAW = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "town": DRAW.choice(["Bonn", "Köln", "Ulm", "Jena"], 300, p=[0.5, 0.4, 0.06, 0.04]),
        "rooms": DRAW.choice([1, 2, 3, 7, 9], 300, p=[0.3, 0.3, 0.3, 0.05, 0.05]),
        "garden": DRAW.random(300) < 0.5,
        "area": DRAW.normal(80, 20, 300),
    }
)
TARGET = (ROWS["area"] + 20 * (ROWS["town"] == "Bonn") + 5 * ROWS["rooms"] > 100).to_numpy().astype(int)
UNKNOWN = pd.DataFrame(
    {
        "town": ["Rom", "Bonn", "Ulm", "Rom"],
        "rooms": [1, 4, 9, 4],
        "garden": [True, False, True, False],
        "area": 80.0,
    }
)
CATEGORIES = ["town", "rooms", "garden"]
SETTINGS: list[dict[str, Any]] = [
    {"min_frequency": 30},
    {"max_categories": 3},
    {"min_frequency": 30, "drop": "first"},
    {"min_frequency": 30, "drop": "if_binary"},
    {},
]


def model(encoder: Any, columns: list[str] = CATEGORIES) -> Any:
    branches = ColumnTransformer([("c", encoder, columns), ("n", StandardScaler(), ["area"])])
    return make_pipeline(branches, LogisticRegression(max_iter=500)).fit(ROWS, TARGET)


def operators(encoder: Any) -> list[str]:
    return [node.op_type for node in convert(model(encoder), ROWS).model.graph.node]


@pytest.mark.parametrize("unknown", ["infrequent_if_exist", "warn", "ignore"])
@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_known_and_unknown_categories_are_answered(options: dict[str, Any], unknown: str) -> None:
    estimator = model(OneHotEncoder(handle_unknown=unknown, **options))
    answerer = predictor(estimator, ROWS)
    for rows in (ROWS, UNKNOWN):
        answer = answerer.predict(rows, "predict_proba")
        np.testing.assert_allclose(answer, estimator.predict_proba(rows), rtol=0, atol=2e-6)


@pytest.mark.parametrize("options", SETTINGS[:-1], ids=str)
def test_unknown_categories_are_refused_where_the_encoder_refuses_them(options: dict[str, Any]) -> None:
    estimator = model(OneHotEncoder(**options))
    answerer = predictor(estimator, ROWS)
    np.testing.assert_array_equal(answerer.predict(ROWS), estimator.predict(ROWS))
    for row in range(len(UNKNOWN) - 2):
        with pytest.raises(ValueError, match="unknown categories"):
            estimator.predict(UNKNOWN.iloc[[row]])
        with pytest.raises(ValueError, match="expected categories that the model was trained with"):
            answerer.predict(UNKNOWN.iloc[[row]])


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_alone_it_answers_its_own_dtype(kind: Any) -> None:
    encoder = OneHotEncoder(min_frequency=30, dtype=kind).fit(ROWS[CATEGORIES])
    answer = predictor(encoder, ROWS[CATEGORIES]).predict(ROWS[CATEGORIES])
    np.testing.assert_array_equal(answer, encoder.transform(ROWS[CATEGORIES]).toarray())


def test_a_matrix_of_integers_is_one_input() -> None:
    rows = DRAW.choice([1, 2, 3, 7], (200, 3), p=[0.4, 0.4, 0.15, 0.05])
    encoder = OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist").fit(rows)
    asked = np.r_[rows, [[9, 9, 9]]]
    answer = predictor(encoder, rows).predict(asked)
    np.testing.assert_array_equal(answer, encoder.transform(asked).toarray())


def test_other_encoders_stay_one_node_a_column() -> None:
    assert operators(OneHotEncoder(handle_unknown="ignore")).count("OneHotEncoder") == 3
    grouped = operators(OneHotEncoder(handle_unknown="infrequent_if_exist"))
    assert (grouped.count("OneHotEncoder"), grouped.count("LabelEncoder")) == (0, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=60),
    st.integers(1, 12),
    st.sampled_from([None, "first", "if_binary"]),
)
def test_every_category_has_the_column_that_the_encoder_gives_it(
    values: list[int], min_frequency: int, drop: str | None
) -> None:
    rows = np.array(values)[:, None]
    encoder = OneHotEncoder(min_frequency=min_frequency, drop=drop).fit(rows)
    width = encoder._n_features_outs[0]
    expected = encoder.transform(encoder.categories_[0][:, None]).toarray()
    found = np.eye(width + 1)[columns_of(encoder, 0)][:, :width]
    np.testing.assert_array_equal(found, expected)
