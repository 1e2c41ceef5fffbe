"""What a pass promises and what it hands back.

In: nothing.
Out: `Promise`, `Rewrite`, `Refused`.
Promise: none of its own; this module only holds data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


class Promise(StrEnum):
    """How faithful a model is to the one it was made from; the most faithful word comes first."""

    LOSSLESS = "lossless"
    """Bit-equal outputs on all inputs."""
    EXACT = "exact"
    """Equal labels, scores within a named tolerance."""
    WITHIN = "within t"
    """Bounded by a named entry of the tolerance table."""
    ESTIMATED = "estimated"
    """Not verified."""

    @property
    def distance(self) -> int:
        """0 for the most faithful word, more for weaker ones."""
        return list(Promise).index(self)


@dataclass(frozen=True)
class Rewrite:
    """A pass changed the graph."""

    model: onnx.ModelProto
    changes: tuple[str, ...]
    """One sentence per change."""
    kept: tuple[str, ...] = ()
    """Where the pass looked and left things alone, with the reason."""


@dataclass(frozen=True)
class Refused:
    """A pass left the graph alone."""

    reason: str
