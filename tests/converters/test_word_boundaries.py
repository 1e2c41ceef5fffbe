"""Vectorizers of characters within words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from optimization.converters.word_boundaries import SPACES
from tests.convert.examples import GOOD, TEXT, predictor, settled

TEXTS = [
    "The quick brown fox",
    "a",
    "",
    "   ",
    "Ärger über  café\tnaïve\n日本 語 ",
    "I\u00a0am\u2003here",
    "aaa aa a",
    "x-y, (z)! #tag ## #",
    "one",
]
RANGES = [(1, 1), (2, 2), (1, 3), (2, 4), (4, 5), (5, 5)]


def table(texts: Any) -> pd.DataFrame:
    return pd.DataFrame({"text": texts})


def counts(vectorizer: Any, texts: Any, new: Any) -> None:
    """The counts themselves, on the texts of the fit and on new ones."""
    estimator = ColumnTransformer([("text", vectorizer, "text")], sparse_threshold=0.0).fit(table(texts))
    found = predictor(estimator, table(texts))
    for batch in (texts, new, new[:1]):
        expected = estimator.transform(table(batch))
        np.testing.assert_allclose(found.predict(table(batch)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ngram_range", RANGES, ids=str)
@pytest.mark.parametrize("options", [{}, {"binary": True}, {"lowercase": False}], ids=str)
def test_n_grams_within_words_are_counted(ngram_range: tuple[int, int], options: dict[str, Any]) -> None:
    vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=ngram_range, **options)
    counts(vectorizer, TEXTS, ["fox a quick", "", "über Über", "a a a #"])


@pytest.mark.parametrize("options", [{}, {"sublinear_tf": True}, {"norm": "l1"}, {"use_idf": False}], ids=str)
def test_weights_of_tf_idf(options: dict[str, Any]) -> None:
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), **options)
    counts(vectorizer, TEXTS, ["fox a quick", "brown", "über Über"])


def test_every_space_of_python_ends_a_word() -> None:
    assert SPACES[-1] == "\u3000"
    assert len(SPACES) == sum(chr(code).isspace() for code in range(0x110000))
    texts = [f"ab{space}cd" for space in SPACES]
    counts(CountVectorizer(analyzer="char_wb", ngram_range=(2, 3)), texts, texts)


def test_batches_without_any_word() -> None:
    counts(CountVectorizer(analyzer="char_wb", ngram_range=(1, 2)), TEXTS, ["", "  "])


def test_the_proof_holds_before_a_model() -> None:
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    estimator = make_pipeline(
        ColumnTransformer([("text", vectorizer, "text")]), LogisticRegression(max_iter=500)
    )
    assert settled(estimator.fit(TEXT, GOOD), TEXT).report.exact


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(alphabet="ab c#é日\t-", max_size=12), min_size=2, max_size=12),
    low=st.integers(1, 4),
    more=st.integers(0, 2),
)
def test_any_texts_are_counted_alike(texts: list[str], low: int, more: int) -> None:
    vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=(low, low + more))
    counts(vectorizer, [*texts, "abc"], texts[::-1])
