"""Vectorizers of words: any pattern, n-grams of any length, stop words between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.converters.words import as_re2
from optimization.errors import ConversionError
from tests.converters.test_word_boundaries import counts, table

TEXTS = [
    "the quick brown fox is the best",
    "Ärger über café, naïve foo_bar x 42 3.5",
    "it's a state-of-the-art e-mail: don't!",
    "",
    "the of and",
    "日本 語 мир  ok?\tYes\nNo",
    "one",
]
NEW = ["brown the fox of the café", "", "the", "unknown words only", "ÜBER the 42 x 42"]
PATTERNS = [
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"\b\w{3,}\b",
    r"\w+",
    r"(?u)\S+",
    r"[\w-]+",
    r"[\w']+",
    r"\d+\.?\d*|\w+",
    r"[^\s,]+",
]
RANGES = [(1, 1), (1, 2), (2, 2), (1, 3), (3, 3)]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("ngram_range", RANGES, ids=str)
def test_n_grams_of_words_are_counted(pattern: str, ngram_range: tuple[int, int]) -> None:
    counts(CountVectorizer(token_pattern=pattern, ngram_range=ngram_range), TEXTS, NEW)


@pytest.mark.parametrize("ngram_range", RANGES, ids=str)
@pytest.mark.parametrize("stop_words", ["english", ["the", "of"]], ids=str)
@pytest.mark.parametrize("options", [{}, {"binary": True}, {"lowercase": False}], ids=str)
def test_stop_words_are_left_out_before_words_are_joined(
    ngram_range: tuple[int, int], stop_words: Any, options: dict[str, Any]
) -> None:
    """skl2onnx 1.20 keeps them: "fox of the café" has no pair "fox café" there."""
    counts(CountVectorizer(stop_words=stop_words, ngram_range=ngram_range, **options), TEXTS, NEW)


@pytest.mark.parametrize("options", [{"max_features": 6}, {"min_df": 2}, {"max_df": 2}], ids=str)
def test_n_grams_whose_words_are_no_entries_are_counted(options: dict[str, Any]) -> None:
    """skl2onnx 1.20 gives up where it cannot find the words of an n-gram in the vocabulary."""
    texts = [*TEXTS, "a brown fox", "brown fox and brown fox"]
    counts(TfidfVectorizer(ngram_range=(1, 3), **options), texts, NEW)


@pytest.mark.parametrize("options", [{}, {"sublinear_tf": True}, {"norm": "l1"}, {"use_idf": False}], ids=str)
def test_weights_of_tf_idf(options: dict[str, Any]) -> None:
    counts(TfidfVectorizer(ngram_range=(1, 2), stop_words="english", **options), TEXTS, NEW)


def test_words_that_hold_blanks_are_refused_where_they_are_joined() -> None:
    model = make_pipeline(
        ColumnTransformer([("t", CountVectorizer(token_pattern=r"\w+ ?", ngram_range=(1, 2)), "text")]),
        LogisticRegression(),
    ).fit(table(TEXTS), np.arange(len(TEXTS)) % 2)
    with pytest.raises(ConversionError, match="hold blanks"):
        convert(model, table(TEXTS))


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"(?u)\b\w\w+\b", r"[\p{L}\p{N}_][\p{L}\p{N}_]+"),
        (r"\b\w{3,}\b", r"[\p{L}\p{N}_]{3,}"),
        (r"[\w.]+", r"[\p{L}\p{N}_.]+"),
        (r"\W\d", r"[^\p{L}\p{N}_][\p{Nd}]"),
        (r"\[x\w\]", r"\[x[\p{L}\p{N}_]\]"),
        (r"\b[a-z]+\b", r"\b[a-z]+\b"),
    ],
)
def test_patterns_for_re2(pattern: str, written: str) -> None:
    assert as_re2(pattern) == written


def test_the_opposite_of_a_class_in_brackets_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="brackets"):
        as_re2(r"[\W_]+")


ESTIMATOR = ColumnTransformer(
    [("t", CountVectorizer(ngram_range=(1, 2), stop_words=["the", "of"]), "text")], sparse_threshold=0.0
).fit(table(TEXTS))
CONVERTED = convert(ESTIMATOR, table(TEXTS))
PREDICTOR = Predictor(CONVERTED.model.SerializeToString(), CONVERTED.manifest)
WORDS = sorted({word for text in TEXTS for word in text.split()} | {"the", "of", "new", ",", "a"})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=1, max_size=5))
@example(["", "the", "the of"])
def test_any_texts_are_counted_as_scikit_learn_does(texts: list[str]) -> None:
    np.testing.assert_array_equal(PREDICTOR.predict(table(texts)), ESTIMATOR.transform(table(texts)))
