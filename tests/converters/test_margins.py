"""Thresholds on training values, with margins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from optimization.converters.hist_gradient_boosting import nodes_of
from optimization.converters.margins import MARGINS, with_margins, with_room
from optimization.verify import convert_faithfully
from tests.convert.examples import CANCER, DIABETES, PROGRESS

ROWS = CANCER.to_numpy()[:, :4]
WIDTH = np.arange(len(ROWS)) % 3


@pytest.fixture(scope="module")
def boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=5).fit(ROWS, WIDTH)


def splits(estimator: Any) -> tuple[Any, Any]:
    nodes = with_room(nodes_of(estimator), estimator, None)
    inner = ~nodes.leaf
    return nodes.feature[inner], nodes.threshold[inner]


def test_thresholds_of_the_columns_named_move_up_and_no_further_than_the_next_edge(boosting: Any) -> None:
    margins = np.array([2.0**-20, 0.0, 2.0**-40, 0.0])
    shaken, columns = with_margins(boosting, margins), margins > 0
    assert not hasattr(boosting, MARGINS)
    (feature, before), (_, after) = splits(boosting), splits(shaken)
    assert (after[columns[feature]] > before[columns[feature]]).all()
    assert (after[~columns[feature]] == before[~columns[feature]]).all()
    for index in np.flatnonzero(columns):
        edges = boosting._bin_mapper.bin_thresholds_[index]
        own = feature == index
        assert np.isin(before[own], edges).all() and np.isin(before[own], ROWS[:, index]).any()
        room = np.append(edges, np.inf)[np.searchsorted(edges, before[own], side="right")] - before[own]
        expected = before[own] + np.minimum(margins[index] * np.abs(edges).max(), room / 2)
        np.testing.assert_array_equal(after[own], expected)


def test_columns_of_several_steps_add_up(boosting: Any) -> None:
    first, second = np.array([0.5, 0.0, 0.1, 0.0]), np.array([0.0, 0.0, 0.2, 0.0])
    found = getattr(with_margins(with_margins(boosting, first), second), MARGINS)
    np.testing.assert_array_equal(found, [0.5, 0.0, 0.2, 0.0])


def test_edges_close_to_each_other_stay_apart() -> None:
    rows = (1.0 + np.arange(600)[:, None] * 2.0**-40).repeat(2, axis=1)
    estimator = HistGradientBoostingRegressor(max_iter=2).fit(rows, np.arange(600.0))
    shaken = with_margins(estimator, np.full(2, 2.0**-20))
    feature, after = splits(shaken)
    _, before = splits(estimator)
    for index in (0, 1):
        edges = estimator._bin_mapper.bin_thresholds_[index]
        own = feature == index
        places = np.searchsorted(edges, before[own], side="right")
        assert (after[own] < np.append(edges, np.inf)[places]).all()


@pytest.mark.parametrize(
    "steps",
    [
        [PCA(3)],
        [StandardScaler(), PCA(3), StandardScaler()],
        [TruncatedSVD(3)],
        [Normalizer()],
        [StandardScaler(), Nystroem(n_components=5, random_state=0)],
    ],
    ids=["pca", "pca and scalers", "svd", "norms", "nystroem"],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_behind_a_sum_training_rows_stay_on_their_side(steps: list[Any], dtype: Any) -> None:
    """442 rows, of which 254 lie on an edge in each column."""
    rows = DIABETES.to_numpy(dtype=dtype)
    final = HistGradientBoostingRegressor(max_iter=5)
    result = convert_faithfully(make_pipeline(*steps, final).fit(rows, PROGRESS), rows, seed=0)
    data = next(item for item in result.report.comparisons if item.kind == "data")
    assert data.mismatches == data.undecided == 0
