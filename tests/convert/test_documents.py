"""Estimators of documents take tables of one column, and are converted as if they always had."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

from entrypoints.measuring import original_estimator
from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.convert.documents import as_table_model, reads_documents
from optimization.documents import DocumentModel, documents_of
from optimization.errors import ConversionError
from tests.convert.examples import settled

WORDS = ["the", "cat", "sat", "on", "mat", "with", "Über", "dog", "straße", "don't", "2nd", "I"]
DRAW = np.random.default_rng(0)
TEXTS = [" ".join(DRAW.choice(WORDS, DRAW.integers(3, 9))) for _ in range(120)]
LABELS = np.where(["cat" in text for text in TEXTS], "pets", "else")
ROWS = np.array(TEXTS, dtype=object)[:, None]
LOGISTIC = make_pipeline(TfidfVectorizer(), LogisticRegression())
BAYES = make_pipeline(CountVectorizer(), MultinomialNB())
BOTH = [("words", TfidfVectorizer()), ("letters", TfidfVectorizer(analyzer="char", ngram_range=(2, 3)))]
ESTIMATORS = {
    "words": LOGISTIC,
    "pairs of words": make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC()),
    "counts": BAYES,
    "words and letters": make_pipeline(FeatureUnion(BOTH), LogisticRegression()),
    "a search": GridSearchCV(LOGISTIC, {"logisticregression__C": [1, 10]}, cv=2),
    "calibrated": CalibratedClassifierCV(make_pipeline(TfidfVectorizer(), LinearSVC()), cv=2),
    "a vote": VotingClassifier([("a", LOGISTIC), ("b", BAYES)], voting="soft"),
}


def fitted(name: str) -> Any:
    return ESTIMATORS[name].fit(TEXTS, LABELS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_documents_are_proven_and_answered_in_every_form(name: str) -> None:
    estimator = fitted(name)
    model = as_table_model(estimator)
    found = settled(model, ROWS)
    assert found.report.exact
    assert not found.manifest.named
    predictor, expected = Predictor(found.content, found.manifest), estimator.predict(TEXTS)
    for rows in (TEXTS, pd.Series(TEXTS), ROWS, ROWS[:, 0], pd.DataFrame({"review": TEXTS})):
        np.testing.assert_array_equal(predictor.predict(rows), expected)
        np.testing.assert_array_equal(model.predict(rows), expected)
    assert predictor.predict(TEXTS[:1]).shape == (1,)


def test_missing_documents_are_refused() -> None:
    found = settled(as_table_model(fitted("words")), ROWS)
    with pytest.raises(ValueError, match="column '0': expected text in every row, found None"):
        Predictor(found.content, found.manifest).predict([TEXTS[0], None])


def test_other_estimators_are_left_as_they_are() -> None:
    table = pd.DataFrame({"review": TEXTS, "stars": DRAW.integers(1, 6, len(TEXTS))})
    by_column = ColumnTransformer([("t", TfidfVectorizer(), "review")], remainder="passthrough")
    for estimator, rows in (
        (make_pipeline(by_column, LogisticRegression()), table),
        (LogisticRegression(), table[["stars"]]),
    ):
        estimator.fit(rows, LABELS)
        assert not reads_documents(estimator)
        assert as_table_model(estimator) is estimator


def test_everything_else_is_the_estimators_own() -> None:
    model = as_table_model(fitted("words"))
    assert is_classifier(model)
    assert model.classes_.tolist() == ["else", "pets"]
    assert model.n_features_in_ == 1
    assert not hasattr(model, "score_samples")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(ROWS), model.predict(ROWS))


def test_the_estimator_itself_is_timed() -> None:
    timed = original_estimator(as_table_model(fitted("words")), 1)
    assert isinstance(timed, DocumentModel)
    assert timed.table_estimator_ is None
    assert [type(step).__name__ for _, step in timed.steps] == ["TfidfVectorizer", "LogisticRegression"]


def test_the_users_estimator_stays_as_it_was() -> None:
    estimator = fitted("words")
    before = pickle.dumps(estimator)
    convert(as_table_model(estimator), ROWS)
    assert pickle.dumps(estimator) == before


def test_a_vectorizer_without_a_converter_is_refused_by_name() -> None:
    estimator = make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()).fit(TEXTS, LABELS)
    with pytest.raises(ConversionError, match="HashingVectorizer"):
        convert(as_table_model(estimator), ROWS)


def test_documents_of_any_rows() -> None:
    for rows in (TEXTS, pd.Series(TEXTS), pd.DataFrame({"a": TEXTS, "b": TEXTS[::-1]}), ROWS):
        assert list(documents_of(rows)) == TEXTS
