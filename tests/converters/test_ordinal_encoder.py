"""A category that OrdinalEncoder was not fitted with is refused where scikit-learn refuses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tests.convert.examples import MIXED, SURVIVED, predictor

REFUSED = "expected categories that the model was trained with"
UNKNOWN = MIXED.head(3).assign(sex="neither")
CODED = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def model(encoder: Any, columns: list[str]) -> Any:
    transformer = ColumnTransformer([("c", encoder, columns)], remainder="drop")
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    return make_pipeline(transformer, forest).fit(MIXED, SURVIVED)


@pytest.mark.parametrize("encoder", [OrdinalEncoder(), OneHotEncoder()])
def test_an_unknown_text_is_refused(encoder: Any) -> None:
    estimator = model(encoder, ["sex", "class"])
    answerer = predictor(estimator, MIXED)
    np.testing.assert_array_equal(answerer.predict(MIXED), estimator.predict(MIXED))
    with pytest.raises(ValueError, match="unknown categories"):
        estimator.predict(UNKNOWN)
    with pytest.raises(ValueError, match=REFUSED):
        answerer.predict(UNKNOWN)


def test_an_unknown_number_is_refused() -> None:
    estimator = model(OrdinalEncoder(), ["age"])
    answerer = predictor(estimator, MIXED)
    with pytest.raises(ValueError, match=REFUSED):
        answerer.predict(MIXED.head(1).assign(age=999))


@pytest.mark.parametrize("encoder", [CODED, OneHotEncoder(handle_unknown="ignore")])
def test_an_unknown_category_with_a_code_of_its_own_is_answered(encoder: Any) -> None:
    estimator = model(encoder, ["sex", "class"])
    answer = predictor(estimator, MIXED).predict(UNKNOWN, "predict_proba")
    np.testing.assert_allclose(answer, estimator.predict_proba(UNKNOWN), rtol=0, atol=1e-6)


def test_rare_categories_keep_their_common_code() -> None:
    estimator = model(OrdinalEncoder(min_frequency=70), ["sex", "class"])
    np.testing.assert_array_equal(predictor(estimator, MIXED).predict(MIXED), estimator.predict(MIXED))


CELLS = st.tuples(
    st.sampled_from(["a", "b", "ß", "", "A"]), st.integers(-2, 2), st.sampled_from([0.5, -0.0, 7.25])
)
TABLES = st.lists(CELLS, min_size=1, max_size=12).map(
    lambda rows: pd.DataFrame(rows, columns=["t", "i", "f"])
)


@settings(max_examples=25, deadline=None)
@given(TABLES, TABLES, st.integers(-9, -1), st.sampled_from([None, 2, 0.3]))
def test_any_table_is_encoded(known: Any, asked: Any, code: int, rare: Any) -> None:
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=code, min_frequency=rare, dtype=np.float32
    )
    estimator = ColumnTransformer([("c", encoder, ["t", "i", "f"])]).fit(known)
    found = predictor(estimator, known)
    for table in (known, asked):
        np.testing.assert_array_equal(found.predict(table), estimator.transform(table))
