"""Models that know nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import DIABETES, IRIS, MIXED, NAMES, PROGRESS, SPECIES, SURVIVED, settled
from tests.converters.agreement import agree, one_row_at_a_time


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


LABELS = st.one_of(
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=12),
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=12
    ),
    st.lists(st.booleans(), min_size=1, max_size=12),
)


@settings(max_examples=15, deadline=None)
@given(LABELS, st.sampled_from(["prior", "most_frequent", "constant"]))
def test_any_labels_are_answered(labels: Any, strategy: str) -> None:
    target = np.array(labels)
    constant = labels[0] if strategy == "constant" else None
    model = DummyClassifier(strategy=strategy, constant=constant).fit(np.zeros((len(target), 2)), target)
    agree(model, IRIS.to_numpy()[:5, :2])


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=12),
    st.sampled_from(["mean", "median", "quantile", "constant"]),
)
def test_any_values_are_answered(values: list[float], strategy: str) -> None:
    model = DummyRegressor(strategy=strategy, constant=values[0], quantile=0.3)
    agree(model.fit(np.zeros((len(values), 2)), values), IRIS.to_numpy()[:5, :2])
