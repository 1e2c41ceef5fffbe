"""float32 where it proves right, float64 where it does not, the first refusal where neither is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, FactorAnalysis, FastICA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostRegressor, RandomForestClassifier, VotingClassifier, VotingRegressor
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import BayesianRidge, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, PowerTransformer

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError, UnfaithfulError
from optimization.verify import RowBudget, Settled, convert_faithfully, settle
from tests.convert.examples import SEED
from tests.verify.helpers import spoil

DRAW = np.random.default_rng(3)
OFFSETS = np.array([2e3, -9e3, 4e3, 1e4])
"""Years, altitudes, pressures: columns that lie thousands of their standard deviations from 0."""
SENSORS = DRAW.normal(size=(250, 4)) + OFFSETS
AROUND = SENSORS - OFFSETS
VALUES = AROUND @ [3.0, -2.0, 1.0, 0.5] + 0.1 * DRAW.normal(size=250)
CLASSES = np.digitize(VALUES, [-1.0, 1.0])
BUDGET = RowBudget(pairs=32, axis_pairs=64)
NOTE = "calculated in float64 from the rows on, because in float32 predict"


def faithful(estimator: Any, rows: Any) -> Settled:
    return convert_faithfully(estimator, rows, seed=SEED, budget=BUDGET)


def in_doubles(found: Settled) -> bool:
    return {item.dtype for item in found.manifest.inputs} == {"float64"}


REGRESSORS = [
    LinearRegression(),
    Lasso(0.01),
    BayesianRidge(),
    PLSRegression(2),
    GaussianProcessRegressor(alpha=0.01, optimizer=None),
    KernelRidge(kernel="rbf", alpha=0.5),
    AdaBoostRegressor(Ridge(), n_estimators=5, random_state=0),
    VotingRegressor([("a", Ridge()), ("b", Lasso(0.01))]),
    make_pipeline(SelectKBest(f_regression, k=2), Ridge()),
    make_pipeline(PolynomialFeatures(2), Ridge()),
    make_pipeline(PCA(2), LinearRegression()),
    make_pipeline(FastICA(2, random_state=0), LinearRegression()),
    make_pipeline(FactorAnalysis(2, random_state=0), LinearRegression()),
    make_pipeline(RBFSampler(gamma=0.01, n_components=20, random_state=0), Ridge()),
]


@pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda item: str(item)[:40])
def test_regressors_of_columns_far_from_zero_are_calculated_in_float64(estimator: Any) -> None:
    estimator.fit(SENSORS, VALUES)
    with pytest.raises(UnfaithfulError):
        settle(convert(estimator, SENSORS), estimator, SENSORS, seed=SEED, budget=BUDGET)
    found = faithful(estimator, SENSORS)
    assert in_doubles(found)
    assert found.notes[0].startswith(NOTE)
    assert "use another" not in found.notes[0]
    answers = Predictor(found.content, found.manifest).predict(SENSORS)
    np.testing.assert_allclose(answers, estimator.predict(SENSORS), rtol=0, atol=1e-5 * np.ptp(VALUES))


CLASSIFIERS = [
    LinearDiscriminantAnalysis(),
    NearestCentroid(),
    KMeans(3, random_state=0),
    MiniBatchKMeans(3, random_state=0),
    make_pipeline(VarianceThreshold(), LogisticRegression(C=1e4, max_iter=5000)),
    make_pipeline(SimpleImputer(), KMeans(3, random_state=0)),
]


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda item: str(item)[:40])
def test_labels_of_columns_far_from_zero_are_scikit_learns(estimator: Any) -> None:
    estimator.fit(SENSORS, CLASSES)
    found = faithful(estimator, SENSORS)
    assert in_doubles(found)
    answers = Predictor(found.content, found.manifest).predict(SENSORS)
    np.testing.assert_array_equal(answers, estimator.predict(SENSORS))


def test_texts_and_integers_beside_far_columns_stay_what_they_are() -> None:
    rows = pd.DataFrame(SENSORS, columns=list("abcd"))
    rows["kind"] = DRAW.choice(["x", "y"], len(rows))
    rows["code"] = DRAW.integers(0, 4, len(rows))
    branches = ColumnTransformer(
        [
            ("n", SimpleImputer(), list("abcd")),
            ("c", OneHotEncoder(handle_unknown="ignore"), ["kind", "code"]),
        ]
    )
    estimator = make_pipeline(branches, Ridge()).fit(rows, VALUES)
    found = faithful(estimator, rows)
    kinds = {item.name: item.dtype for item in found.manifest.inputs}
    assert kinds == {**dict.fromkeys("abcd", "float64"), "kind": "str", "code": "int64"}
    assert found.notes[0].startswith(NOTE)


def test_what_float32_proves_stays_in_float32() -> None:
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    found = faithful(forest.fit(SENSORS, CLASSES), SENSORS)
    assert [item.dtype for item in found.manifest.inputs] == ["float32"]
    assert not any("float64" in note for note in found.notes)


def test_a_graph_that_float64_does_not_change_is_proven_once(monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[Any] = []

    def spoiled(estimator: Any, features: Any, *, wide: bool) -> Any:
        return spoil(convert(estimator, features), "variable", by=1.0)

    def counted(converted: Any, *others: Any, **settings: Any) -> Settled:
        proven.append(converted)
        return settle(converted, *others, **settings)

    monkeypatch.setattr("optimization.verify.faithful.convert", spoiled)
    monkeypatch.setattr("optimization.verify.faithful.settle", counted)
    with pytest.raises(UnfaithfulError, match="predict differs from scikit-learn's"):
        faithful(LinearRegression().fit(AROUND, VALUES), AROUND)
    assert len(proven) == 1


def test_what_neither_proves_is_refused_with_the_words_for_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []

    def spoiled(estimator: Any, features: Any, *, wide: bool) -> Any:
        tried.append(wide)
        return spoil(convert(estimator, features), "variable", by=2.0 if wide else 1.0)

    monkeypatch.setattr("optimization.verify.faithful.convert", spoiled)
    estimator = LinearRegression().fit(AROUND, VALUES)
    with pytest.raises(UnfaithfulError, match=r"largest difference 1, .*use another estimator"):
        faithful(estimator, AROUND)
    assert tried == [False, True]


@pytest.mark.parametrize("step", [PolynomialFeatures(), SimpleImputer(), PowerTransformer(standardize=False)])
def test_steps_that_are_handed_float64_rows_are_written_in_it(step: Any) -> None:
    """skl2onnx writes these for float32 alone, and ensembles that add probabilities hand on float64."""
    members = [("a", make_pipeline(clone(step), LogisticRegression())), ("b", LogisticRegression())]
    likely = make_pipeline(clone(step), GaussianNB())
    for ensemble in (OneVsRestClassifier(likely), VotingClassifier(members, voting="soft")):
        found = faithful(ensemble.fit(AROUND, CLASSES), AROUND)
        assert found.report.exact
        assert "calculated in float64 from the rows on, because in float32 a step of it" in found.notes[0]


def test_what_has_no_converter_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []

    def refuse(estimator: Any, features: Any, *, wide: bool) -> Any:
        tried.append(wide)
        raise ConversionError("no converter")

    monkeypatch.setattr("optimization.verify.faithful.convert", refuse)
    with pytest.raises(ConversionError, match="no converter"):
        faithful(LinearRegression().fit(AROUND, VALUES), AROUND)
    assert tried == [False]
