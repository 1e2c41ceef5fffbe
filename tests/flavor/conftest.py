"""Fixtures of the flavor's tests.

In: nothing.
Out: `flowers`, a small classifier with named columns and text labels; `flower_pairs`, both flavors of it.
Promise: converted once for the session.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.flavor.pairs import SIGNATURES, Converted, Pair, converted, pair, rows_of


@pytest.fixture(scope="session", autouse=True)
def _quiet_downloads() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        yield


@pytest.fixture(autouse=True)
def _path_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow puts the code folder of each loaded model on the path and leaves it there."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(scope="session")
def flowers() -> Converted:
    """Three classes with text labels on four named float columns."""
    features = rows_of(120)
    labels = np.array(["setosa", "versicolor", "virginica"])
    target = labels[np.digitize(features["a"] + features["b"] * 0.5, [-0.5, 0.5])]
    return converted(LogisticRegression(max_iter=1000).fit(features, target), features)


@pytest.fixture(scope="session")
def flower_pairs(flowers: Converted, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Pair]:
    """Both flavors of `flowers`, by signature."""
    return {name: pair(flowers, tmp_path_factory.mktemp(name), name) for name in SIGNATURES}
