"""KNNImputer and IterativeImputer: rows that are filled from their other columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR

from optimization.convert import convert
from optimization.errors import ConversionError
from optimization.verify.ties import tied
from tests.convert.examples import BENIGN, CANCER, predictor, settled
from tests.converters.agreement import one_row_at_a_time

LOGISTIC = LogisticRegression(max_iter=2000)


def with_holes(rows: Any, share: float, seed: int = 0) -> Any:
    """Each row keeps one value at least."""
    generator = np.random.default_rng(seed)
    holes = generator.random(rows.shape) < share
    holes[np.arange(len(rows)), generator.integers(0, rows.shape[1], len(rows))] = False
    return rows.mask(holes) if hasattr(rows, "mask") else np.where(holes, np.nan, rows)


HOLED = with_holes(CANCER.iloc[:300, :8], 0.15)
TARGET = BENIGN[:300]
GAUSS = np.random.default_rng(0).normal(size=(200, 6)) @ np.random.default_rng(1).normal(size=(6, 6))
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Skipping features without any observed values"
)
IMPUTERS = [
    KNNImputer(),
    KNNImputer(n_neighbors=1),
    KNNImputer(n_neighbors=500),
    KNNImputer(weights="distance"),
    KNNImputer(add_indicator=True),
    IterativeImputer(random_state=0, max_iter=3),
    IterativeImputer(random_state=0, max_iter=3, add_indicator=True),
    IterativeImputer(random_state=0, max_iter=3, n_nearest_features=2, imputation_order="random"),
    IterativeImputer(random_state=0, max_iter=3, min_value=-1.0, max_value=1.0),
    IterativeImputer(random_state=0, max_iter=0, initial_strategy="median"),
    IterativeImputer(Ridge(), random_state=0, max_iter=3, skip_complete=True),
    IterativeImputer(LinearSVR(), random_state=0, max_iter=2),
    IterativeImputer(SGDRegressor(random_state=0), random_state=0, max_iter=2),
]


def fills_alike(imputer: Any, rows: Any, *more: Any) -> None:
    """The imputer alone, on rows that it can fill in one way only."""
    found = predictor(imputer, rows)
    for every in (rows, *more):
        batch = every[~tied(imputer, every)]
        assert len(batch)
        expected = imputer.transform(batch)
        filled = found.predict(batch)
        assert (filled.dtype, filled.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(filled, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


BY_DISTANCE = [imputer for imputer in IMPUTERS if getattr(imputer, "weights", "") == "distance"]
OTHERS = [imputer for imputer in IMPUTERS if imputer not in BY_DISTANCE]


@pytest.mark.parametrize(
    ("imputer", "dtype"),
    [*((item, np.float64) for item in IMPUTERS), *((item, np.float32) for item in OTHERS)],
    ids=str,
)
def test_rows_are_filled_as_by_scikit_learn(imputer: Any, dtype: Any) -> None:
    """Of float32 rows scikit-learn's distances, which are its weights, have five digits only."""
    rows, others = (with_holes(GAUSS, 0.3, seed).astype(dtype) for seed in (0, 1))
    fills_alike(imputer.fit(rows), rows, others, GAUSS.astype(dtype), others[:9])


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_rows_of_nothing_but_holes(imputer: Any) -> None:
    """Alone they are what scikit-learn starts with; beside others IterativeImputer goes on."""
    imputer.fit(with_holes(GAUSS, 0.3))
    empty = np.full((2, 6), np.nan)
    found = predictor(imputer, with_holes(GAUSS, 0.3))
    for batch in (empty, np.concatenate([empty, GAUSS[:3]])):
        expected = imputer.transform(batch)
        np.testing.assert_allclose(found.predict(batch), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("imputer", [KNNImputer(), IterativeImputer(random_state=0, max_iter=3)], ids=str)
def test_columns_without_any_value_are_dropped(imputer: Any) -> None:
    rows = with_holes(GAUSS, 0.2)
    rows[:, 2] = np.nan
    fills_alike(imputer.fit(rows), rows, with_holes(GAUSS, 0.2, 1))


@pytest.mark.parametrize(
    "imputer", [KNNImputer(add_indicator=True), IterativeImputer(random_state=0, max_iter=2)], ids=str
)
@pytest.mark.parametrize("final", [LOGISTIC, RandomForestClassifier(5, random_state=0)], ids=str)
@pytest.mark.parametrize("before", [True, False])
def test_the_proof_holds_before_models(imputer: Any, final: Any, before: bool) -> None:
    steps = [StandardScaler(), imputer, final] if before else [imputer, StandardScaler(), final]
    estimator = make_pipeline(*steps).fit(HOLED, TARGET)
    result = settled(estimator, HOLED)
    assert result.report.exact
    assert set(result.manifest.nan_columns) == set(HOLED.columns)
    one_row_at_a_time(estimator, HOLED)


def test_some_columns_of_several() -> None:
    columns = list(HOLED.columns)
    prepare = ColumnTransformer(
        [
            ("k", make_pipeline(StandardScaler(), KNNImputer()), columns[:4]),
            ("i", IterativeImputer(random_state=0, max_iter=2), columns[4:]),
        ]
    )
    assert settled(make_pipeline(prepare, LOGISTIC).fit(HOLED, TARGET), HOLED).report.exact


def test_donors_equally_far_are_no_error_of_the_conversion() -> None:
    """Ages in years tie all the time; which donor scikit-learn takes is up to np.argpartition."""
    generator = np.random.default_rng(0)
    rows = with_holes(generator.integers(0, 5, (300, 4)).astype(np.float64), 0.2)
    estimator = make_pipeline(KNNImputer(n_neighbors=3), LinearRegression()).fit(
        rows, generator.normal(size=300)
    )
    result = settled(estimator, rows)
    assert result.report.exact
    assert any("equally far" in note for note in result.notes)


def test_blocks_of_rows_are_filled_alike() -> None:
    generator = np.random.default_rng(0)
    rows = with_holes(generator.normal(size=(3000, 12)), 0.1)
    fills_alike(KNNImputer().fit(rows), rows[:400])


@pytest.mark.parametrize(
    ("imputer", "reason"),
    [
        pytest.param(
            KNNImputer(weights=lambda far: 1 / (1 + far)),
            "measures or weighs in a way that has no ONNX form",
            id="weights of one's own",
        ),
        (KNNImputer(keep_empty_features=True), "drop such columns before training"),
        (IterativeImputer(sample_posterior=True, max_iter=1), "sample_posterior=False"),
        (IterativeImputer(RandomForestRegressor(2), max_iter=1), "a linear model such as BayesianRidge"),
    ],
    ids=str,
)
def test_what_cannot_be_written_is_refused_by_name(imputer: Any, reason: str) -> None:
    rows = with_holes(GAUSS[:, :3], 0.3)
    rows[:, 1] = np.nan
    estimator = make_pipeline(imputer, Ridge()).fit(rows, GAUSS[:, 3])
    with pytest.raises(ConversionError, match=reason):
        convert(estimator, rows)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(3, 60),
    n_columns=st.integers(2, 8),
    share=st.floats(0.05, 0.8),
    k=st.integers(1, 9),
    weights=st.sampled_from(["uniform", "distance"]),
    offset=st.sampled_from([0.0, 1e3]),
)
def test_any_holes_are_filled_by_neighbours(
    *, seed: int, n_rows: int, n_columns: int, share: float, k: int, weights: str, offset: float
) -> None:
    rows = np.random.default_rng(seed).normal(size=(n_rows, n_columns)) + offset
    holed = with_holes(rows, share, seed)
    imputer = KNNImputer(n_neighbors=k, weights=weights).fit(holed)
    new = with_holes(rows[::-1] + 0.01, share, seed + 1)
    found = predictor(imputer, holed).predict(new)
    settled_rows = ~tied(imputer, new)
    np.testing.assert_allclose(
        found[settled_rows], imputer.transform(new)[settled_rows], rtol=1e-5, atol=1e-5
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_columns=st.integers(2, 7), share=st.floats(0.05, 0.6))
def test_any_holes_are_filled_by_rounds_of_regressions(*, seed: int, n_columns: int, share: float) -> None:
    rows = np.random.default_rng(seed).normal(size=(50, n_columns)).cumsum(axis=1)
    holed = with_holes(rows, share, seed)
    imputer = IterativeImputer(random_state=0, max_iter=3).fit(holed)
    new = with_holes(rows[::-1] + 0.01, share, seed + 1)
    np.testing.assert_allclose(
        predictor(imputer, holed).predict(new), imputer.transform(new), rtol=1e-5, atol=1e-5
    )
