"""Summaries with round numbers, made without measuring."""

from __future__ import annotations

import dataclasses
import re

from optimization.measure.environment import Environment
from optimization.measure.footprint import Footprint, Footprints
from optimization.measure.layers import DATAFRAME, ENFORCEMENT, FLAVOR, NDARRAY, PREDICTOR, SESSION, Layers
from optimization.measure.records import (
    Batches,
    Latency,
    Measurement,
    Measurements,
    MeasureOptions,
    Throughput,
)
from optimization.report.summary import Summary, Variant
from optimization.verify.parity import KindParity

ENVIRONMENT = Environment(
    cpu="Example CPU @ 2.00GHz",
    available_cpus=2,
    n_threads=1,
    python="3.11.9",
    os="Linux x86_64",
    packages={"scikit-learn": "1.9.1", "onnxruntime": "1.32.0", "numpy": "2.4.6"},
)


PARITY = (
    KindParity("data", 150, 0, 0, 1.2e-7),
    KindParity("boundary", 12_768, 2, 31, 0.25),
    KindParity("threshold", 1_273, 1, 0, 0.0),
)


def footprint(name: str, *steps_ms: float, rss_mb: float | None, n_samples: int = 3) -> Footprint:
    """A footprint with milliseconds until Python runs, of importing, loading and the first answer."""
    peak_mb = None if rss_mb is None else rss_mb + 1
    return Footprint(name, *steps_ms, sum(steps_ms), rss_mb, peak_mb, n_samples)


FOOTPRINTS = Footprints(
    (
        footprint("original", 50.0, 1_000.0, 2.0, 10.0, rss_mb=193.0),
        footprint("onnx", 50.0, 300.0, 7.0, 0.25, rss_mb=136.0),
        footprint("quantized", 50.0, 290.0, 6.0, 0.25, rss_mb=135.0),
        footprint("numpy", 50.0, 60.0, 0.001, 0.001, rss_mb=26.0),
    ),
    seconds_measuring=5.0,
)
NAMED = Layers(
    {SESSION: 5.0, PREDICTOR: 6.0, DATAFRAME: 300.0, ENFORCEMENT: 180.0, FLAVOR: 20.0},
    {NDARRAY: "MLflow takes no ndarray here"},
    n_calls=120,
    seconds_measuring=0.5,
)
"""Layers of a model whose signature names its columns."""
UNNAMED = Layers(
    {SESSION: 5.0, PREDICTOR: 6.0, DATAFRAME: 90.0, ENFORCEMENT: 30.0, FLAVOR: 8.0, NDARRAY: 70.0},
    n_calls=300,
    seconds_measuring=0.25,
)
"""Layers of a model whose signature is one tensor."""


def iris_forest() -> Summary:
    """The lab's model with the lab's sizes; the original is 600 times slower for one row."""
    return make_summary(
        footprints=FOOTPRINTS,
        variants=(
            variant("original", "scikit-learn", 175_493, scores={"accuracy": 0.96}),
            variant(
                "onnx",
                "ONNX",
                73_902,
                scores={"accuracy": 0.96},
                mismatches=0,
                difference=1.2e-7,
                parity=PARITY,
            ),
            variant(
                "quantized",
                "quantized (none)",
                73_933,
                scores={"accuracy": 0.96},
                mismatches=0,
                difference=0.0,
                parity=PARITY,
            ),
        ),
        one_row_ms={"original": 4.5, "onnx": 0.0075, "quantized": 0.0075},
        rows_per_s={"original": (222.0, 4_813.0, 85_849.0)},
        layers=NAMED,
    )


def with_all_cores() -> Summary:
    """The lab's model, its batches with both cores too: they help large ones and cost small ones."""
    example = iris_forest()
    sizes = example.measurements.batch_sizes
    rates = {
        "original": (80.0, 2_500.0, 120_000.0),
        "onnx": (1_100.0, 30_000.0, 1_800_000.0),
        "quantized": (1_050.0, 31_000.0, 1_900_000.0),
    }
    threaded = Batches(2, {name: batches(sizes, found) for name, found in rates.items()})
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    return dataclasses.replace(example, measurements=measurements)


def regressor() -> Summary:
    """A small regressor: no labels, and three variants that hardly differ."""
    scores = {"r2": 0.4521, "mean_absolute_error": 43.217}
    return make_summary(
        model="LinearRegression from runs:/0123/model",
        variants=(
            variant("original", "scikit-learn", 1_000, scores=scores),
            variant("onnx", "ONNX", 990, scores=scores, difference=3.4e-5),
            variant("quantized", "quantized (dynamic)", 1_010, scores=scores, difference=0.01),
        ),
        one_row_ms={"original": 0.0101, "onnx": 0.0100, "quantized": 0.0102},
        rows_per_s={
            "original": (1e5, 2e6, 3e6),
            "onnx": (1.01e5, 1.99e6, 3.1e6),
            "quantized": (9.9e4, 2e6, 3e6),
        },
        layers=UNNAMED,
    )


