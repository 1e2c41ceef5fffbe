"""CountVectorizer and TfidfVectorizer with analyzer="char": n-grams of all characters of a text.

In: a fitted vectorizer, and texts `(n_rows,)`.
Out: counts `(n_rows, n_features)` float32.
Promise: exact.

scikit-learn makes one blank of two or more spaces in a row, whatever they are
(feature_extraction/text.py: _char_ngrams, 1.9). Here the first Tokenizer takes a text apart into such rows of
spaces and single characters; the second finds a single character in each part but in the rows of spaces, and
fills what is missing with a blank. Marks at the ends of a text see to it that there are single characters.
"""

from __future__ import annotations

from typing import Any

from .word_boundaries import BLANK, IN_CLASS, NO_CHARACTER, take_apart, vectorize
from .writer import Writer

PARTS = f"[{IN_CLASS}]{{2,}}|(?s:.)"
ONE = "^(?s:.)$"


def characters_of_texts(writer: Writer, texts: str, vectorizer: Any) -> str:
    """Write the n-grams of characters; return the name of their counts."""
    parts = take_apart(writer, texts, filling=NO_CHARACTER, mark=1, tokenexp=PARTS)
    single = take_apart(writer, parts, filling=BLANK, tokenexp=ONE)
    entries = [(tuple(text), column) for text, column in vectorizer.vocabulary_.items()]
    return vectorize(writer, writer.add("Flatten", [single], axis=1), entries)
