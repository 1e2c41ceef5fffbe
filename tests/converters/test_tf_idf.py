"""Weights of TfidfTransformer: logarithms, documents, norms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from flavor.quantized_onnx_v1 import Predictor
from optimization.verify import convert_faithfully
from optimization.verify.budget import AGAIN
from tests.convert.examples import GOOD, TEXT, predictor, settled

TEXTS = pd.DataFrame({"text": ["the quick the the fox", "aa aa aa bb", "one two two", "", "fox"] * 4})
NEW = pd.DataFrame({"text": ["fox fox fox fox the", "nothing known", "", "two one"]})
VECTORIZERS = [
    TfidfVectorizer(sublinear_tf=True),
    TfidfVectorizer(sublinear_tf=True, norm="l1", ngram_range=(1, 2)),
    TfidfVectorizer(sublinear_tf=True, use_idf=False),
    TfidfVectorizer(sublinear_tf=True, norm=None, binary=True),
    TfidfVectorizer(sublinear_tf=True, analyzer="char"),
    TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(1, 3)),
    make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    make_pipeline(CountVectorizer(), TfidfTransformer(norm="l1")),
    make_pipeline(CountVectorizer(), TfidfTransformer(use_idf=False)),
    TfidfVectorizer(norm=None, use_idf=False),
    TfidfVectorizer(smooth_idf=False, binary=True),
]


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_it_agrees_on_known_and_on_new_texts(vectorizer: Any) -> None:
    estimator = ColumnTransformer([("text", vectorizer, "text")], sparse_threshold=0.0).fit(TEXTS)
    found = predictor(estimator, TEXTS)
    for batch in (TEXTS, NEW):
        np.testing.assert_allclose(found.predict(batch), estimator.transform(batch), rtol=1e-5, atol=1e-6)


def test_of_other_numbers_than_counts_the_logarithm_may_be_negative() -> None:
    rows = pd.DataFrame({"a": [0.1, 0.0, 2.0, 1.0], "b": [0.0, 0.3, 0.5, 7.0]})
    transformer = TfidfTransformer(sublinear_tf=True, norm=None)
    estimator = ColumnTransformer([("t", transformer, ["a", "b"])], sparse_threshold=0.0).fit(rows)
    expected = estimator.transform(rows)
    assert expected.min() < 0
    np.testing.assert_allclose(predictor(estimator, rows).predict(rows), expected, rtol=1e-5, atol=1e-6)


def test_the_proof_holds_before_a_model() -> None:
    vectorizer = ColumnTransformer([("text", TfidfVectorizer(sublinear_tf=True), "text")])
    estimator = make_pipeline(vectorizer, LogisticRegression(max_iter=500))
    assert settled(estimator.fit(TEXT, GOOD), TEXT).report.exact


COUNTS = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=8)


TRANSFORMERS = st.builds(
    TfidfTransformer,
    norm=st.sampled_from([None, "l1", "l2"]),
    use_idf=st.booleans(),
    sublinear_tf=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(COUNTS, COUNTS, TRANSFORMERS, st.sampled_from([1.0, 0.37]))
def test_any_counts_are_weighed(known: Any, asked: Any, transformer: Any, unit: float) -> None:
    """Of words, which are whole, and of other numbers: squares of the smallest need float64."""
    tables = [pd.DataFrame(np.array(rows) * unit, columns=list("abc")) for rows in (known, asked)]
    estimator = ColumnTransformer([("t", transformer, list("abc"))], sparse_threshold=0.0).fit(tables[0])
    proven = convert_faithfully(estimator, tables[0], seed=0, budget=AGAIN)
    found = Predictor(proven.content, proven.manifest)
    for table in tables:
        np.testing.assert_allclose(found.predict(table), estimator.transform(table), rtol=1e-5, atol=1e-6)
