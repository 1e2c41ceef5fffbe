"""Layers meet the same rows, and slow ones get fewer calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimization.measure import layers
from optimization.measure.layers import DATAFRAME, ENFORCEMENT, FLAVOR, PREDICTOR, SESSION, Layers
from optimization.measure.records import Contender

ROWS = np.arange(200.0).reshape(100, 2)


@pytest.mark.parametrize("rows", [ROWS, pd.DataFrame(ROWS)])
def test_every_layer_answers_the_same_rows_in_its_own_form(rows: Any) -> None:
    seen: dict[str, list[float]] = {SESSION: [], PREDICTOR: []}
    contenders = [
        Contender(SESSION, lambda row: seen[SESSION].append(row[0, 0]), np.asarray),
        Contender(
            PREDICTOR,
            lambda row: seen[PREDICTOR].append(row["a"]),
            lambda row: {"a": float(np.asarray(row)[0, 0])},
        ),
    ]
    found = layers.measure_layers(contenders, rows, why_not={DATAFRAME: "no"})
    assert set(seen[SESSION]) == set(seen[PREDICTOR])
    assert len(set(seen[SESSION])) == layers.DISTINCT_ROWS
    assert set(found.us) == {SESSION, PREDICTOR}
    assert found.why_not == {DATAFRAME: "no"}
    assert found.n_calls == layers.MAX_CALLS
    assert found.seconds_measuring > 0


def test_the_rest_of_mlflow_is_what_its_parts_leave() -> None:
    parts = {DATAFRAME: 100.0, ENFORCEMENT: 60.0, FLAVOR: 15.0}
    assert Layers(parts).rest_us == 25.0
    assert Layers({**parts, ENFORCEMENT: 90.0}).rest_us == 0.0
    assert Layers({SESSION: 5.0}).rest_us is None
