"""One number for each category of a column, read from and written to a graph.

In: nodes that make a column's one-hot columns.
Out: a `Lookup`; nodes that give another number for each of its columns.
Promise: lossless; a row that the old nodes refuse (a category that the model was not trained with) is refused
by the new ones.

    OneHotEncoder(x)                         column of the category, none or a refusal for all others
    OneHot(LabelEncoder(x), depth)           column LabelEncoder(x), none if that is `depth`
    OneHot(Gather(table, p), depth)          column table[p]; p may be beyond the table: a refusal
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from optimization.passes.build import Builder
from optimization.passes.categories.sources import Source, source_of
from optimization.passes.facts import Array, Facts, settings

Keys = Sequence[bytes] | Sequence[int]
KEYS = ("keys_strings", "keys_int64s")


@dataclass(frozen=True)
class Lookup:
    """A column of categories and its one-hot columns 0, 1, …, depth − 1; `depth` is none of them."""

    source: str
    """Name of the tensor `(n_rows, 1)` that is looked up."""
    depth: int
    columns: Array
    """`(n,)` int64, at most `depth`: of each key, or by position."""
    keys: Keys | None = None
    """Words or integers; None where the source holds positions."""
    default: int | None = None
    """Column of all other keys; None: they are refused."""


def read_encoder(node: onnx.NodeProto, facts: Facts) -> Lookup | None:
    """Return the lookup of OneHotEncoder (ai.onnx.ml 1); None where its rows are of an unknown kind."""
    found = settings(node)
    words, integers = found.get("cats_strings"), found.get("cats_int64s")
    categories = words or integers
    default = len(categories or ()) if found.get("zeros", 1) else None
    if not categories or facts.widths.get(node.input[0]) != 1:
        return None
    if integers and facts.element_types.get(node.input[0]) != onnx.TensorProto.INT64:
        return None
    return _past_fills(node.input[0], list(categories), np.arange(len(categories)), default, facts)


def read_one_hot(node: onnx.NodeProto, facts: Facts) -> Lookup | None:
    """Return the lookup of OneHot of flat positions with columns of 0 and 1; None for any other."""
    depth, ends = facts.value(node.input[1]), facts.value(node.input[2])
    flat = facts.maker(node.input[0], "Reshape")
    if depth is None or ends is None or flat is None or not np.array_equal(ends, [0, 1]):
        return None
    shape, codes, width = facts.value(flat.input[1]), flat.input[0], int(depth.reshape(-1)[0])
    if settings(node).get("axis", -1) != -1 or shape is None or not np.array_equal(shape, [-1]):
        return None
    found = _read_codes(codes, facts)
    if found is None or (found.columns < 0).any() or (found.columns > width).any():
        return None
    if found.default is not None and not 0 <= found.default <= width:
        return None
    return Lookup(found.source, width, found.columns, found.keys, found.default)


def _read_codes(codes: str, facts: Facts) -> Lookup | None:
    """Return what LabelEncoder, or Gather from a table, makes of a column."""
    encoder, read = facts.maker(codes, "LabelEncoder"), facts.maker(codes, "Gather")
    if encoder is not None:
        found = settings(encoder)
        keys = next((list(found[name]) for name in KEYS if found.get(name)), None)
        if keys is None or "values_int64s" not in found or facts.widths.get(encoder.input[0]) != 1:
            return None
        columns = np.array(found["values_int64s"], dtype=np.int64)
        return _past_fills(encoder.input[0], keys, columns, found.get("default_int64", -1), facts)
    if read is None or settings(read).get("axis", 0) != 0 or facts.widths.get(read.input[1]) != 1:
        return None
    table = facts.value(read.input[0])
    if table is None or table.dtype != np.int64 or table.ndim != 1:
        return None
    return Lookup(read.input[1], 0, table)


def _past_fills(name: str, keys: Keys, columns: Array, default: int | None, facts: Facts) -> Lookup:
    """Return a lookup of the words that `name` was filled from."""
    source = source_of(name, facts) if isinstance(keys[0], bytes) else Source(name)
    known: dict[Any, Any] = dict(zip(keys, columns.tolist(), strict=True))
    if default is None and any(word not in known for word in source.means.values()):
        source = Source(name)
    known |= {word: known.get(fill, default) for word, fill in source.means.items()}
    return Lookup(source.name, len(columns), np.array(list(known.values())), list(known), default)


def write_values(builder: Builder, lookup: Lookup, values: Array) -> str:
    """Write `values[column]` of each row, `(n_rows, 1)`.

    Args:
        builder: of the graph.
        lookup: of a column.
        values: `(depth + 1,)` float32, float64 or int64; the last one is for rows without a column.
    """
    if lookup.keys is None:
        return builder.add("Gather", [builder.constant(values[lookup.columns]), lookup.source])
    if lookup.default is None:
        places = np.arange(len(lookup.keys))
        place = _label_encoder(builder, lookup, places, len(places))
        return builder.add("Gather", [builder.constant(values[lookup.columns]), place])
    if values.dtype == np.float64:
        # LabelEncoder knows float64 from ai.onnx.ml 4 on.
        place = _label_encoder(builder, lookup, lookup.columns, lookup.default)
        return builder.add("Gather", [builder.constant(values), place])
    return _label_encoder(builder, lookup, values[lookup.columns], values[lookup.default])


def _label_encoder(builder: Builder, lookup: Lookup, values: Array, default: float) -> str:
    assert lookup.keys is not None
    kind, convert = ("int64", int) if values.dtype == np.int64 else ("float", float)
    attributes = {
        "keys_strings" if isinstance(lookup.keys[0], bytes) else "keys_int64s": list(lookup.keys),
        f"values_{kind}s": values.tolist(),
        f"default_{kind}": convert(default),
    }
    return builder.add_ml("LabelEncoder", lookup.source, attributes)
