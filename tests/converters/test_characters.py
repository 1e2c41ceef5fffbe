"""Vectorizers of all characters: any spaces, n-grams of any length."""

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
from optimization.errors import ConversionError
from tests.converters.test_word_boundaries import RANGES, TEXTS, counts, table

SPACED = [*TEXTS, "a  b", "\ta\n", "a \u00a0\u2003b", "   ", "two\n\nlines  end  "]
NEW = ["a   b", "  ", "", "a\nb", "fox  a\t\tquick "]


@pytest.mark.parametrize("ngram_range", RANGES, ids=str)
@pytest.mark.parametrize("options", [{}, {"binary": True}, {"lowercase": False}], ids=str)
def test_n_grams_of_characters_are_counted(ngram_range: tuple[int, int], options: dict[str, Any]) -> None:
    """skl2onnx 1.20 keeps every space, and ends at a line's end."""
    counts(CountVectorizer(analyzer="char", ngram_range=ngram_range, **options), SPACED, NEW)


@pytest.mark.parametrize("options", [{}, {"sublinear_tf": True}, {"max_features": 9}], ids=str)
def test_weights_of_tf_idf(options: dict[str, Any]) -> None:
    counts(TfidfVectorizer(analyzer="char", ngram_range=(1, 3), **options), SPACED, NEW)


def test_a_row_of_nothing_but_spaces_is_one_blank() -> None:
    assert PREDICTOR.predict(table([" \t "])).sum() == 1


def test_an_analyzer_of_ones_own_is_refused() -> None:
    model = make_pipeline(
        ColumnTransformer([("t", CountVectorizer(analyzer=str.split), "text")]), LogisticRegression()
    ).fit(table(SPACED), np.arange(len(SPACED)) % 2)
    with pytest.raises(ConversionError):
        convert(model, table(SPACED))


ESTIMATOR = ColumnTransformer(
    [("t", CountVectorizer(analyzer="char", ngram_range=(1, 3)), "text")], sparse_threshold=0.0
).fit(table(SPACED))
CONVERTED = convert(ESTIMATOR, table(SPACED))
PREDICTOR = Predictor(CONVERTED.model.SerializeToString(), CONVERTED.manifest)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab \t\n\u00a0\u3000é", max_size=12), min_size=1, max_size=4))
@example(["", "  "])
def test_any_texts_are_counted_as_scikit_learn_does(texts: list[str]) -> None:
    np.testing.assert_array_equal(PREDICTOR.predict(table(texts)), ESTIMATOR.transform(table(texts)))
