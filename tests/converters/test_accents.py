"""strip_accents of vectorizers, whatever characters a text holds."""

from __future__ import annotations

import unicodedata
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.convert import convert
from optimization.converters import accents
from optimization.converters.writer import Detached
from optimization.errors import ConversionError
from optimization.passes.runtimes import oldest_onnxruntime
from tests.convert.examples import GOOD, TEXT, settled
from tests.converters.test_word_boundaries import counts, table

TEXTS = [
    "Crème brûlée à la carte",
    "cafe\u0301 ÉCOLE ½ litre ﬁn a\u0316\u0301b",
    "naïve façade Åse ångström",
    "가나다 각 한국어 ｶﾞ カタカナ",
    "straße … ΆΒ ①②③ x² y₃ Ǆ ﷺ",
    "",
    "plain words of ASCII",
]
NEW = [
    "creme BRULÉE",
    "\u0301 \u0300\u0301",
    "a\u00a0b\u00a8c",
    "한 국",
    "½",
    "",
    "Ａ１ ｆｕｌｌ",
    "𝐀𝟙 ᾧ\x00b",
]


def without(texts: list[str], how: str) -> list[str]:
    """Return what the graph makes of `texts`."""
    writer = Detached()
    found = accents.without_accents(writer, "texts", how, known=None)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        writer.nodes,
        "accents",
        [value("texts", TensorProto.STRING, [None])],
        [value(found, TensorProto.STRING, [None])],
        writer.tensors,
    )
    versions = (("", accents.OPSET), ("ai.onnx.ml", 3), ("com.microsoft", 1))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*item) for item in versions])
    model.ir_version = 8
    session = open_session(model.SerializeToString(), Session())
    answer: list[str] = session.run(None, {"texts": np.array(texts, dtype=object)})[0].tolist()
    return answer


@pytest.mark.parametrize("how", accents.FUNCTIONS)
def test_every_character_of_unicode(how: str) -> None:
    """But U+FFFE and U+FFFF, which are no characters: they stand for others in the graph."""
    left_out = {*accents._SURROGATES, 0xFFFE, 0xFFFF}
    codes = [code for code in range(0x110000) if code not in left_out]
    texts = ["".join(map(chr, part)) for part in np.array_split(codes, 2000)]
    assert without(texts, how) == [accents.FUNCTIONS[how](text) for text in texts]


@pytest.mark.parametrize("how", accents.FUNCTIONS)
@pytest.mark.parametrize("lengths", [[0], [0, 0], [1], [2, 1], [3], [7, 0, 8], [1000, 1, 1025]], ids=str)
def test_rows_of_any_length(how: str, lengths: list[int]) -> None:
    texts = ["éa"[i % 2] * n for i, n in enumerate(lengths)]
    assert without(texts, how) == [accents.FUNCTIONS[how](text) for text in texts]


@pytest.mark.parametrize(
    ("analyzer", "ngram_range"), list(product(["word", "char", "char_wb"], [(1, 1), (1, 2), (2, 3)])), ids=str
)
@pytest.mark.parametrize("how", accents.FUNCTIONS)
def test_n_grams_are_counted(how: Any, analyzer: Any, ngram_range: tuple[int, int]) -> None:
    counts(CountVectorizer(analyzer=analyzer, strip_accents=how, ngram_range=ngram_range), TEXTS, NEW)


@pytest.mark.parametrize(
    "options",
    [
        {"lowercase": False},
        {"token_pattern": r"\S+"},
        {"token_pattern": r"[\w½]+"},
        {"stop_words": ["creme", "a"], "ngram_range": (1, 2)},
        {"vocabulary": ["creme", "brûlée", "가", "각", "fin"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", accents.FUNCTIONS)
def test_with_other_options(how: Any, options: dict[str, Any]) -> None:
    counts(CountVectorizer(strip_accents=how, **options), TEXTS, NEW)


def test_the_proof_holds_before_a_model_and_the_file_names_its_onnxruntime() -> None:
    vectorizer = TfidfVectorizer(strip_accents="unicode", sublinear_tf=True)
    estimator = make_pipeline(ColumnTransformer([("t", vectorizer, "text")]), LogisticRegression())
    found = settled(estimator.fit(TEXT, GOOD), TEXT)
    assert found.report.exact
    assert oldest_onnxruntime(onnx.load_from_string(found.content)) == "1.17"


def test_a_function_of_ones_own_is_refused() -> None:
    estimator = ColumnTransformer([("t", CountVectorizer(strip_accents=str.swapcase), "text")]).fit(TEXT)
    with pytest.raises(ConversionError, match="only strip_accents=None, 'ascii' and 'unicode'"):
        convert(estimator, TEXT)


def test_letters_that_the_vocabulary_does_not_know_take_no_room() -> None:
    """Where a letter more or less decides nothing: words alone, but not pairs of them."""

    def size(**options: Any) -> int:
        vectorizer = CountVectorizer(strip_accents="unicode", **options)
        estimator = ColumnTransformer([("t", vectorizer, "text")]).fit(table(["creme brulee", "a b c"]))
        return len(convert(estimator, table(["creme"])).model.SerializeToString())

    alone, pairs, any_pattern = size(), size(ngram_range=(1, 2)), size(token_pattern=r"\S+")
    assert alone < 0.3 * pairs
    assert any_pattern > 0.9 * pairs
    assert size(analyzer="char", ngram_range=(1, 2)) < 0.3 * pairs


def test_replacements_are_those_of_this_pythons_unicode() -> None:
    found = accents.replacements("unicode")
    assert found["é"] == "e" and found["\u0301"] == "" and found["한"] == unicodedata.normalize("NFKD", "한")
    assert "e" not in found and "ß" not in found
    assert accents.replacements("ascii")["e"] == "e"


LETTERS = "aeE é\u0301\u0300ñ½ﬁ한각ñ²\u00a8\u00a0ß\u1100"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(LETTERS, max_size=14), min_size=1, max_size=4),
    st.sampled_from(sorted(accents.FUNCTIONS)),
)
@example(["", ""], "ascii")
@example(["e\u0301\u0316"], "unicode")
def test_any_texts_become_what_scikit_learn_makes_of_them(texts: list[str], how: str) -> None:
    assert without(texts, how) == [accents.FUNCTIONS[how](text) for text in texts]


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(LETTERS, max_size=10), min_size=2, max_size=8),
    analyzer=st.sampled_from(["word", "char", "char_wb"]),
    longest=st.integers(1, 3),
)
def test_any_texts_are_counted_alike(texts: list[str], analyzer: Any, longest: int) -> None:
    vectorizer = CountVectorizer(analyzer=analyzer, strip_accents="unicode", ngram_range=(1, longest))
    counts(vectorizer, [*texts, "abc"], texts[::-1])
