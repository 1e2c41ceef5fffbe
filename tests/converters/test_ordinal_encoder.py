"""A category that OrdinalEncoder was not fitted with is refused where scikit-learn refuses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
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
