"""Binarizer: a value on the threshold is 0, in the rows' own precision; before trees a part of theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, OneHotEncoder, StandardScaler

from tests.convert.examples import predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time, operators

DRAW = np.random.default_rng(0)
TENTHS = np.round(DRAW.normal(size=(200, 3)), 1)
"""Of which many are 0.1, and none is that in float32."""
CLASSES = (TENTHS @ [1.0, 2.0, -1.0] > 0).astype(int)
AROUND = np.array([[0.1] * 3, [np.nextafter(0.1, 0)] * 3, [np.nextafter(0.1, 1)] * 3, [0.0, -0.0, 5e-324]])
FOREST = RandomForestClassifier(n_estimators=5, random_state=0)
HISTOGRAMS = HistGradientBoostingClassifier(max_iter=2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("final", [LogisticRegression(), FOREST, HISTOGRAMS], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("first", [(), (StandardScaler(),)], ids=["bare", "scaled"])
def test_no_row_on_a_threshold_needs_an_excuse(first: Any, final: Any, dtype: Any) -> None:
    rows = TENTHS.astype(dtype)
    estimator = make_pipeline(*first, Binarizer(threshold=0.1), final).fit(rows, CLASSES)
    found = settled(estimator, rows)
    assert found.report.promise == "exact"
    agree(estimator, rows, AROUND.astype(dtype))
    one_row_at_a_time(estimator, rows)


def test_alone_it_transforms() -> None:
    estimator = Binarizer(threshold=0.1).fit(TENTHS)
    agree(estimator, TENTHS, AROUND)


@pytest.mark.parametrize("final", [FOREST, HISTOGRAMS], ids=lambda x: type(x).__name__)
def test_before_trees_it_becomes_part_of_the_thresholds(final: Any) -> None:
    estimator = make_pipeline(Binarizer(), final).fit(TENTHS, CLASSES)
    assert "Greater" not in operators(agree(estimator, TENTHS))


def test_integers_stay_numbers_behind_it() -> None:
    rows = pd.DataFrame(DRAW.integers(-9, 9, (200, 3)), columns=list("abc"))
    rows["kind"] = DRAW.choice(["x", "y"], 200)
    numbers = make_pipeline(Binarizer(threshold=2), SelectKBest(k=2))
    branches = ColumnTransformer([("n", numbers, list("abc")), ("k", OneHotEncoder(), ["kind"])])
    estimator = make_pipeline(branches, Ridge()).fit(rows, CLASSES)
    assert settled(estimator, rows).report.promise == "exact"


ESTIMATOR = make_pipeline(Binarizer(threshold=0.1), Ridge()).fit(TENTHS, CLASSES)
PREDICTOR = predictor(ESTIMATOR, TENTHS)


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (3, 3), elements=st.floats(-1, 1) | st.sampled_from(AROUND.ravel().tolist())))
def test_any_row_gets_the_answer_of_scikit_learn(rows: Any) -> None:
    np.testing.assert_allclose(PREDICTOR.predict(rows), ESTIMATOR.predict(rows), rtol=0, atol=1e-6)
