"""KBinsDiscretizer: values on edges, bins of different numbers, and what comes after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, StandardScaler

from optimization.passes.pipeline import simplify
from tests.convert.examples import IRIS, SPECIES, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

ROWS = IRIS.to_numpy()
LOGISTIC = LogisticRegression(max_iter=500)
HIST = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5)


def on_edges(bins: Any) -> Any:
    """Every edge of every column, and its neighbours in float64; beyond the last ones too."""
    most = max(len(edges) for edges in bins.bin_edges_)
    edges = np.stack([np.resize(item, most) for item in bins.bin_edges_], axis=1)
    sides = [np.nextafter(edges, side) for side in (-np.inf, np.inf)]
    return np.concatenate([edges, *sides, edges - 100.0, edges + 100.0])


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("n_bins", [2, [2, 5, 3, 7]], ids=str)
def test_values_on_edges_are_in_the_bin_above(encode: str, strategy: str, n_bins: Any) -> None:
    bins = KBinsDiscretizer(n_bins, encode=encode, strategy=strategy, quantile_method="averaged_inverted_cdf")
    estimator = make_pipeline(bins, LOGISTIC).fit(ROWS, SPECIES)
    agree(estimator, ROWS, on_edges(bins))
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize("final", [HIST, RandomForestClassifier(5, random_state=0), LOGISTIC], ids=str)
@pytest.mark.parametrize("scaler", [MinMaxScaler(), StandardScaler()], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_scaled_values_meet_edges_unrounded(scaler: Any, final: Any, dtype: Any) -> None:
    rows = ROWS.astype(dtype)
    bins = KBinsDiscretizer(4, encode="ordinal", strategy="uniform")
    estimator = make_pipeline(scaler, bins, final).fit(rows, SPECIES == 2)
    assert settled(estimator, rows).report.label_mismatches == 0


@pytest.mark.parametrize("encode", ["ordinal", "onehot-dense"])
def test_bins_alone_are_rows_transformed(encode: str) -> None:
    bins = KBinsDiscretizer(3, encode=encode, strategy="uniform").fit(ROWS)
    agree(bins, ROWS, on_edges(bins))


def test_one_comparison_for_all_edges() -> None:
    bins = KBinsDiscretizer(4, encode="ordinal", strategy="uniform")
    model = simplify(agree(make_pipeline(bins, LOGISTIC).fit(ROWS, SPECIES), ROWS).model).model
    assert [node.op_type for node in model.graph.node].count("LessOrEqual") == 1


BINS = make_pipeline(
    StandardScaler(), KBinsDiscretizer([2, 3, 4, 5], encode="onehot-dense", strategy="uniform")
)
BINS.fit(ROWS)
ANSWERS = predictor(BINS, ROWS)


@given(st.lists(st.integers(-20, 120), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_row_is_in_scikit_learns_bins(tenths: list[int]) -> None:
    row = np.array([tenths]) / 10.0
    np.testing.assert_array_equal(ANSWERS.predict(row), BINS.transform(row))
