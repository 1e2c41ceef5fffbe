"""The best of several candidates, by a stated objective, under the caller's check.

In: candidates and refusals, a function that judges a candidate, and one that times those that passed.
Out: a `Choice`: the best candidate, its verdict, and every try with its figures.
Promise: the best is one that passed. Of those that are equally quick within noise the smallest wins, of
those that are equally small the most faithful. Where none passed it is the lossless candidate with its failed
verdict, and the caller decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from optimization.errors import ParameterError
from optimization.quantize.candidate import Candidate, Refusal
from optimization.quantize.names import OBJECTIVES, PolicyName

NOISE = 0.03
"""Share by which a cost must be lower to count: medians of a few hundred calls repeat to about this, and
no value is changed for 3 % of a file."""

T = TypeVar("T")
Check = Callable[[Candidate], "Verdict"]
Clock = Callable[[Sequence[Candidate]], Sequence[float]]
"""Milliseconds of each of several candidates, taken in turns."""


@dataclass(frozen=True)
class Verdict:
    """What the caller's check says of a model."""

    passed: bool
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Try:
    """One policy's result, for the table of tries."""

    policy: PolicyName
    n_bytes: int | None
    """None where there is no model."""
    passed: bool
    reason: str
    figures: Mapping[str, float]
    promise: str = ""
    changed: bool = False
    """Whether the policy did anything; if not, the figures are those of the lossless model."""
    ms: float | None = None
    """What the objective minimizes, where it is a time and the candidate was timed."""
    chosen: bool = False


@dataclass(frozen=True)
class Choice:
    """The outcome of `choose`."""

    best: Candidate
    verdict: Verdict
    tries: tuple[Try, ...]
    objective: str = "size"


def choose(
    results: Sequence[Candidate | Refusal],
    *,
    check: Check,
    objective: str = "size",
    clock: Clock | None = None,
) -> Choice:
    """Judge every distinct model once and return the best.

    `results` must hold the candidate of policy `none`, so that there is always an answer. `clock` is asked
    once, for the distinct models that passed, and only if the objective is a time.

    Raises:
        ParameterError: no objective has that name.
        ValueError: `results` holds no candidate of policy `none`, or there is no `clock` to measure with.
    """
    if objective not in OBJECTIVES:
        raise ParameterError(
            f"expected an objective out of {', '.join(OBJECTIVES)}, found {objective!r}; choose one of these"
        )
    candidates = [item for item in results if isinstance(item, Candidate)]
    fallback = next((item for item in candidates if item.policy == "none"), None)
    if fallback is None:
        raise ValueError("expected a candidate of policy none among the results, found none")
    verdicts = _judge(candidates, check)
    passed = [item for item in candidates if verdicts[item.model].passed]
    times = _time(passed, clock) if objective != "size" else {}
    best = _best(passed, times) if passed else fallback
    tries = tuple(_try(item, verdicts, times, chosen=item is best) for item in results)
    return Choice(best, verdicts[best.model], tries, objective)


def choose_only(candidate: Candidate, verdict: Verdict) -> Choice:
    """Return the choice where the user named the policy: there is only one candidate."""
    return Choice(candidate, verdict, (_try(candidate, {candidate.model: verdict}, {}, chosen=True),))


def _judge(candidates: Sequence[Candidate], check: Check) -> dict[bytes, Verdict]:
    verdicts: dict[bytes, Verdict] = {}
    # The more faithful first: equal bytes are judged by the stronger promise.
    for candidate in sorted(candidates, key=lambda item: item.promise.distance):
        if candidate.model not in verdicts:
            verdicts[candidate.model] = check(candidate)
    return verdicts


def _time(passed: Sequence[Candidate], clock: Clock | None) -> dict[bytes, float]:
    if clock is None:
        raise ValueError("expected a clock for an objective that is a time, found none")
    distinct = list({item.model: item for item in passed}.values())
    return dict(zip((item.model for item in distinct), clock(distinct), strict=True)) if distinct else {}


def _best(passed: Sequence[Candidate], times: Mapping[bytes, float]) -> Candidate:
    # An unchanged model is not the merit of another policy: those that do what their name says come first.
    named = ("none", "lossless")
    return preferred(
        passed,
        ms=(lambda item: times[item.model]) if times else None,
        n_bytes=lambda item: item.n_bytes,
        faithfulness=lambda item: (item.promise.distance, item.n_bytes, _place(item.policy, named)),
    )


def preferred(
    items: Iterable[T],
    *,
    ms: Callable[[T], float] | None,
    n_bytes: Callable[[T], float],
    faithfulness: Callable[[T], Any],
) -> T:
    """Return the quickest of `items`; of those equally quick the smallest; of those the most faithful.

    Equal is what differs by less than `NOISE`. Without `ms` the smallest is looked for from the start;
    `faithfulness` is less for the more faithful.
    """
    near = list(items)
    for cost in (ms, n_bytes) if ms else (n_bytes,):
        least = min(map(cost, near))
        near = [item for item in near if cost(item) <= least * (1 + NOISE)]
    return min(near, key=faithfulness)


def _place(policy: PolicyName, named: Sequence[str]) -> int:
    return named.index(policy) if policy in named else len(named)


def _try(
    result: Candidate | Refusal,
    verdicts: Mapping[bytes, Verdict],
    times: Mapping[bytes, float],
    *,
    chosen: bool,
) -> Try:
    if isinstance(result, Refusal):
        return Try(result.policy, None, passed=False, reason=result.reason, figures={})
    verdict = verdicts[result.model]
    named = result.changed or result.policy in ("none", "lossless")
    return Try(
        result.policy,
        result.n_bytes,
        verdict.passed,
        verdict.reason if named else result.note,
        verdict.figures,
        promise=str(result.promise),
        changed=result.changed,
        ms=times.get(result.model),
        chosen=chosen,
    )
