"""What the suite must reach, and what it reached.

In: the records of a run.
Out: a `Judged` per bar: the bound, what was measured, and "met", "missed" or "not run".
Promise: a bar is judged by the records alone; none is left out because it was missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.datasets import TABLES, TEXTS
from benchmarks.families import DETECTORS
from benchmarks.ratios import ALONE, LOSSLESS, REGISTERED, Ratios, Record, geometric_mean, ratios

NOISE = 0.9
"""A ratio above this is no worse "beyond noise": medians of equal contenders differ by up to a tenth."""
BESIDE = {"tables": TABLES, "texts": TEXTS, "detectors": DETECTORS}
"""Groups of data sets and of families beside the suite: its bars and means are without them."""
CLOSE = (0.75, 1.1)
"""Ratios that one process cannot tell from `NOISE`, on either side of it: some processes find one of two
equal graphs a fifth slower, with its thread stalled or its memory unluckily placed."""


@dataclass(frozen=True)
class Bar:
    """A promise about one figure of one case."""

    case: str
    what: str
    bound: float
    figure: Callable[[Record], float | None]
    at_most: bool = False
    """Whether the figure must not exceed the bound, instead of reaching it."""


@dataclass(frozen=True)
class Judged:
    """A bar and its figure."""

    case: str
    what: str
    bound: str
    measured: str
    verdict: str


def judge(records: Sequence[Record]) -> list[Judged]:
    """Return the verdicts on all bars."""
    by_case = {record["case"]: record for record in records}
    single = [_judge(bar, by_case.get(bar.case)) for bar in BARS]
    timed = [record for record in records if "times" in record]
    suite = [record for record in timed if beside(record) is None]
    others = [
        verdict
        for group in BESIDE
        for verdict in _worst(
            {record["case"]: ratios(record) for record in timed if beside(record) == group}, group
        )
    ]
    return [*single, *_suite(suite), *others, *_hard_rows(timed)]


def beside(record: Record) -> str | None:
    """Return the group of a case that stands beside the suite, one of `BESIDE`; None for one in it."""
    names = record["case"].split("/")
    return next((group for group, known in BESIDE.items() if any(name in known for name in names)), None)


def is_close(record: Record) -> bool:
    """Whether a case is to be timed again: it has a bar of its own, or a ratio is close to `NOISE`."""
    if "times" not in record:
        return False
    found = ratios(record)
    values = [getattr(found, name) for name, (_, bound) in NEVER.items() if bound == NOISE]
    near = any(value is not None and CLOSE[0] <= value <= CLOSE[1] for value in values)
    return near or has_bar(record["case"])


def has_bar(case: str) -> bool:
    """Whether the case has a bar of its own."""
    return case in {bar.case for bar in BARS}


def _judge(bar: Bar, record: Record | None) -> Judged:
    bound = f"{'≤' if bar.at_most else '≥'} {bar.bound:g}"
    if record is None or "times" not in record:
        reason = "not run" if record is None else f"missed ({record['error']})"
        return Judged(bar.case, bar.what, bound, "–", reason)
    figure = bar.figure(record)
    if figure is None or math.isnan(figure):
        return Judged(bar.case, bar.what, bound, "–", "missed")
    met = figure <= bar.bound if bar.at_most else figure >= bar.bound
    return Judged(bar.case, bar.what, bound, measured(figure, bar.bound), "met" if met else "missed")


def measured(figure: float, bound: float) -> str:
    """Return `figure` with three digits, or as many as tell it from `bound`: 2.996 misses 3; counts whole."""
    if figure >= 1000 and figure == int(figure):
        return f"{figure:,.0f}"
    digits = 3
    while figure != bound and float(f"{figure:.{digits}g}") == bound:
        digits += 1
    return f"{figure:.{digits}g}"


def _of(name: str, policy: str = LOSSLESS) -> Callable[[Record], float | None]:
    """The ratio called `name`."""

    def figure(record: Record) -> float | None:
        value: float | None = getattr(ratios(record, policy), name)
        return value

    return figure


def _against_float(policy: str) -> Callable[[Record], float | None]:
    """How much faster `policy`'s file answers a batch than the lossless one, the better threads of each."""

    def figure(record: Record) -> float | None:
        times = record["times"]
        best = {
            name: min(times[f"{name}, {n} threads"]["batch_ms"] for n in {1, record["threads"]})
            for name in (LOSSLESS, policy)
            if f"{name}, 1 threads" in times
        }
        return best[LOSSLESS] / best[policy] if len(best) == 2 else None

    return figure


