"""Models that know nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import DIABETES, IRIS, MIXED, NAMES, PROGRESS, SPECIES, SURVIVED, settled
from tests.converters.agreement import one_row_at_a_time


@pytest.mark.parametrize(
    "model",
    [DummyClassifier(), DummyClassifier(strategy="most_frequent"), DummyClassifier(strategy="constant")],
    ids=str,
)
@pytest.mark.parametrize("target", [SPECIES, NAMES, SPECIES + 5], ids=["numbers", "texts", "others"])
def test_classifiers_answer_all_rows_alike(model: Any, target: Any) -> None:
    if model.strategy == "constant":
        model.set_params(constant=target[-1])
    model.fit(IRIS[:130], target[:130])
    assert settled(model, IRIS).report.exact
    one_row_at_a_time(model, IRIS)


@pytest.mark.parametrize(
    "model",
    [DummyRegressor(), DummyRegressor(strategy="median"), DummyRegressor(strategy="quantile", quantile=0.2)],
    ids=str,
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_regressors_answer_all_rows_alike(model: Any, n_targets: int) -> None:
    target = PROGRESS if n_targets == 1 else np.c_[PROGRESS, -PROGRESS]
    assert settled(model.fit(DIABETES, target), DIABETES).report.exact
    one_row_at_a_time(model, DIABETES)


def test_behind_a_scaler_and_on_columns_of_several_kinds() -> None:
    assert settled(make_pipeline(StandardScaler(), DummyClassifier()).fit(IRIS, SPECIES), IRIS).report.exact
    assert settled(DummyClassifier().fit(MIXED, SURVIVED), MIXED).report.exact


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_answers_by_chance_are_refused(strategy: str) -> None:
    model = DummyClassifier(strategy=strategy).fit(IRIS, SPECIES)
    with pytest.raises(ConversionError, match="draws its answers"):
        convert(model, IRIS)
