"""The session's settings that suit a model best on this machine.

In: an ONNX file with its manifest, rows, a target (latency of one row, or throughput of a batch) and the
number of processors that may be used.
Out: a `Tuning`: every setting that was tried, and the session to store.
Promise: no setting uses more threads than there are processors; one that changes an answer by a bit is not
timed; contenders take turns. Settings are kept only if they beat the defaults twice, when all were tried and
again in a race of their own, outside the 95 % interval and undisturbed; otherwise the defaults stay.

Each setting is tried alone, since most do nothing for most models; those that win are then joined.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from flavor.quantized_onnx_v1.manifest import Manifest, Session
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.measure.budget import calls_within, quickest
from optimization.measure.noise import Noise
from optimization.measure.records import Contender, Measurements, MeasureOptions
from optimization.measure.rows import batches, single_rows
from optimization.measure.speedup import FLOOR, SpeedUp, speed_up
from optimization.measure.timing import measure
from optimization.verify.judge import ONE_THREAD

LATENCY, THROUGHPUT = "latency", "throughput"
DEFAULTS = "defaults"
"""Name of the contender that the others must beat."""
BATCH_ROWS = 1024
DISTINCT = 32
"""Different single rows."""
CHECKED_ROWS = 1000
"""Rows on which the answers of every setting are compared."""
MIN_CALLS, MAX_CALLS = 20, 600
BUDGET_S = 3.0
"""Timed seconds of one race."""
HOPELESS = 5
"""Times as slow as the defaults: not worth a race that its calls would fill."""
THREADING = {"intra_op_num_threads", "inter_op_num_threads", "execution_mode", "allow_spinning"}
Changes = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Tried:
    """One setting in one race."""

    changes: Changes
    """What differs from the defaults."""
    race: str
    """"all" or "final"."""
    ms: float | None = None
    """Median of a call; None where it was not timed."""
    speedup: SpeedUp | None = None
    """Against the defaults."""
    verdict: str = "refused"
    """As `SpeedUp.verdict`; "defaults" for the defaults themselves, "refused" where it was not timed."""
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What was tried, and what is stored."""

    target: str
    n_cpus: int
    session: Session
    """The defaults with the changes that won; the defaults where none did."""
    changes: Changes
    reason: str
    tries: tuple[Tried, ...]
    noise: tuple[str, ...]
    """What is said of each race."""
    seconds_measuring: float


def tune(content: bytes, manifest: Manifest, rows: Any, *, target: str, n_cpus: int) -> Tuning:
    """Try the settings of `grid` and return the best one.

    Args:
        rows: a DataFrame or an ndarray (n_rows, n_columns).
        target: LATENCY or THROUGHPUT.
        n_cpus: processors that may be used.
    """
    started = perf_counter()
    inputs = inputs_of(rows, target)
    checked = rows[:CHECKED_ROWS]
    expected = answers(Predictor(content, manifest, session=ONE_THREAD), checked)

    def race_of(settings: Sequence[Changes], name: str) -> tuple[tuple[Tried, ...], Noise]:
        reasons = [objection(content, manifest, changes, checked, expected) for changes in settings]
        good = [changes for changes, reason in zip(settings, reasons, strict=True) if not reason]
        refused = [
            Tried(changes, name, reason=reason)
            for changes, reason in zip(settings, reasons, strict=True)
            if reason
        ]
        tries, noise = race(content, manifest, good, inputs, name=name)
        return (*tries, *refused), noise

    tries, noise = race_of(grid(n_cpus), "all")
    notes = [noise]
    last: tuple[Tried, ...] = ()
    if finalists := joined(tries):
        last, noise = race_of(finalists, "final")
        notes.append(noise)
    changes, reason = decide(last, noise)
    return Tuning(
        target=target,
        n_cpus=n_cpus,
        session=dataclasses.replace(manifest.session, **changes),
        changes=changes,
        reason=reason,
        tries=(*tries, *last),
        noise=tuple(item.sentence for item in notes),
        seconds_measuring=perf_counter() - started,
    )


