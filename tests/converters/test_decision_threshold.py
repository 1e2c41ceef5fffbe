"""Classifiers that compare a score with a threshold of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tests.convert.examples import BENIGN, CANCER, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

ROWS = CANCER.to_numpy()[:, :6]
WORDS = np.array(["bad", "good"])[BENIGN]
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
FOREST = RandomForestClassifier(n_estimators=10, random_state=0)
CLASSIFIERS = {
    "linear": LOGISTIC,
    "forest": FOREST,
    "scaled forest": make_pipeline(StandardScaler(), FOREST),
    "hist": HistGradientBoostingClassifier(max_iter=5),
    "bayes": GaussianNB(),
    "network": make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=500, random_state=0)),
    "calibrated": CalibratedClassifierCV(GaussianNB(), cv=2),
    "frozen": FrozenEstimator(LogisticRegression(max_iter=5000).fit(ROWS, BENIGN)),
}


@pytest.mark.parametrize("threshold", [0.3, 0.9])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_proof_holds_at_every_threshold(name: str, threshold: float) -> None:
    """Rows on both sides of the threshold, next to each other, are among those that are compared."""
    estimator = FixedThresholdClassifier(CLASSIFIERS[name], threshold=threshold).fit(ROWS, BENIGN)
    assert settled(estimator, ROWS).report.exact


@pytest.mark.parametrize("name", ["linear", "forest", "hist"])
def test_a_tuned_threshold_decides(name: str) -> None:
    estimator = TunedThresholdClassifierCV(CLASSIFIERS[name], scoring="f1", cv=3).fit(ROWS, BENIGN)
    assert settled(estimator, ROWS).report.exact
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize("positive", ["bad", "good"])
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_either_class_may_be_the_positive_one(positive: str, method: str) -> None:
    threshold = 0.2 if method == "predict_proba" else 1.5
    estimator = FixedThresholdClassifier(
        LOGISTIC, threshold=threshold, pos_label=positive, response_method=method
    ).fit(ROWS, WORDS)
    agree(estimator, ROWS)
    assert (estimator.predict(ROWS) != estimator.estimator_.predict(ROWS)).any()


@pytest.mark.parametrize(
    "classifier", [RidgeClassifier(), make_pipeline(StandardScaler(), SVC())], ids=["ridge", "svc"]
)
@pytest.mark.parametrize("threshold", ["auto", 0.4, -0.7])
def test_a_decision_function_is_compared_where_there_are_no_probabilities(
    classifier: Any, threshold: Any
) -> None:
    estimator = FixedThresholdClassifier(classifier, threshold=threshold).fit(ROWS, BENIGN)
    assert settled(estimator, ROWS).report.exact


@pytest.mark.parametrize("target", [BENIGN.astype(bool), 2 * BENIGN - 1], ids=["truths", "signs"])
def test_labels_of_other_kinds(target: Any) -> None:
    agree(FixedThresholdClassifier(FOREST, threshold=0.3, pos_label=1).fit(ROWS, target), ROWS)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9))
def test_a_share_of_votes_that_is_the_threshold_reaches_it(votes: int) -> None:
    """0.3 in float32 is more than 0.3, and 0.7 is less: shares are compared as k ÷ n."""
    estimator = FixedThresholdClassifier(FOREST, threshold=votes / 10).fit(ROWS, BENIGN)
    on_it = np.isclose(estimator.predict_proba(ROWS)[:, 1], votes / 10)
    answers = predictor(estimator, ROWS).predict(ROWS)
    np.testing.assert_array_equal(answers, estimator.predict(ROWS))
    assert on_it.any()