def _wrong_labels(policy: str, kind: str) -> Callable[[Record], float | None]:
    return lambda record: record["policies"].get(policy, {}).get("wrong_labels", {}).get(kind)


def _other_label_than_plain(record: Record) -> float | None:
    """Rows of the data with another label than skl2onnx's; ours is scikit-learn's on every row."""
    ours, theirs = record["parity"]["label_mismatches"], record["parity"]["skl2onnx_wrong"].get("data")
    return float(theirs[0]) if theirs and not ours else None


def _other_bits(pair: str, *kinds: str) -> Callable[[Record], float | None]:
    """Probabilities that differ in any bit between the two of `pair`, on rows of `kinds` (none: of all)."""

    def figure(record: Record) -> float | None:
        counts = record["parity"].get("probabilities", {})
        found = [count[pair] for kind, count in counts.items() if not kinds or kind in kinds]
        return float(sum(found)) if found else None

    return figure


def _other_bits_alone(record: Record) -> float | None:
    """Rows on which the passes alone changed a bit of skl2onnx's answers; None where none was compared."""
    counts = record["parity"].get(ALONE)
    return float(counts["differ"]) if counts and counts["n_rows"] else None


def _saved(record: Record) -> float | None:
    return 100 * (1 - record["bytes"][LOSSLESS] / record["bytes"]["pickle"])


def _wrong(record: Record) -> float | None:
    return float(record["parity"]["label_mismatches"])


def _difference(policy: str) -> Callable[[Record], float | None]:
    return lambda record: record["policies"].get(policy, {}).get("max_abs_difference")


def _scaled(case: str) -> tuple[Bar, ...]:
    return (
        Bar(case, "rows with another label, threshold rows included", 0, _wrong, at_most=True),
        Bar(case, "size against skl2onnx", 1.0, _of("size_skl2onnx")),
    )


