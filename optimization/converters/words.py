"""CountVectorizer and TfidfVectorizer with analyzer="word": words by a pattern, n-grams of these.

In: a fitted vectorizer, and texts `(n_rows,)`.
Out: counts `(n_rows, n_features)` float32.
Promise: exact, but for patterns that RE2 reads otherwise than Python's `re` (docs/convert.md).

scikit-learn joins the words of an n-gram with blanks, after it has left stop words out
(feature_extraction/text.py: _word_ngrams, 1.9). skl2onnx 1.20 guesses the words of an n-gram and gives up
where a word of it is no entry of its own, keeps stop words between others, and hands Python's pattern on as
it is. Here stop words are moved behind the end of their row, where no entry of the vocabulary goes on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from .word_boundaries import IN_CLASS, NO_WORD, encoded, take_apart, vectorize
from .writer import Writer

_CLASSES = {
    r"\w": r"\p{L}\p{N}_",
    r"\d": r"\p{Nd}",
    r"\s": IN_CLASS,
}
"""Python's classes of characters, of all scripts, for RE2, which knows ASCII's."""
_WORDS = re.compile(r"\\b((?:\\w)*\\w(?:\+|\{\d+,\}))\\b")
"""Patterns of the longest rows of \\w, which begin and end at boundaries of words by themselves."""
_BEHIND = 1 << 40
"""More than any row has words."""


def words_of(writer: Writer, texts: str, vectorizer: Any) -> str:
    """Write the n-grams of words; return the name of their counts.

    Raises:
        NotImplementedError: the pattern cannot be written for RE2, or words hold blanks.
    """
    longest = vectorizer.ngram_range[1]
    entries = [(_split(text, longest), column) for text, column in vectorizer.vocabulary_.items()]
    pattern = as_re2(vectorizer.token_pattern)
    words = take_apart(writer, texts, filling=NO_WORD, mark=1, tokenexp=pattern)
    stop_words = vectorizer.get_stop_words()
    if stop_words and longest > 1:
        words = _without(writer, words, stop_words)
    return vectorize(writer, words, entries)


def counts_words_alone(vectorizer: Any) -> bool:
    """Whether an unknown word counts for nothing, however many letters it has and whatever is beside it."""
    pattern = vectorizer.token_pattern.removeprefix("(?u)")
    return vectorizer.ngram_range[1] == 1 and _WORDS.fullmatch(pattern) is not None


def as_re2(pattern: str) -> str:
    """Return a pattern of Python's `re` for onnxruntime's RE2.

    Raises:
        NotImplementedError: a class of characters holds the opposite of one.
    """
    pattern = pattern.removeprefix("(?u)")
    if whole := _WORDS.fullmatch(pattern):
        pattern = whole[1]
    written, inside = "", False
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        known, opposite = _CLASSES.get(part), _CLASSES.get(part.lower())
        if known:
            written += known if inside else f"[{known}]"
        elif opposite and inside:
            raise NotImplementedError(f"token_pattern has {part} in brackets")
        elif opposite:
            written += f"[^{opposite}]"
        else:
            inside = part == "[" if part in "[]" else inside
            written += part
    return written


def _split(text: str, longest: int) -> tuple[str, ...]:
    """The words of an entry of the vocabulary."""
    if longest == 1:
        return (text,)
    words = tuple(text.split(" "))
    if len(words) > longest or "" in words:
        raise NotImplementedError(f"the words of {text!r} hold blanks")
    return words


def _without(writer: Writer, words: str, stop_words: Collection[str]) -> str:
    """Move stop words behind the other words and the end of their row; all else keeps its order."""
    axis = writer.constant(np.array(1))
    names = sorted(stop_words)
    stop = encoded(writer, words, names, values_int64s=[_BEHIND] * len(names), default_int64=1)
    shape = writer.add("Shape", [words])
    ones = writer.add("Sign", [stop])
    place = writer.add("Add", [stop, writer.add("CumSum", [ones, axis])])
    count = writer.add("Gather", [shape, writer.constant(np.array([1]))], axis=0)
    outputs = [writer.name("places"), writer.name("order")]
    _, order = writer.add_all("TopK", [place, count], outputs, axis=1, largest=0, sorted=1)
    return writer.add("GatherElements", [words, order], axis=1)
