"""CountVectorizer and TfidfVectorizer with analyzer="char": n-grams of all characters of a text.

In: a fitted vectorizer.
Out: counts `(n_rows, n_features)` float32.
Promise: exact, but for letters whose lower case depends on the library (docs/convert.md).

scikit-learn makes one blank of two or more spaces in a row, whatever they are
(feature_extraction/text.py: _char_ngrams, 1.9). Here the first Tokenizer takes a text apart into such rows of
spaces and single characters; the second finds a single character in each part but in the rows of spaces, and
fills what is missing with a blank. Marks at the ends of a text see to it that there are single characters.
"""

from __future__ import annotations

from typing import Any

from .word_boundaries import BLANK, MICROSOFT, NO_CHARACTER, SPACES, lowered, vectorize
from .writer import Writer

_SPACE = "[" + "".join(f"\\x{{{ord(space):x}}}" for space in SPACES) + "]"
PARTS = f"{_SPACE}{{2,}}|(?s:.)"
ONE = "^(?s:.)$"


def characters_of_texts(writer: Writer, operator: Any) -> str:
    """Write the n-grams of characters; return the name of their counts."""
    parts = writer.add(
        "Tokenizer",
        [lowered(writer, operator)],
        domain=MICROSOFT,
        mark=1,
        mincharnum=1,
        pad_value=NO_CHARACTER,
        tokenexp=PARTS,
    )
    single = writer.add(
        "Tokenizer", [parts], domain=MICROSOFT, mark=0, mincharnum=1, pad_value=BLANK, tokenexp=ONE
    )
    vocabulary = operator.raw_operator.vocabulary_
    entries = [(tuple(text), column) for text, column in vocabulary.items()]
    return vectorize(writer, writer.add("Flatten", [single], axis=1), entries)