BARS: tuple[Bar, ...] = (
    Bar("forest/iris", "size against the pickled original, % saved", 90, _saved),
    Bar("forest/digits", "size against skl2onnx", 15, _of("size_skl2onnx")),
    Bar("forest/digits", "batch against skl2onnx", NOISE, _of("batch_skl2onnx")),
    Bar(
        "forest/digits",
        "labels on the data that are not skl2onnx's",
        0,
        _other_label_than_plain,
        at_most=True,
    ),
    Bar(
        "forest/digits",
        "probabilities on the data that are not skl2onnx's to the last bit",
        0,
        _other_bits("lossless and skl2onnx", "data"),
        at_most=True,
    ),
    Bar(
        "forest/digits",
        "probabilities on all rows that are not scikit-learn's as float32 to the last bit",
        0,
        _other_bits("lossless and scikit-learn"),
        at_most=True,
    ),
    Bar("forest/digits", "skl2onnx's own graph, lossless: size against it", 15, _of("size_skl2onnx", ALONE)),
    Bar(
        "forest/digits",
        "skl2onnx's own graph, lossless: batch against it",
        NOISE,
        _of("batch_skl2onnx", ALONE),
    ),
    Bar(
        "forest/digits",
        "skl2onnx's own graph, lossless: rows of any kind with another bit in label or probabilities",
        0,
        _other_bits_alone,
        at_most=True,
    ),
    Bar(
        "forest_depth_8/digits",
        "leaf table: size against skl2onnx",
        5,
        _of("size_skl2onnx", "leaf_table"),
    ),
    Bar(
        "forest_depth_8/digits",
        "leaf table: largest difference",
        1e-6,
        _difference("leaf_table"),
        at_most=True,
    ),
    Bar("gradient_boosting/digits", "size against skl2onnx", 4, _of("size_skl2onnx")),
    Bar("gradient_boosting/digits", "batch against skl2onnx", 1.2, _of("batch_skl2onnx_1")),
    Bar("gradient_boosting/digits", "registered: size against skl2onnx", 4, _of("size_skl2onnx", REGISTERED)),
    Bar(
        "gradient_boosting/digits",
        "registered: batch against skl2onnx",
        1.2,
        _of("batch_skl2onnx_1", REGISTERED),
    ),
    Bar("hist_gradient_boosting_mixed/generated_classes", "rows with another label", 0, _wrong, at_most=True),
    Bar("hist_gradient_boosting_mixed/generated_classes", "size against pickle", 4, _of("size_pickle")),
    *_scaled("scaler_forest/digits"),
    *_scaled("scaler_gradient_boosting/breast_cancer"),
    Bar("ada_boost/breast_cancer", "batch against skl2onnx", 8, _of("batch_skl2onnx")),
    Bar("ada_boost/breast_cancer", "size against skl2onnx", 15, _of("size_skl2onnx")),
    Bar("boosted_stumps/breast_cancer", "batch against skl2onnx", 8, _of("batch_skl2onnx")),
    Bar("boosted_stumps/breast_cancer", "size against skl2onnx", 15, _of("size_skl2onnx")),
    Bar("isolation_forest/digits", "batch against skl2onnx", 4, _of("batch_skl2onnx")),
    Bar("isolation_forest/digits", "one row against skl2onnx", 15, _of("one_row_skl2onnx")),
    Bar("isolation_forest/digits", "size against skl2onnx", 8, _of("size_skl2onnx")),
    Bar("svc_rbf/digits", "batch against skl2onnx", 7, _of("batch_skl2onnx")),
    Bar("svc_rbf/digits", "batch against scikit-learn", 10, _of("batch_sklearn")),
    Bar("svc_rbf/digits", "size against skl2onnx", 2.5, _of("size_skl2onnx")),
    Bar("k_neighbors/digits", "batch against skl2onnx", 10, _of("batch_skl2onnx")),
    Bar("k_neighbors/digits", "batch against scikit-learn", 1, _of("batch_sklearn")),
    Bar("gaussian_process_regressor/diabetes", "batch against skl2onnx", 10, _of("batch_skl2onnx")),
    Bar("logistic/digits", "batch against skl2onnx", 4, _of("batch_skl2onnx")),
    Bar("gaussian_nb/digits", "batch against skl2onnx", 3, _of("batch_skl2onnx")),
    Bar("mlp/digits", "registered: size against skl2onnx", 3.5, _of("size_skl2onnx", REGISTERED)),
    *(
        Bar(
            "mlp/digits",
            f"registered: labels that differ on {kind} rows",
            0,
            _wrong_labels(REGISTERED, kind),
            at_most=True,
        )
        for kind in ("data", "marginal")
    ),
    Bar("mlp/digits", "static: batch against float32", 1.4, _against_float("static")),
)