def grid(n_cpus: int) -> list[Changes]:
    """Return the settings to try, each against the defaults: all processors, one operator at a time."""
    several: list[Changes] = []
    if n_cpus > 1:
        powers = [2**i for i in range(n_cpus.bit_length()) if 2**i < n_cpus]
        several = [{"intra_op_num_threads": n} for n in powers]
        half = {"intra_op_num_threads": n_cpus // 2, "inter_op_num_threads": 2}
        several += [{"execution_mode": "parallel", **half}, {"allow_spinning": False}]
    levels: list[Changes] = [
        {"graph_optimization_level": level} for level in ("extended", "basic", "disabled")
    ]
    return [*several, *levels, {"enable_cpu_mem_arena": False}, {"enable_mem_pattern": False}]


def inputs_of(rows: Any, target: str) -> list[Any]:
    """Return what every call is given: single rows, or batches."""
    rng = np.random.default_rng(0)
    if target == THROUGHPUT:
        return batches(rows, BATCH_ROWS, rng)
    return single_rows(rows, DISTINCT, rng)


def answers(predictor: Predictor, rows: Any) -> dict[str, Any]:
    """Return the answer of every method to `rows`."""
    return {method: predictor.predict(rows, method) for method in predictor.methods}


def objection(
    content: bytes, manifest: Manifest, changes: Changes, rows: Any, expected: Mapping[str, Any]
) -> str:
    """Return why `changes` are not tried; "" if every answer is the same bit by bit, in one thread."""
    try:
        found = answers(Predictor(content, manifest, session={**changes, **ONE_THREAD}), rows)
    except Exception as error:  # whatever onnxruntime raises
        return " ".join(str(error).split())[:200]
    for method, answer in found.items():
        if answer.tobytes() != expected[method].tobytes():
            return f"{method} answers otherwise"
    return ""


def race(
    content: bytes, manifest: Manifest, settings: Sequence[Changes], inputs: Sequence[Any], *, name: str
) -> tuple[tuple[Tried, ...], Noise]:
    """Return how the defaults and each of `settings` did, and what disturbed them."""
    contenders = [
        Contender(
            describe(changes),
            Predictor(content, manifest, session=changes).predict,
            lambda row: inputs[int(row[0, 0])],
        )
        for changes in ({}, *settings)
    ]
    numbers = np.arange(len(inputs)).reshape(-1, 1)
    seconds = [quickest(item, numbers[:1]) for item in contenders]
    fit = [item for item, taken in zip(contenders, seconds, strict=True) if taken <= HOPELESS * seconds[0]]
    n_calls = calls_within(BUDGET_S, fit, numbers[:1], at_least=MIN_CALLS, at_most=MAX_CALLS)
    found = measure(fit, numbers, options=MeasureOptions(n_iterations=n_calls, batch_sizes=()))
    by_name = {describe(changes): changes for changes in settings}
    tries = [result(by_name.get(item.name, {}), found, name) for item in found.contenders]
    slow = [item.name for item in contenders if item not in fit]
    too_slow = f"more than {HOPELESS} times as slow as the defaults at a first look"
    return (*tries, *(Tried(by_name[item], name, reason=too_slow) for item in slow)), found.noise


def result(changes: Changes, found: Measurements, name: str) -> Tried:
    """Return what `found` says of `changes` (none: the defaults), which were measured in it."""
    base, item = found.of(DEFAULTS), found.of(describe(changes))
    assert base is not None
    assert item is not None
    ratio = speed_up(base.rounds_ms, item.rounds_ms) if changes else None
    verdict = ratio.verdict(stable=True) if ratio else DEFAULTS
    return Tried(changes, name, item.one_row.p50_ms, ratio, verdict)


def joined(tries: Sequence[Tried]) -> list[Changes]:
    """Return the fastest setting of a race, and all faster ones together; of two that clash the faster."""
    faster = _faster(tries)
    together: dict[str, Any] = {}
    for item in faster:
        if not _touched(item.changes) & _touched(together):
            together |= item.changes
    best = [item.changes for item in faster[:1]]
    return best if together in [{}, *best] else [*best, together]


def decide(final: Sequence[Tried], noise: Noise) -> tuple[Changes, str]:
    """Return the changes to store, and why: the winner of the last race, or none.

    Of two within `FLOOR` the one with fewer changes wins.
    """
    faster = _faster(final)
    if not faster:
        return {}, "no setting beats the defaults outside its interval"
    if not noise.stable:
        return {}, f"the final race was disturbed ({noise.reasons[0]}); repeat it on a quiet machine"
    level = [item for item in faster if _ratio(item) * (1 + FLOOR) >= _ratio(faster[0])]
    best = min(level, key=lambda item: len(item.changes))
    assert best.speedup is not None
    span = f"{best.speedup.ratio:.2f}× [{best.speedup.low:.2f}, {best.speedup.high:.2f}]"
    return best.changes, f"{span} as fast as the defaults"


def _touched(changes: Changes) -> set[str]:
    """The keys that cannot be changed again beside `changes`: what decides on threads goes together."""
    keys = set(changes)
    return keys | THREADING if keys & THREADING else keys


def _faster(tries: Sequence[Tried]) -> list[Tried]:
    """The tries that beat the defaults outside the interval, the fastest first."""
    return sorted((item for item in tries if item.verdict == "faster"), key=_ratio, reverse=True)


def describe(changes: Changes) -> str:
    """Return a setting in words: "intra_op_num_threads=1, allow_spinning=False"."""
    return ", ".join(f"{key}={value}" for key, value in changes.items()) or DEFAULTS


def _ratio(item: Tried) -> float:
    return item.speedup.ratio if item.speedup else 0.0
