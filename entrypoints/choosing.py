"""The choice of a quantize run: which policies are tried, how they are judged, and timed.

In: the values of an entry point, its inputs, the converted model and its judge.
Out: a `Proven`.
Promise: a candidate that keeps every value meets the sampled rows that the conversion met; one that only
calculates in another order meets boundary, threshold and edge rows too; one whose values were changed meets
the gate. The chosen one meets boundary, threshold and edge rows in any case.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

ONE_ROW_CALLS = 300
"""Timed calls of each candidate for the objective latency."""
BATCH_ROWS, BATCH_BUDGET_S = 1024, 0.2
"""Rows of the batch for the objective throughput, and timed seconds of each candidate."""


@dataclasses.dataclass(frozen=True)
class Proven:
    """A choice, and how its model compares with the original on sampled and hard rows."""

    choice: Any
    report: Any


def choose_model(values: Namespace, inputs: Any, content: bytes, judge: Any) -> Proven:
    """Return the best of all policies for "auto", else the one asked for.

    Raises:
        QuantizationError: the policy asked for does not apply.
        GateError: no model passed the gate, or the best one errs on a hard row though it must not.
    """
    from flavor.quantized_onnx_v1.feeds import to_feeds
    from optimization.errors import GateError, QuantizationError
    from optimization.quantize.candidate import QuantizeOptions, Refusal
    from optimization.quantize.choose import choose, choose_only
    from optimization.quantize.policies import apply_all, apply_policy

    calibration = to_feeds(judge.expected[0].features, judge.manifest)
    options = QuantizeOptions(target_onnxruntime=values.target_onnxruntime)
    strict = cache(lambda: with_hard_rows(judge, inputs))
    check = checker(judge, strict)
    if values.quantization_type == "auto":
        results = apply_all(content, calibration=calibration, options=options)
        if isinstance(results[0], Refusal):
            raise QuantizationError(f"no policy can be applied: {results[0].reason}")
        clock = clock_of(inputs, judge, values.objective)
        choice = choose(results, check=check, objective=values.objective, clock=clock)
    else:
        result = apply_policy(values.quantization_type, content, calibration=calibration, options=options)
        if isinstance(result, Refusal):
            raise QuantizationError(f"{values.quantization_type} cannot be applied: {result.reason}")
        choice = choose_only(result, check(result))
    if not choice.verdict.passed:
        raise GateError(f"{choice.best.policy}: {choice.verdict.reason}")
    return Proven(choice, prove(choice.best, strict()))


def with_hard_rows(judge: Any, inputs: Any) -> Any:
    """Return `judge` with boundary, threshold and edge rows."""
    from entrypoints.inputs import SEED
    from optimization.verify import AGAIN, hard_rows, scales_of

    hard = hard_rows(
        inputs.source.estimator,
        judge.manifest,
        inputs.rows.features,
        seed=SEED,
        pool=[batch.features for batch in judge.expected if batch.kind == "marginal"],
        budget=AGAIN,
        scales=scales_of(judge.expected[0]),
    )
    return dataclasses.replace(judge, hard=hard)


def prove(candidate: Any, judge: Any) -> Any:
    """Return how `candidate` compares on all rows of `judge`, whose hard rows bind what keeps every value.

    Raises:
        GateError: a value was changed by a policy that promised to keep it.
    """
    from optimization.errors import GateError

    judged = judge.judged(candidate.model, lossless=candidate.faithful)
    if not judged.verdict.passed:
        raise GateError(f"{candidate.policy}: {judged.verdict.reason}")
    return judged.report


def checker(judge: Any, strict: Callable[[], Any]) -> Any:
    """Return the function that judges a candidate by its promise; `strict` makes a judge with hard rows."""
    from optimization.passes.outcome import Promise

    def check(candidate: Any) -> Any:
        if not candidate.faithful:
            return judge.verdict(candidate.model, lossless=False)
        # The same bits as those that the conversion was proven with, on hard rows too.
        chosen = judge if candidate.promise is Promise.LOSSLESS else strict()
        return chosen.verdict(candidate.model, lossless=True)

    return check


def clock_of(inputs: Any, judge: Any, objective: str) -> Any:
    """Return the function that times candidates in turns, in one thread."""
    from entrypoints.measuring import plain_rows
    from optimization.measure.records import Contender, MeasureOptions
    from optimization.measure.timing import measure

    def clock(candidates: Sequence[Any]) -> list[float]:
        rows = plain_rows(inputs.source.estimator, inputs.rows.features, judge.manifest)
        contenders = [Contender(item.policy, judge.predictor(item.model).predict) for item in candidates]
        by_row = objective == "latency"
        options = MeasureOptions(
            n_iterations=ONE_ROW_CALLS if by_row else 1,
            batch_sizes=() if by_row else (BATCH_ROWS,),
            batch_time_budget_s=BATCH_BUDGET_S,
        )
        found = measure(contenders, rows, options=options).contenders
        return [item.one_row.p50_ms if by_row else item.batches[0].ms_per_batch for item in found]

    return clock
