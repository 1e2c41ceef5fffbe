"""Where the time of one row goes, as rows of a table.

In: `Layers`, or the same from benchmark.json.
Out: cells of text, and the sentences below them; terminal, text file and page show the same ones.
Promise: every layer has its row; one that the model does not offer has a dash, and a sentence says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from optimization.measure.layers import DATAFRAME, ENFORCEMENT, FLAVOR, NDARRAY, PREDICTOR, SESSION, Layers
from optimization.report.formats import short

TITLE = "Where the time goes, one row"
HEADERS = ("layer", "µs", "× session")
REST = "rest"
TITLES = {
    SESSION: "onnxruntime session",
    PREDICTOR: "native predictor",
    DATAFRAME: "mlflow.pyfunc, DataFrame",
    ENFORCEMENT: "of it MLflow's schema",
    REST: "of it MLflow's rest",
    FLAVOR: "of it this flavor",
    NDARRAY: "mlflow.pyfunc, ndarray",
}
UNKNOWN = "–"
READY = "the session gets a ready feed, the predictor numbers, this flavor what MLflow hands over"


def layers_content(layers: Layers) -> dict[str, Any]:
    """Return the layers as they stand in benchmark.json."""
    content = dataclasses.asdict(layers)
    rest = layers.rest_us
    return content if rest is None else {**content, "us": {**content["us"], REST: rest}}


def layer_rows(content: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Return layer | microseconds | times the session's; nothing where nothing was measured."""
    if not content:
        return []
    us = content["us"]
    rows = []
    for name, title in TITLES.items():
        if name in us:
            rows.append((title, short(us[name]), f"{short(us[name] / us[SESSION])}×"))
        elif name in content["why_not"]:
            rows.append((title, UNKNOWN, UNKNOWN))
    return rows


def layer_notes(content: Mapping[str, Any] | None) -> list[str]:
    """Return what the table says nothing of: why a layer is missing, and how it was measured."""
    if not content:
        return []
    reasons = [
        f"No time of {TITLES[name]}: {reason.rstrip('.')}." for name, reason in content["why_not"].items()
    ]
    return [
        *reasons,
        f"Layers: medians of {content['n_calls']:,} calls each in one thread, in turns; {READY}.",
    ]
