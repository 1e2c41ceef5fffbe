"""Champion or challenger: which of two models serves from now on.

In: what this run measured of the new model and of the present champion.
Out: a `Decision` with its reason.
Promise: both were measured in one run, in turns; without a champion that could be measured there, only
promote=always replaces it.

    promote=auto        no champion yet                          promoted
                        the champion cannot be measured          not promoted
                        both from the same source model          promoted if better on the objective
                        another source model, scores known       promoted if its score is not lower
                        another source model, no scores          promoted if better on the objective

Better: fewer bytes; a speed-up whose 95 % interval lies above 1, measured without disturbance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimization.measure.speedup import FLOOR, speed_up


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What this run knows of one model."""

    digest: str
    """Of the source model; "" where it is not known."""
    n_bytes: int
    rounds_ms: Sequence[float]
    """One row, by round."""
    rows_per_s: float
    """At the largest batch."""
    score: float | None
    """Accuracy or r2 on this run's rows; None without a target."""


@dataclass(frozen=True)
class Decision:
    """Whether the new model is promoted, and why."""

    promoted: bool
    reason: str


def score_of(scores: Mapping[str, float]) -> float | None:
    """Return accuracy or r2, of which more is better; None where neither is known."""
    return scores.get("accuracy", scores.get("r2"))


def decide(
    promote: str,
    objective: str,
    new: Standing,
    old: Standing | None,
    *,
    problem: str = "",
    stable: bool = True,
) -> Decision:
    """Return whether `new` takes the place of `old`.

    Args:
        promote: auto, always or never.
        objective: size, latency or throughput.
        old: the champion; None where there is none, or where `problem` says why it was not measured.
        problem: why the champion could not be measured.
        stable: whether times can be relied on.
    """
    if promote != "auto":
        return Decision(promote == "always", f"promote={promote}")
    if problem:
        return Decision(False, f"the champion could not be measured ({problem}); promote=always replaces it")
    if old is None:
        return Decision(True, "the first one")
    if new.digest != old.digest and new.score is not None and old.score is not None:
        better = new.score >= old.score
        words = f"score {new.score:.6g}, the champion's {old.score:.6g}, of another source model"
        return Decision(better, words)
    return _on_objective(objective, new, old, stable)


def _on_objective(objective: str, new: Standing, old: Standing, stable: bool) -> Decision:
    if objective == "size":
        words = f"{new.n_bytes:,} bytes, the champion {old.n_bytes:,}"
        return Decision(new.n_bytes < old.n_bytes, words)
    if not stable:
        return Decision(False, f"{objective} was not measured reliably")
    if objective == "throughput":
        ratio = new.rows_per_s / old.rows_per_s
        return Decision(ratio > 1 + FLOOR, f"{ratio:.2f} times the champion's throughput")
    found = speed_up(old.rounds_ms, new.rounds_ms)
    if found is None:
        return Decision(False, "one row was not measured")
    words = f"one row {found.ratio:.2f}× [{found.low:.2f}, {found.high:.2f}] as fast as the champion"
    return Decision(found.low > 1.0, words)