SUITE: Mapping[str, tuple[str, float]] = {
    "size_skl2onnx": ("size against skl2onnx, geometric mean", 4),
    "batch_skl2onnx": ("batch against skl2onnx, geometric mean", 3),
    "size_throughput": ("objective=throughput: size against skl2onnx, geometric mean", 4),
    "batch_throughput": ("objective=throughput: batch against skl2onnx, geometric mean", 3),
    "one_row_sklearn": ("one row against scikit-learn, geometric mean", 40),
}
NEVER: Mapping[str, tuple[str, float]] = {
    "size_skl2onnx": ("larger than skl2onnx", 1.0),
    "batch_skl2onnx": ("slower than skl2onnx in batch", NOISE),
    "batch_skl2onnx_1": ("slower than skl2onnx in batch, one thread", NOISE),
    "size_throughput": ("larger than skl2onnx with objective=throughput", 1.0),
    "batch_throughput": ("slower than skl2onnx in batch with objective=throughput", NOISE),
    "one_row_skl2onnx": ("slower than skl2onnx for one row", NOISE),
    "one_row_latency": ("slower than skl2onnx for one row with objective=latency", NOISE),
    "one_row_sklearn": ("slower than scikit-learn for one row", NOISE),
    "batch_sklearn": ("slower than scikit-learn in batch", NOISE),
}
MIN_HARD_ROWS = 100_000


def _suite(records: Sequence[Record]) -> list[Judged]:
    found = {record["case"]: ratios(record) for record in records}
    return [*_means(found), *_worst(found, "whole suite"), *_alone(records)]


def _means(found: Mapping[str, Ratios]) -> list[Judged]:
    judged = []
    for name, (what, bound) in SUITE.items():
        mean = geometric_mean(getattr(item, name) for item in found.values())
        verdict = "met" if mean >= bound else "missed" if found else "not run"
        figure = measured(mean, bound) if found else "–"
        judged.append(Judged("whole suite", what, f"≥ {bound:g}", figure, verdict))
    return judged


def _worst(found: Mapping[str, Ratios], group: str) -> list[Judged]:
    judged: list[Judged] = []
    for name, (what, bound) in NEVER.items():
        known = {case: value for case, item in found.items() if (value := getattr(item, name)) is not None}
        if not known:
            continue
        worse = sorted((value, case) for case, value in known.items() if value < bound)
        named = ", ".join(f"{case} {value:.2f}" for value, case in worse)
        verdict = "missed" if worse else "met"
        measured = f"{len(worse)} of {len(known)} cases" + (f": {named}" if worse else "")
        judged.append(Judged(group, f"cases {what} (ratio below {bound:g})", "0", measured, verdict))
    return judged


def _alone(records: Sequence[Record]) -> list[Judged]:
    """Graphs of skl2onnx whose answers the passes alone change in any bit."""
    known = [record for record in records if _other_bits_alone(record) is not None]
    if not known:
        return []
    worse = [record["case"] for record in known if _other_bits_alone(record)]
    rows = sum(record["parity"][ALONE]["n_rows"] for record in known)
    mean = geometric_mean(record["bytes"]["skl2onnx"] / record["bytes"][ALONE] for record in known)
    named = f": {', '.join(worse)}" if worse else f", {rows:,} rows, {mean:.3g} times smaller"
    what = "skl2onnx's own graphs, lossless: graphs that answer any row in other bits"
    verdict = "missed" if worse else "met"
    return [Judged("whole suite", what, "0", f"{len(worse)} of {len(known)} graphs{named}", verdict)]


def _hard_rows(records: Sequence[Record]) -> list[Judged]:
    """Labels on boundary, threshold and edge rows, of models that promise to be exact."""
    kinds = ("boundary", "threshold", "edge")
    compared = [
        item
        for record in records
        if record["parity"]["promise"] == "exact"
        for item in record["parity"]["comparisons"]
        if item["method"] == "predict" and item["kind"] in kinds
    ]
    rows, wrong = sum(item["n_rows"] for item in compared), sum(item["mismatches"] for item in compared)
    verdict = "met" if rows >= MIN_HARD_ROWS and not wrong else "missed"
    what = "boundary, threshold and edge rows of exact models: answers that differ"
    return [Judged("whole suite", what, f"0 of ≥ {MIN_HARD_ROWS:,}", f"{wrong} of {rows:,}", verdict)]
