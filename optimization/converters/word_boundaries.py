"""CountVectorizer and TfidfVectorizer with analyzer="char_wb": words, their characters, n-grams of these.

In: a fitted vectorizer, and texts `(n_rows,)`.
Out: counts `(n_rows, n_features)` float32.
Promise: exact.

scikit-learn puts a blank on both sides of each word and counts n-grams within a word; a word that is
shorter than n counts once as it is (feature_extraction/text.py: _char_wb_ngrams, 1.9). onnxruntime's
Tokenizer marks the ends of what it takes apart: the words are taken apart first, then each of them into
characters, and the marks stand for the blanks.  An n-gram over two words has an end before a start, which no
entry of the vocabulary has. Rows with fewer words than others are filled up, words with fewer characters too.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from onnx import TensorProto

from .writer import ML_DOMAIN, Writer

MICROSOFT = "com.microsoft"
START, END = "\x02", "\x03"
"""What Tokenizer puts before and behind a text (onnxruntime's docs/ContribOperators.md: mark)."""
NO_WORD, NO_CHARACTER = "\ufffe", "\uffff"
"""Fillings, which are no characters of Unicode."""
BLANK = " "
SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What str.split takes for space; the last one is U+3000."""
IN_CLASS = "".join(f"\\x{{{ord(space):x}}}" for space in SPACES)
"""The same for a class of characters of onnxruntime's RE2."""
WORD = f"[^{IN_CLASS}]+"


def characters_of(writer: Writer, texts: str, vectorizer: Any) -> str:
    """Write the n-grams of characters within words; return the name of their counts."""
    return _counts(writer, _characters(writer, texts), vectorizer.vocabulary_)


def take_apart(writer: Writer, texts: str, *, filling: str, mark: int = 0, **how: Any) -> str:
    """Write a Tokenizer: one axis more than `texts`, short rows filled up.

    Args:
        filling: of rows with fewer parts than others.
        mark: whether `START` and `END` stand around the parts.
        how: `tokenexp`, a pattern of the parts, or `separators`.
    """
    given = {"mark": mark, "mincharnum": 1, "pad_value": filling, **how}
    return writer.add("Tokenizer", [texts], domain=MICROSOFT, **given)


def _characters(writer: Writer, texts: str) -> str:
    """`(n_rows, n_characters)` of all words, each between `START` and `END`."""
    words = take_apart(writer, texts, filling=NO_WORD, tokenexp=WORD)
    characters = take_apart(writer, words, filling=NO_CHARACTER, mark=1, separators=[""])
    return writer.add("Flatten", [characters], axis=1)


def _counts(writer: Writer, characters: str, vocabulary: dict[str, int]) -> str:
    n_features = max(vocabulary.values()) + 1
    entries = [(tokens, column) for text, column in vocabulary.items() for tokens in _tokens(text)]
    if BLANK in vocabulary:
        entries.append(((NO_WORD,), n_features))
    counts = vectorize(writer, characters, entries)
    if BLANK not in vocabulary:
        return counts
    # Each word that is not there has two ends, which are no blanks.
    ends = [writer.constant(np.array([end])) for end in (0, n_features, n_features + 1, 1)]
    known = writer.add("Slice", [counts, ends[0], ends[1], ends[3]])
    fillings = writer.add("Slice", [counts, ends[1], ends[2], ends[3]])
    taken = np.zeros((1, n_features), dtype=np.float32)
    taken[0, vocabulary[BLANK]] = 2.0
    return writer.add("Sub", [known, writer.add("Mul", [fillings, writer.constant(taken)])])


def _tokens(text: str) -> list[tuple[str, ...]]:
    """The n-grams of characters and marks that count for an entry of the vocabulary."""
    if text == BLANK:
        return [(START,), (END,)]
    first = START if text.startswith(BLANK) else text[0]
    last = END if text.endswith(BLANK) else text[-1]
    return [(first, *text[1:-1], last) if len(text) > 1 else (first,)]


def vectorize(writer: Writer, tokens: str, entries: list[tuple[tuple[str, ...], int]]) -> str:
    """Write TfIdfVectorizer, whose pool holds n-grams by their length.

    Where n-grams have several tokens, these are numbered first, the most frequent ones with small numbers: a
    token that is in many of them is written once.
    """
    entries = sorted(entries, key=lambda entry: len(entry[0]))
    lengths = np.array([len(gram) for gram, _ in entries])
    starts = [int(lengths[lengths < n].sum()) for n in range(1, int(lengths[-1]) + 1)]
    pool: dict[str, Any] = {"pool_strings": [token for gram, _ in entries for token in gram]}
    if lengths[-1] > 1:
        numbers = {token: i for i, (token, _) in enumerate(Counter(pool["pool_strings"]).most_common())}
        pool = {"pool_int64s": [numbers[token] for gram, _ in entries for token in gram]}
        tokens = encoded(
            writer, tokens, list(numbers), values_int64s=list(numbers.values()), default_int64=-1
        )
    return writer.add(
        "TfIdfVectorizer",
        [tokens],
        mode="TF",
        min_gram_length=int(lengths[0]),
        max_gram_length=int(lengths[-1]),
        max_skip_count=0,
        ngram_indexes=[column for _, column in entries],
        ngram_counts=starts,
        **pool,
    )


def encoded(writer: Writer, tokens: str, keys: list[str], **values: Any) -> str:
    """Write the value of each token, of `values_int64s` or `values_strings`, or the default of these."""
    # onnx does not know Tokenizer, and its shape inference crashes on a LabelEncoder of unknown type (1.23).
    known = writer.add("Cast", [tokens], to=TensorProto.STRING)
    return writer.add("LabelEncoder", [known], domain=ML_DOMAIN, keys_strings=keys, **values)