def large() -> Summary:
    """Long names, long numbers, many batch sizes."""
    return make_summary(
        model="Pipeline(ColumnTransformer, HistGradientBoostingClassifier) from models:/long/12345 $x$",
        batch_sizes=(1, 10, 100, 1_000, 10_000, 100_000),
        variants=(
            variant("original", "HistGradientBoostingClassifier [sklearn 1.9.1]", 98_765_432_100),
            variant("onnx", "ONNX", 12_345_678_900, mismatches=1_234_567, difference=123_456.789),
            variant(
                "quantized",
                "quantized (static, per channel, QDQ)",
                3_456_789_000,
                mismatches=0,
                difference=0.1,
            ),
        ),
        one_row_ms={"original": 12_345.678, "onnx": 1_234.5, "quantized": 0.0012345},
        rows_per_s={"original": (0.081, 0.8, 8.1, 81.0, 810.0, 8_100.0)},
    )


def side_by_side() -> Summary:
    """Five models of a comparison: the second is the fastest, the third the smallest, the fifth errs."""
    titles = ("churn/1", "churn@champion", "plain/1", "churn/1 (2)", "other/7")
    sizes = (175_493, 73_902, 4_000, 175_493, 90_000)
    times = (4.5, 0.0075, 0.009, 4.51, 0.1)
    names = tuple(re.sub(r"\W+", "_", title) for title in titles)
    variants = tuple(
        dataclasses.replace(
            variant(name, title, n_bytes, mismatches=None if rank == 0 else 3 * (rank == 4)),
            origin=f"RandomForestClassifier, models:/{title}",
        )
        for rank, (name, title, n_bytes) in enumerate(zip(names, titles, sizes, strict=True))
    )
    summary = make_summary(
        variants=variants, one_row_ms=dict(zip(names, times, strict=True)), rows_per_s={}, model="5 models"
    )
    return dataclasses.replace(summary, candidate=False)


def variant(
    name: str,
    title: str,
    n_bytes: int,
    *,
    scores: dict[str, float] | None = None,
    mismatches: int | None = None,
    difference: float | None = None,
    parity: tuple[KindParity, ...] = (),
) -> Variant:
    """Return a variant; without `scores` it has none."""
    return Variant(
        name=name,
        title=title,
        n_bytes=n_bytes,
        scores=scores or {},
        label_mismatches=mismatches,
        max_abs_difference=difference,
        parity=parity,
    )


def batches(sizes: tuple[int, ...], rows_per_s: tuple[float, ...]) -> tuple[Throughput, ...]:
    """Return the throughput at each of `sizes`."""
    return tuple(
        Throughput(size, ms_per_batch=1e3 * size / rate, rows_per_s=rate, n_samples=20)
        for size, rate in zip(sizes, rows_per_s, strict=True)
    )


def make_summary(
    *,
    variants: tuple[Variant, ...],
    one_row_ms: dict[str, float],
    rows_per_s: dict[str, tuple[float, ...]],
    batch_sizes: tuple[int, ...] = (1, 32, 1024),
    footprints: Footprints | None = None,
    model: str = "RandomForestClassifier from models:/iris/1",
    layers: Layers | None = None,
) -> Summary:
    """Return a summary; mean and percentiles are multiples of the median, rates default to 1000 per row."""
    default = tuple(1_000.0 * size for size in batch_sizes)
    contenders = tuple(
        Measurement(
            name,
            Latency(
                mean_ms=1.1 * p50,
                p50_ms=p50,
                p90_ms=1.2 * p50,
                p95_ms=1.5 * p50,
                p99_ms=2 * p50,
                n_samples=1000,
            ),
            batches(batch_sizes, rows_per_s.get(name, default)),
            rounds_ms=tuple(p50 * factor for factor in (0.98, 0.99, 1.0, 1.0, 1.0, 1.01, 1.02)),
        )
        for name, p50 in one_row_ms.items()
    )
    return Summary(
        model=model,
        variants=variants,
        n_rows_compared=150,
        measurements=Measurements(MeasureOptions(batch_sizes=batch_sizes), 150, contenders, 6.4),
        environment=ENVIRONMENT,
        footprints=footprints,
        layers=layers,
    )
