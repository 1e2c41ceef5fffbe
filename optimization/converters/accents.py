"""strip_accents of vectorizers: texts whose characters are replaced by what they decompose into.

In: texts `(n_rows,)`, lowered already, and "ascii" or "unicode".
Out: texts `(n_rows,)`.
Promise: exact, by the Unicode database of the Python that converts.

scikit-learn decomposes a text (NFKD) and keeps the characters of ASCII, or those that do not combine with the
one before (feature_extraction/text.py: strip_accents_ascii, strip_accents_unicode, 1.9). A text decomposes
character by character: only the order of combining characters depends on their neighbours (Unicode Standard
Annex 15, D68), and none of them is kept. So a Tokenizer takes a text apart into characters, a LabelEncoder
replaces them, and a Loop joins neighbours, two by two, until one string is left of each row. Texts of ASCII
are spared this.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

from .word_boundaries import NO_CHARACTER, encoded, take_apart
from .writer import Detached, Writer

OPSET = 20
"""The oldest operator set with StringConcat."""
ASCII = r"[\x00-\x7f]*"
"""Texts that stay as they are; onnxruntime gives the pattern to RE2."""
AS_IT_IS = "\ufffe"
"""What stands for a character that is kept; no character of Unicode."""
FUNCTIONS: dict[str, Callable[[str], str]] = {"ascii": strip_accents_ascii, "unicode": strip_accents_unicode}
_MANY = 1 << 40
"""More than any text has characters."""
_SURROGATES = range(0xD800, 0xE000)
"""Halves of characters, which no text in UTF-8 holds."""


def without_accents(writer: Writer, texts: str, how: str, *, known: Collection[str] | None) -> str:
    """Write the nodes; return the name of the texts.

    Args:
        known: the characters of the vocabulary, if an unknown letter may stand for several: 11,172 Korean
            syllables need no room in a file that knows none of their letters. None: it may not.

    Raises:
        NotImplementedError: `how` is a function.
    """
    if how not in FUNCTIONS:
        raise NotImplementedError("only strip_accents=None, 'ascii' and 'unicode' are supported")
    start, last = (writer.constant(np.array([value])) for value in (0, -1))
    is_ascii = writer.add("RegexFullMatch", [texts], pattern=ASCII)
    places = writer.add("Transpose", [writer.add("NonZero", [writer.add("Not", [is_ascii])])], perm=[1, 0])
    others = writer.add("GatherND", [texts, places])
    # Tokenizer answers no rows with one axis less, so one row is there in any case.
    others = writer.add("Concat", [others, writer.constant(np.array([""], dtype=object))], axis=0)
    changed = writer.add("Slice", [_replaced(writer, others, how, known), start, last])
    return writer.add("ScatterND", [texts, places, changed])


def _replaced(writer: Writer, texts: str, how: str, known: Collection[str] | None) -> str:
    characters = take_apart(writer, texts, filling=NO_CHARACTER, separators=[""])
    changes = replacements(how)
    if how == "unicode" and known is not None:
        changes = _needed(changes, known)
    replaced = encoded(
        writer,
        characters,
        [*changes, NO_CHARACTER],
        values_strings=[*changes.values(), ""],
        default_string="" if how == "ascii" else AS_IT_IS,
    )
    if how == "unicode":
        kept = writer.add("Equal", [replaced, writer.constant(np.array(AS_IT_IS, dtype=object))])
        replaced = writer.add("Where", [kept, characters, replaced])
    return _joined(writer, replaced)


@functools.cache
def replacements(how: str) -> dict[str, str]:
    """Return what becomes of each character that changes; of all that are kept, if `how` is "ascii"."""
    characters = [chr(code) for code in range(sys.maxunicode + 1) if code not in _SURROGATES]
    if how == "ascii":
        return {one: kept for one in characters if (kept := strip_accents_ascii(one))}
    return {
        one: kept
        for one in characters
        if not unicodedata.is_normalized("NFKD", one) or unicodedata.combining(one)
        if (kept := strip_accents_unicode(one)) != one
    }


def _needed(changes: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Leave out letters that are unknown before and after; what is neither letter nor digit ends words."""
    return {
        one: kept
        for one, kept in changes.items()
        if not (one + kept).isalnum() or not kept or not set(known).isdisjoint(one + kept)
    }


def _joined(writer: Writer, parts: str) -> str:
    """Join the strings of each row, `(n_rows, n_parts)`: `(n_rows,)`."""
    zero, one, axis = (writer.constant(np.array(value)) for value in ([0], [1], 1))
    n_rows = writer.add("Slice", [writer.add("Shape", [parts]), zero, one])
    blank = writer.constant(np.array([[""]], dtype=object))
    blanks = writer.add("Expand", [blank, writer.add("Concat", [n_rows, one], axis=0)])
    # A batch of empty texts has no parts at all.
    parts = writer.add("Concat", [parts, blanks], axis=1)
    width = writer.add("Gather", [writer.add("Shape", [parts]), axis], axis=0)
    # skl2onnx cannot sort a node with an input left out: turns without end are many turns here.
    turns = writer.constant(np.array(_MANY))
    several = writer.add("Greater", [width, axis])
    body = _neighbours_joined(writer.name("join"), blanks)
    found = writer.add("Loop", [turns, several, parts], body=body)
    return writer.add("Reshape", [found, writer.constant(np.array([-1]))])


def _neighbours_joined(prefix: str, blanks: str) -> onnx.GraphProto:
    """Return a turn of the loop: half as many parts, rounded up, and whether they are still several.

    Args:
        prefix: of the names in it.
        blanks: `(n_rows, 1)`, the partner of a last part without one.
    """
    body = Detached(f"{prefix}/")
    turn, going_on, parts = (body.name(name) for name in ("turn", "going_on", "parts"))
    zero, one, two, rest = (body.constant(np.array([value])) for value in (0, 1, 2, _MANY))
    first = body.add("Slice", [parts, zero, rest, one, two])
    others = body.add("Concat", [body.add("Slice", [parts, one, rest, one, two]), blanks], axis=1)
    width = body.add("Slice", [body.add("Shape", [first]), one, two])
    joined = body.add("StringConcat", [first, body.add("Slice", [others, zero, width, one])])
    several = body.add("Squeeze", [body.add("Greater", [width, one])])
    return helper.make_graph(
        body.nodes,
        prefix,
        [
            helper.make_tensor_value_info(turn, TensorProto.INT64, []),
            helper.make_tensor_value_info(going_on, TensorProto.BOOL, []),
            helper.make_tensor_value_info(parts, TensorProto.STRING, [None, None]),
        ],
        [
            helper.make_tensor_value_info(several, TensorProto.BOOL, []),
            helper.make_tensor_value_info(joined, TensorProto.STRING, [None, None]),
        ],
        body.tensors,
    )
