"""Where the words of a column come from, past nodes that fill and pick columns.

In: the name of a column `(n_rows, 1)`.
Out: the name of a column that holds the same words but for missing ones, and what stands for these.
Promise: lossless.

    Gather(Concat(…, xᵢ, …), [i])            is xᵢ
    Where(isₘ(X), fills, X), isₘ a table     is X, where each word of m means its column's fill
    read at LabelEncoder(X)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx

from optimization.passes.facts import Facts, settings


@dataclass(frozen=True)
class Source:
    """A column, and what some of its words mean."""

    name: str
    means: Mapping[bytes, bytes] = field(default_factory=dict)


def source_of(name: str, facts: Facts) -> Source:
    """Return where a column's words come from; itself where nothing is known."""
    picked = facts.maker(name, "Gather")
    if facts.widths.get(name) != 1:
        return Source(name)
    if picked is None:
        return _column(name, 0, facts) or Source(name)
    place = facts.value(picked.input[1])
    if place is None or place.shape != (1,) or settings(picked).get("axis") != 1:
        return Source(name)
    return _column(picked.input[0], int(place[0]), facts) or Source(name)


def _column(matrix: str, i: int, facts: Facts) -> Source | None:
    """Return column i of a matrix; None where it stands in none of its own."""
    if facts.widths.get(matrix) == 1 and facts.maker(matrix, "Where") is None:
        return Source(matrix)
    joined = facts.maker(matrix, "Concat")
    if joined is not None:
        widths = [facts.widths.get(part) for part in joined.input]
        apart = settings(joined)["axis"] in (1, -1) and set(widths) == {1}
        return source_of(joined.input[i], facts) if apart else None
    filled = facts.maker(matrix, "Where")
    return _filled(filled, i, facts) if filled is not None else None


def _filled(node: onnx.NodeProto, i: int, facts: Facts) -> Source | None:
    """Read past Where(missing, fills, X)."""
    marked, fills, rows = node.input
    texts, missing = facts.value(fills), _missing(marked, rows, facts)
    if texts is None or texts.dtype != object or texts.ndim != 2 or missing is None:
        return None
    inner = _column(rows, i, facts)
    if inner is None:
        return None
    fill = texts[0, i if texts.shape[1] > 1 else 0]
    word = fill if isinstance(fill, bytes) else str(fill).encode()
    known = {key: inner.means.get(key, key) for key in (*missing, *inner.means)}
    return Source(inner.name, {key: word if value in missing else value for key, value in known.items()})


def _missing(marked: str, rows: str, facts: Facts) -> tuple[bytes, ...] | None:
    """Return the words that Gather([False, True], LabelEncoder(X)) marks; None for any other marks."""
    read = facts.maker(marked, "Gather")
    encoder = None if read is None else facts.maker(read.input[1], "LabelEncoder")
    if read is None or encoder is None or encoder.input[0] != rows:
        return None
    table, found = facts.value(read.input[0]), settings(encoder)
    marks = found.get("values_int64s", [])
    two = table is not None and table.dtype == bool and np.array_equal(table, [False, True])
    if not two or set(marks) != {1} or found.get("default_int64") != 0:
        return None
    return tuple(found["keys_strings"])
