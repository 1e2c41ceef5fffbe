"""CountVectorizer and TfidfVectorizer, by their analyzer.

In: a fitted vectorizer.
Out: counts `(n_rows, n_features)` float32, or 0 and 1 with binary=True; what TfidfVectorizer makes of them is
written by skl2onnx.
Promise: exact as far as `words`, `characters`, `word_boundaries` and `accents` are, but for letters whose
lower case depends on the library (docs/convert.md); analyzers of one's own are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .accents import without_accents
from .affine import replace_converter
from .characters import characters_of_texts
from .word_boundaries import characters_of
from .words import counts_words_alone, words_of
from .writer import Writer

ALIAS = "SklearnCountVectorizer"
ANALYZERS = {"word": words_of, "char": characters_of_texts, "char_wb": characters_of}
OWN = ("preprocessor", "tokenizer")
"""Parameters that change texts by functions."""


def register() -> None:
    """Replace skl2onnx's converter, which TfidfVectorizer's calls too."""
    replace_converter(ALIAS, convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    vectorizer = operator.raw_operator
    if not isinstance(vectorizer.analyzer, str):
        raise NotImplementedError("an analyzer that is a function has no graph")
    for name in OWN:
        if getattr(vectorizer, name) is not None:
            raise NotImplementedError(f"only {name}=None is supported")
    writer = Writer(scope, container)
    texts = writer.add("Reshape", [operator.inputs[0].full_name, writer.constant(np.array([-1]))])
    if vectorizer.lowercase:
        texts = writer.add("StringNormalizer", [texts], case_change_action="LOWER", is_case_sensitive=0)
    if vectorizer.strip_accents is not None:
        known = {character for entry in vectorizer.vocabulary_ for character in entry}
        alike = vectorizer.analyzer != "word" or counts_words_alone(vectorizer)
        texts = without_accents(writer, texts, vectorizer.strip_accents, known=known if alike else None)
    counts = ANALYZERS[vectorizer.analyzer](writer, texts, vectorizer)
    if vectorizer.binary:
        counts = writer.add("Min", [counts, writer.constant(np.ones(1, dtype=np.float32))])
    writer.finish(counts, operator.outputs[0].full_name)
