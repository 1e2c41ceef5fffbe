"""Where the time of one row goes: the same model through each layer above onnxruntime.

In: a contender for each layer of one model, and rows.
Out: `Layers`: microseconds by layer.
Promise: layers take turns on the same rows in one thread, as contenders do; a layer that the model does not
offer has a reason instead of a time; slow layers get fewer calls, so that all of it stays below a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from optimization.measure.budget import calls_within
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.rows import draw
from optimization.measure.timing import measure

SESSION, PREDICTOR, FLAVOR = "session", "predictor", "flavor"
ENFORCEMENT, DATAFRAME, NDARRAY = "enforcement", "pyfunc_dataframe", "pyfunc_ndarray"
NAMES = (SESSION, PREDICTOR, FLAVOR, ENFORCEMENT, DATAFRAME, NDARRAY)
"""The layers, from the bare session outwards.

session: onnxruntime with a ready feed. predictor: the native one, rows as numbers. flavor: our part of the
pyfunc, given what MLflow hands over. enforcement: MLflow's check of a DataFrame against the signature.
pyfunc_dataframe, pyfunc_ndarray: the whole of `mlflow.pyfunc`.
"""
DISTINCT_ROWS = 16
"""Different rows; making them ready costs as much as some calls."""
MIN_CALLS, MAX_CALLS = 30, 200
BUDGET_S = 0.15
"""Timed seconds of all layers together."""
US_PER_MS = 1e3


@dataclass(frozen=True)
class Layers:
    """Median time of one row through each layer, microseconds."""

    us: Mapping[str, float]
    """By name, of `NAMES`; a layer that the model does not offer is missing."""
    why_not: Mapping[str, str] = field(default_factory=dict)
    """By name, why a layer is missing."""
    n_calls: int = 0
    seconds_measuring: float = 0.0
    """Wall time with preparation and warm-up."""

    @property
    def rest_us(self) -> float | None:
        """What MLflow does for a DataFrame beside enforcing its schema: parameters, context, dispatch."""
        if not {DATAFRAME, ENFORCEMENT, FLAVOR} <= set(self.us):
            return None
        return max(0.0, self.us[DATAFRAME] - self.us[ENFORCEMENT] - self.us[FLAVOR])


def measure_layers(contenders: Sequence[Contender], rows: Any, *, why_not: Mapping[str, str]) -> Layers:
    """Measure each layer with single rows.

    Args:
        contenders: named as in `NAMES`; each takes a row of `rows` as it is, or as its `prepare` made it.
        rows: a DataFrame or an ndarray (n_rows, n_features).
        why_not: reasons for the layers that have no contender.
    """
    started = perf_counter()
    index = draw(len(rows), min(len(rows), DISTINCT_ROWS), np.random.default_rng(0))
    rows = rows.iloc[index] if hasattr(rows, "iloc") else rows[index]
    n_calls = calls_within(BUDGET_S, contenders, rows[:1], at_least=MIN_CALLS, at_most=MAX_CALLS)
    found = measure(contenders, rows, options=MeasureOptions(n_iterations=n_calls, batch_sizes=()))
    us = {item.name: item.one_row.p50_ms * US_PER_MS for item in found.contenders}
    return Layers(us, dict(why_not), n_calls, perf_counter() - started)
