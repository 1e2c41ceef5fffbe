"""The best of several candidates, by a stated objective, under the caller's check.

In: candidates and refusals, and a function that judges the bytes of a model.
Out: a `Choice`: the best candidate, its verdict, and every try with its figures.
Promise: the best is one that passed; among equals by the objective the more faithful promise wins.
Where none passed it is the lossless candidate with its failed verdict, and the caller decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from optimization.errors import ParameterError
from optimization.quantize.candidate import Candidate, PolicyName, Refusal


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


@dataclass(frozen=True)
class Choice:
    """The outcome of `choose`."""

    best: Candidate
    verdict: Verdict
    tries: tuple[Try, ...]


# What is minimized, by the name of the objective.
OBJECTIVES: Mapping[str, Callable[[Candidate], float]] = {"size": lambda candidate: candidate.n_bytes}


def choose(
    results: Sequence[Candidate | Refusal],
    *,
    check: Callable[[bytes], Verdict],
    objective: str = "size",
) -> Choice:
    """Judge every distinct model once and return the best.

    `results` must hold the lossless candidate of policy `none`, so that there is always an answer.

    Raises:
        ParameterError: no objective has that name.
        ValueError: `results` holds no candidate of policy `none`.
    """
    if objective not in OBJECTIVES:
        raise ParameterError(
            f"expected an objective out of {', '.join(OBJECTIVES)}, found {objective!r}; choose one of these"
        )
    candidates = [item for item in results if isinstance(item, Candidate)]
    lossless = next((item for item in candidates if item.policy == "none"), None)
    if lossless is None:
        raise ValueError("expected a candidate of policy none among the results, found none")
    verdicts = _judge(candidates, check)
    passed = [item for item in candidates if verdicts[item.model].passed]
    # `none` before equals with the same promise: an unchanged model is not the merit of another policy.
    best = min(
        passed,
        key=lambda item: (OBJECTIVES[objective](item), item.promise.distance, item.policy != "none"),
        default=lossless,
    )
    return Choice(best, verdicts[best.model], tuple(_try(item, verdicts) for item in results))


def choose_only(candidate: Candidate, verdict: Verdict) -> Choice:
    """Return the choice where the user named the policy: there is only one candidate."""
    return Choice(candidate, verdict, (_try(candidate, {candidate.model: verdict}),))


def _judge(candidates: Sequence[Candidate], check: Callable[[bytes], Verdict]) -> dict[bytes, Verdict]:
    verdicts: dict[bytes, Verdict] = {}
    for candidate in candidates:
        if candidate.model not in verdicts:
            verdicts[candidate.model] = check(candidate.model)
    return verdicts


def _try(result: Candidate | Refusal, verdicts: Mapping[bytes, Verdict]) -> Try:
    if isinstance(result, Refusal):
        return Try(result.policy, None, passed=False, reason=result.reason, figures={})
    verdict = verdicts[result.model]
    reason = verdict.reason if result.changed or result.policy == "none" else result.note
    return Try(result.policy, result.n_bytes, verdict.passed, reason, verdict.figures)
