"""What a comparison found.

In: counts and differences per method and kind of row.
Out: `MethodParity`, `KindParity` and `ParityReport`.
Promise: `mismatches` are errors of the conversion alone; what rounding explains is counted beside them,
never among them and never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SAMPLED = ("data", "marginal", "missing")
"""Kinds of row that look like the data; the gate of quantized models counts these."""
EXCUSED_SHARE = 1e-3
"""Share of sampled rows that rounding may explain: if it explains more, it is no exception any more."""


@dataclass(frozen=True)
class MethodParity:
    """How one method compares on one kind of row."""

    kind: str
    method: str
    n_rows: int
    mismatches: int
    """Rows whose labels differ; for scores, rows beyond the tolerance; without those explained below."""
    max_abs_difference: float
    """Largest difference of a score; 0.0 for labels."""
    tolerance: float
    """The bound on scores; 0.0 for labels."""
    is_label: bool
    worst_row: int | None
    """Index of the worst row among the rows of its kind; None where all are equal."""
    problem: str = ""
    """Why the comparison could not be made: another dtype or shape, or an error."""
    input_rounding: int = 0
    """Rows that differ because the graph takes float32: rounded so, scikit-learn answers as the graph."""
    undecided: int = 0
    """Rows that scikit-learn itself decides by less than rounding (see `excuses`)."""
    tied: int = 0
    """Rows whose nearest neighbours scikit-learn does not settle itself (see `ties`)."""
    worst_values: str = ""
    """The worst row as text."""
    r2: float = 1.0
    """Of the scores against the original's; 1.0 for labels, and where all lie within the tolerance."""

    @property
    def differing(self) -> int:
        """Rows that differ, whatever the cause."""
        return self.mismatches + self.input_rounding + self.undecided + self.tied

    @property
    def fails(self) -> bool:
        """Whether this is not what an exact conversion does."""
        excused = self.input_rounding + self.undecided
        too_many = self.kind in SAMPLED and excused > EXCUSED_SHARE * self.n_rows
        return bool(self.mismatches or self.problem or too_many)


@dataclass(frozen=True)
class KindParity:
    """All methods on one kind of row, for a table."""

    kind: str
    n_rows: int
    label_mismatches: int | None
    """Rows whose labels differ and rounding does not explain it; None for regressors."""
    by_rounding: int
    """Rows with a difference that rounding explains."""
    max_abs_difference: float


@dataclass(frozen=True)
class Coverage:
    """What there is to know about the rows of one kind beside their number."""

    kind: str
    note: str


@dataclass(frozen=True)
class ParityReport:
    """All comparisons of one predictor."""

    comparisons: tuple[MethodParity, ...]
    coverage: tuple[Coverage, ...] = ()
    """Rows that were left out, and why."""

    @property
    def label_mismatches(self) -> int:
        """Rows whose labels differ and rounding does not explain it, over all kinds of row."""
        return sum(c.mismatches for c in self.comparisons if c.is_label)

    @property
    def n_label_rows(self) -> int:
        """Rows whose labels were compared."""
        return sum(c.n_rows for c in self.comparisons if c.is_label)

    @property
    def unavoidable(self) -> int:
        """Rows and methods whose difference rounding explains."""
        return sum(c.differing - c.mismatches for c in self.comparisons)

    @property
    def max_abs_difference(self) -> float:
        """Largest difference of any score."""
        return max((c.max_abs_difference for c in self.comparisons), default=0.0)

    @property
    def problems(self) -> tuple[str, ...]:
        """Comparisons that could not be made."""
        return tuple(f"{c.method} on {c.kind} rows: {c.problem}" for c in self.comparisons if c.problem)

    @property
    def exact(self) -> bool:
        """Whether nothing differs but by rounding: no error of the conversion on any row and method."""
        return not self.failing()

    @property
    def promise(self) -> str:
        """The promise word: "exact" if no label differs at all, else "within t"; "" if it fails."""
        if self.failing():
            return ""
        return "within t" if self.unavoidable else "exact"

    @property
    def n_rows(self) -> int:
        """Rows compared, over all kinds."""
        return sum({c.kind: c.n_rows for c in self.comparisons}.values())

    @property
    def summary(self) -> str:
        """One line: rows, labels that differ, largest difference."""
        labels = f"{self.label_mismatches} labels differ, " if self.n_label_rows else ""
        rounding = f"{self.unavoidable} differ by rounding, " if self.unavoidable else ""
        return (
            f"{self.n_rows} rows compared, {labels}{rounding}largest difference {self.max_abs_difference:.2g}"
        )

    def failing(self) -> tuple[MethodParity, ...]:
        """The comparisons that are not exact."""
        return tuple(c for c in self.comparisons if c.fails)

    def sampled(self) -> ParityReport:
        """The part on rows that look like the data."""
        return self.only(lambda c: c.kind in SAMPLED)

    def hard(self) -> ParityReport:
        """The part on boundary, threshold and edge rows."""
        return self.only(lambda c: c.kind not in SAMPLED)

    def only(self, kept: Callable[[MethodParity], bool]) -> ParityReport:
        """The comparisons that are `kept`."""
        return ParityReport(tuple(c for c in self.comparisons if kept(c)), self.coverage)

    def __add__(self, other: ParityReport) -> ParityReport:
        """Both reports in one."""
        return ParityReport(self.comparisons + other.comparisons, self.coverage + other.coverage)

    def by_kind(self) -> tuple[KindParity, ...]:
        """One line per kind of row, in the order of the comparisons."""
        kinds = dict.fromkeys(c.kind for c in self.comparisons)
        return tuple(_line(kind, [c for c in self.comparisons if c.kind == kind]) for kind in kinds)


def _line(kind: str, found: list[MethodParity]) -> KindParity:
    labels = [c.mismatches for c in found if c.is_label]
    return KindParity(
        kind,
        found[0].n_rows,
        sum(labels) if labels else None,
        max(c.differing - c.mismatches for c in found),
        max(c.max_abs_difference for c in found),
    )
