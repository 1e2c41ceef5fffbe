"""What the contenders of a benchmark are given."""

from __future__ import annotations

import warnings
from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from entrypoints.measuring import measure_variants, original_method, plain_rows
from optimization.convert import convert
from optimization.measure.records import Contender
from optimization.measure.threads import threads
from optimization.measure.turns import taking_turns

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


def manifest(estimator: Any, features: Any) -> Any:
    return convert(estimator, features).manifest


def test_the_original_takes_a_matrix_without_a_warning_and_stays_as_it_was() -> None:
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(5, n_jobs=4)).fit(FLOWERS, SPECIES)
    predict = original_method(pipeline, "predict", n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = predict(FLOWERS.to_numpy())
    np.testing.assert_array_equal(answer, pipeline.predict(FLOWERS))
    assert predict.__self__.steps[-1][1].n_jobs == 2
    assert pipeline.steps[-1][1].n_jobs == 4
    assert list(pipeline.feature_names_in_) == list(FLOWERS.columns)


def test_the_original_gets_jobs_wherever_it_has_that_setting() -> None:
    table = FLOWERS.assign(colour=np.where(SPECIES == 1, "red", "blue"))
    names = list(FLOWERS.columns)
    columns = ColumnTransformer(
        [("text", OneHotEncoder(), ["colour"]), ("scaled", StandardScaler(), names[:2])], n_jobs=4
    )
    forest = BaggingClassifier(RandomForestClassifier(3, random_state=0), 2, random_state=0)
    estimator = make_pipeline(columns, forest).fit(table, SPECIES)
    several = original_method(estimator, "predict", n_jobs=2)
    first, last = (step for _, step in several.__self__.steps)
    assert (first.n_jobs, last.n_jobs) == (2, 2)
    assert {member.n_jobs for member in last.estimators_} == {2}
    with threads(2):
        np.testing.assert_array_equal(several(table), estimator.predict(table))
    one = original_method(estimator, "predict", n_jobs=1).__self__
    assert one.steps[0][1].n_jobs == 1
    assert one.steps[1][1] is estimator.steps[1][1]  # None is one already
    assert (columns.n_jobs, forest.n_jobs) == (4, None)


class Stop(Exception):
    """What would be measured is known."""


@pytest.mark.parametrize(
    ("cpus", "n_threads", "second"), [(1, 1, None), (2, 1, 2), (2, 2, None), (4, 2, 4), (2, 3, None)]
)
def test_all_cores_are_measured_beside_n_threads_unless_these_are_all(
    monkeypatch: pytest.MonkeyPatch, cpus: int, n_threads: int, second: int | None
) -> None:
    forest = RandomForestClassifier(3).fit(FLOWERS, SPECIES)
    sessions: list[dict[str, Any]] = []
    calls: dict[str, Any] = {}

    def predictor(content: bytes, session: dict[str, Any]) -> Any:
        sessions.append(session)
        return SimpleNamespace(predict=len)

    def measure(contenders: Any, rows: Any, **given: Any) -> None:
        calls.update(given, contenders=contenders)
        raise Stop

    monkeypatch.setattr("optimization.measure.threads.available_cpus", lambda: cpus)
    monkeypatch.setattr("optimization.measure.timing.measure", measure)
    judge = SimpleNamespace(manifest=manifest(forest, FLOWERS), predictor=predictor)
    variants: Any = SimpleNamespace(judge=judge, onnx=b"1", quantized=b"2")
    inputs = SimpleNamespace(source=SimpleNamespace(estimator=forest), rows=SimpleNamespace(features=FLOWERS))
    values = Namespace(
        n_threads=n_threads, n_iterations=1, batch_sizes=(1,), time_budget_s=1.0, footprint=False
    )
    champion = Contender("champion", len)
    with pytest.raises(Stop):
        measure_variants(values, inputs, variants, {}, (champion,))
    names = ["original", "onnx", "quantized"]
    assert [item.name for item in calls["contenders"]] == [*names, "champion"]
    assert calls["contenders"][0].predict.__self__.n_jobs in (n_threads, None)
    assert calls["options"].n_threads == n_threads
    assert sessions[:2] == [taking_turns(n_threads)] * 2
    threaded = calls["all_cores"]
    if second is None:
        assert threaded is None
        assert len(sessions) == 2
    else:
        assert threaded.n_threads == second
        assert [item.name for item in threaded.contenders] == names
        assert threaded.contenders[0].predict.__self__.n_jobs == second
        assert sessions[2:] == [taking_turns(second)] * 2


def test_the_original_answers_by_the_method_that_is_measured() -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)
    predict_proba = original_method(estimator, "predict_proba", n_jobs=1)
    assert predict_proba(FLOWERS.to_numpy()).shape == (150, 3)


@pytest.mark.parametrize(
    ("estimator", "dtype"),
    [(RandomForestClassifier(3), np.float32), (HistGradientBoostingClassifier(max_iter=2), np.float64)],
)
def test_float_columns_are_measured_as_a_matrix_of_the_graphs_dtype(estimator: Any, dtype: Any) -> None:
    estimator = estimator.fit(FLOWERS, SPECIES)
    rows = plain_rows(estimator, FLOWERS, manifest(estimator, FLOWERS))
    assert isinstance(rows, np.ndarray)
    assert rows.dtype == dtype


def test_mixed_columns_are_measured_as_the_table_they_are() -> None:
    table = FLOWERS.assign(colour=np.where(SPECIES == 1, "red", "blue"))
    step = ColumnTransformer([("text", OneHotEncoder(), ["colour"])], remainder="passthrough")
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(table, SPECIES)
    rows = plain_rows(estimator, table, manifest(estimator, table))
    assert isinstance(rows, pd.DataFrame)
    original_method(estimator, "predict", n_jobs=1)(rows)
