"""Numbers and one-hot columns, side by side.

In: the name of a matrix.
Out: its parts, from left to right, and the tensors between them and the matrix.
Promise: lossless.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx

from optimization.passes.categories.lookups import Lookup, read_encoder, read_one_hot
from optimization.passes.facts import Facts, settings

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


@dataclass(frozen=True)
class Part:
    """Columns of a matrix that stand together."""

    width: int
    name: str = ""
    """Of numbers: the tensor that holds them."""
    cast: int = 0
    """The type that the columns are cast to on the way; 0 for none."""
    lookup: Lookup | None = None
    """Of one-hot columns."""
    kind: int = 0
    """Type of the matrix; 0 where nothing is known yet."""


@dataclass(frozen=True)
class Join:
    """A matrix of floats."""

    parts: list[Part]
    inner: set[str]
    """Names of the tensors that make it of its parts; its own, and those of one-hot columns, too."""

    @property
    def n_one_hot(self) -> int:
        """How many one-hot columns it has."""
        return sum(part.width for part in self.parts if part.lookup)


def read_join(name: str, facts: Facts) -> Join | None:
    """Return the parts of a matrix; None where it holds no one-hot columns."""
    inner: set[str] = set()
    parts = _parts(name, facts, inner) or []
    kinds = {part.cast or part.kind for part in parts if part.lookup}
    if len(kinds) != 1 or not kinds <= set(FLOATS):
        return None
    # What stands side by side is of one type.
    return Join([replace(part, kind=next(iter(kinds))) for part in parts], inner)


def _parts(name: str, facts: Facts, inner: set[str]) -> list[Part] | None:
    node = facts.makers.get(name)
    between: set[str] = set()
    found = None if node is None else _read(node, facts, between)
    if found is not None and any(part.lookup for part in found):
        inner |= between | {name}
        return found
    width = facts.widths.get(name)
    return None if width is None else [Part(width, name)]


def _read(node: onnx.NodeProto, facts: Facts, inner: set[str]) -> list[Part] | None:
    """Return the parts of what `node` makes; None where it is a part itself."""
    if node.op_type == "Concat" and settings(node)["axis"] in (1, -1):
        return _joined([_parts(name, facts, inner) for name in node.input])
    if node.op_type == "OneHot":
        ends = facts.constants.get(node.input[2])
        return _one(read_one_hot(node, facts), ends.data_type if ends is not None else 0)
    if node.op_type == "Reshape":
        return _flattened(node, facts, inner)
    if node.op_type == "Cast" and settings(node)["to"] in FLOATS:
        found = _parts(node.input[0], facts, inner)
        if found is None or any(part.cast for part in found):
            return None
        return [replace(part, cast=settings(node)["to"]) for part in found]
    return None


def _flattened(node: onnx.NodeProto, facts: Facts, inner: set[str]) -> list[Part] | None:
    """Read Reshape(OneHotEncoder(x), [−1, width]), of several encoders that Concat puts side by side too."""
    shape, name = facts.value(node.input[1]), node.input[0]
    if shape is None or len(shape) != 2 or shape[0] != -1:
        return None
    joined = facts.maker(name, "Concat")
    if joined is not None and settings(joined)["axis"] not in (2, -1):
        return None
    names = joined.input if joined is not None else [name]
    inner |= {name, *names}
    encoders = [facts.maker(item, "OneHotEncoder") for item in names]
    parts = _joined([_encoded(item, facts) for item in encoders])
    return parts if parts is not None and sum(part.width for part in parts) == int(shape[1]) else None


def _encoded(node: onnx.NodeProto | None, facts: Facts) -> list[Part] | None:
    return None if node is None else _one(read_encoder(node, facts), onnx.TensorProto.FLOAT)


def _one(lookup: Lookup | None, kind: int) -> list[Part] | None:
    return None if lookup is None else [Part(lookup.depth, lookup=lookup, kind=kind)]


def _joined(found: list[list[Part] | None]) -> list[Part] | None:
    parts: list[Part] = []
    for item in found:
        if item is None:
            return None
        parts += item
    return parts
