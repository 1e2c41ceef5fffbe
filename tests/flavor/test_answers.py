"""The answers of the pyfunc are those of `mlflow.sklearn`'s: values, dtype, shape and container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.flavor.pairs import SIGNATURES, Converted, assert_same, converted, pair, rows_of, save_ours

pytestmark = [
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
    pytest.mark.filterwarnings("ignore:Hint. Inferred schema contains integer"),
]

LABELS = {
    "int64": np.array([3, 5, 9]),
    "int8": np.array([-1, 0, 1], dtype=np.int8),
    "bool": np.array([False, True]),
    "float": np.array([0.0, 1.0, 2.0]),
    "text": np.array(["no", "perhaps", "yes"]),
    "object": np.array(["no", "perhaps", "yes"], dtype=object),
}
FEATURES = rows_of(90)


def codes(n_classes: int) -> np.ndarray[Any, Any]:
    """Return a class number for each row of FEATURES."""
    score = (FEATURES["a"] + FEATURES["c"] * FEATURES["b"]).to_numpy()
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def fit_classifier(estimator: Any, labels: np.ndarray[Any, Any]) -> Converted:
    return converted(estimator.fit(FEATURES, labels[codes(len(labels))]), FEATURES)


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back_as_they_were_given(kind: str, n_classes: int, signature: str, tmp_path: Path):
    labels = LABELS[kind][:n_classes]
    model = fit_classifier(LogisticRegression(), labels)
    both = pair(model, tmp_path, signature)
    rows = FEATURES.to_numpy() if signature == "tensor" else FEATURES
    expected = both.theirs.predict(rows)
    assert expected.dtype == labels.dtype
    assert_same(both.ours.predict(rows), expected)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=3, random_state=0),
        GradientBoostingClassifier(n_estimators=5, random_state=0),
        MLPClassifier((5,), max_iter=50, random_state=0),
        make_pipeline(StandardScaler(), SVC()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_method_answers_in_the_dtype_and_shape_of_the_estimator(
    estimator: Any, n_classes: int, dtype: Any
):
    model = fit_classifier(estimator, LABELS["text"][:n_classes])
    rows = FEATURES.astype(dtype)
    for method in model.manifest.methods:
        expected = np.asarray(getattr(model.estimator, method)(rows))
        assert_same(model.predictor.predict(rows, method), expected, method, labels=method == "predict")


@pytest.mark.parametrize(
    ("estimator", "n_targets"),
    [
        (LinearRegression(), 0),
        (LinearRegression(), 1),
        (LinearRegression(), 3),
        (RandomForestRegressor(5, random_state=0), 0),
        (RandomForestRegressor(5, random_state=0), 2),
        (MLPRegressor(hidden_layer_sizes=(5,), max_iter=50, random_state=0), 0),
        (MLPRegressor(hidden_layer_sizes=(5,), max_iter=50, random_state=0), 2),
    ],
    ids=lambda value: value if isinstance(value, int) else type(value).__name__,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressors_answer_in_one_column_or_many(estimator: Any, n_targets: int, dtype: Any, tmp_path: Path):
    target = FEATURES.to_numpy()[:, : max(1, n_targets)] ** 2
    model = converted(estimator.fit(FEATURES, target if n_targets else target[:, 0]), FEATURES)
    both = pair(model, tmp_path, "none")
    for rows in (FEATURES.astype(dtype), FEATURES.head(1).to_numpy(dtype)):
        assert_same(both.ours.predict(rows), both.theirs.predict(rows), labels=False)


@pytest.mark.parametrize(
    ("estimator", "methods"),
    [
        (StandardScaler(), {"transform"}),
        (PCA(2), {"transform"}),
        (KMeans(3, n_init=1, random_state=0), {"predict", "transform"}),
        (GaussianMixture(2, random_state=0), {"predict", "predict_proba", "score_samples"}),
        (IsolationForest(n_estimators=5, random_state=0), {"predict", "decision_function", "score_samples"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_transformers_clusterers_and_detectors_answer(estimator: Any, methods: set[str], tmp_path: Path):
    model = converted(estimator.fit(FEATURES), FEATURES)
    assert set(model.manifest.methods) == methods
    ours = save_ours(model, tmp_path / "model", "columns")
    for method in methods:
        expected = getattr(estimator, method)(FEATURES)
        found = ours.predict(FEATURES, params={"predict_method": method})
        assert_same(found, expected, method, labels=method == "predict")
    default = "predict" if "predict" in methods else "transform"  # mlflow.sklearn serves no transformers
    assert np.array_equal(ours.predict(FEATURES), ours.predict(FEATURES, params={"predict_method": default}))


@pytest.fixture(scope="module")
def mixed() -> Converted:
    """Text, integer, truth and float columns, as a table from a database has them."""
    generator = np.random.default_rng(0)
    features = pd.DataFrame(
        {
            "town": generator.choice(["Bonn", "Köln", "Aachen"], 80),
            "rooms": generator.integers(1, 5, 80),
            "garden": generator.random(80) < 0.5,
            "area": generator.normal(80, 20, 80),
        }
    )
    target = np.where(features["area"] + 10 * features["rooms"] > 105, "dear", "cheap")
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["town", "rooms", "garden"]),
            ("numbers", StandardScaler(), ["area"]),
        ]
    )
    return converted(make_pipeline(columns, LogisticRegression()).fit(features, target), features)


@pytest.mark.parametrize("signature", ["columns", "none"])
def test_mixed_columns_go_in_by_name(mixed: Converted, signature: str, tmp_path: Path):
    both = pair(mixed, tmp_path, signature)
    expected = both.theirs.predict(mixed.features)
    assert len(set(expected)) == 2
    for rows in (
        mixed.features,
        mixed.features[["area", "garden", "town", "rooms"]],
        mixed.features.assign(street="x"),
        mixed.features.astype({"town": "category"}) if signature == "none" else mixed.features,
        mixed.features.to_dict("list") if signature == "none" else mixed.features,
    ):
        assert_same(both.ours.predict(rows), expected)


@pytest.mark.parametrize(
    "kinds",
    [
        {"town": "category"},
        {"town": object, "area": object},
        {"rooms": "Int64", "area": "Float64", "garden": "boolean"},
        {"rooms": np.int32, "area": np.float32},
        {"rooms": np.float64},
    ],
    ids=str,
)
def test_mixed_columns_may_have_types_of_pandas(kinds: dict[str, Any], mixed: Converted):
    rows = mixed.features.assign(area=np.round(mixed.features["area"], 1)).astype(kinds)
    expected = mixed.estimator.predict_proba(mixed.features.assign(area=rows["area"].astype(float)))
    for batch, answer in ((rows, expected), (rows.head(1), expected[:1])):
        assert_same(mixed.predictor.predict(batch, "predict_proba"), answer, "predict_proba", labels=False)


def test_mixed_columns_need_nothing_of_pandas_that_is_not_public(
    mixed: Converted, monkeypatch: pytest.MonkeyPatch
):
    expected = mixed.predictor.predict(mixed.features, "predict_proba")
    monkeypatch.delattr(pd.DataFrame, "_iter_column_arrays")
    assert np.array_equal(mixed.predictor.predict(mixed.features, "predict_proba"), expected)


def test_mixed_columns_go_in_by_position_from_a_list(mixed: Converted):
    rows = mixed.features.to_numpy(dtype=object).tolist()
    assert_same(mixed.predictor.predict(rows), mixed.estimator.predict(mixed.features))


def test_an_unknown_word_is_treated_as_by_the_estimator(mixed: Converted):
    rows = mixed.features.head(3).assign(town=["Rom", "", "bonn"])
    expected = mixed.estimator.predict_proba(rows)
    assert_same(mixed.predictor.predict(rows, "predict_proba"), expected, "predict_proba", labels=False)


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(), OneHotEncoder(min_frequency=2), OrdinalEncoder()], ids=str
)
def test_an_unknown_word_is_refused_in_a_sentence_where_the_estimator_refuses_it(
    encoder: Any, mixed: Converted, capfd: pytest.CaptureFixture[str]
):
    columns = ColumnTransformer([("words", encoder, ["town", "rooms"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(mixed.features, np.arange(80) % 2)
    answerer = converted(estimator, mixed.features).predictor
    for rows in (
        mixed.features.head(3).assign(town=["Rom", "Bonn", "Köln"]),
        mixed.features.head(3).assign(rooms=[9, 1, 2]),
    ):
        with pytest.raises(ValueError, match="unknown categories"):
            estimator.predict(rows)
        with pytest.raises(ValueError, match="expected categories that the model was trained with"):
            answerer.predict(rows)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("rooms", 2.5, "column 'rooms': expected integers"),
        ("rooms", np.nan, "column 'rooms': expected integers"),
        ("rooms", "2", "column 'rooms': expected integers"),
        ("rooms", 1e30, "column 'rooms': expected integers"),
        ("town", 7, "column 'town': expected text in every row, found 7"),
        ("town", pd.NA, "column 'town': expected text in every row, found <NA>"),
        ("area", "large", "expected numbers in every column"),
        ("area", pd.Timestamp("2026-01-01"), "expected numbers in every column"),
        ("area", 1 + 2j, "expected numbers in every column"),
        ("area", np.nan, r"the model takes no NaN in \['area'\]"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(mixed: Converted, column: str, value: Any, sentence: str):
    rows = mixed.features.head(2).astype({column: object})
    rows.loc[1, column] = value
    with pytest.raises(ValueError, match=sentence):
        mixed.predictor.predict(rows)


def test_dates_are_no_numbers(flowers: Converted):
    rows = flowers.features.head(2).assign(b=pd.Timestamp("2026-01-01"))
    with pytest.raises(ValueError, match="expected numbers in every column"):
        flowers.predictor.predict(rows)
    with pytest.raises(ValueError, match="expected numbers in every column"):
        flowers.predictor.predict(np.ones((2, 4), dtype=complex))


def test_an_unknown_method_is_refused_with_the_choice(flowers: Converted, flower_pairs: Any):
    with pytest.raises(
        ValueError, match=r"\['predict', 'predict_proba', 'decision_function'\], found 'apply'"
    ):
        flowers.predictor.predict(flowers.features, "apply")
    with pytest.raises(ValueError, match="found 'apply'"):
        flower_pairs["columns"].ours.predict(flowers.features, params={"predict_method": "apply"})


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predict_method_is_offered_with_every_signature(
    flowers: Converted, flower_pairs: Any, signature: str, method: str
):
    rows = flowers.features.to_numpy() if signature == "tensor" else flowers.features
    found = flower_pairs[signature].ours.predict(rows, params={"predict_method": method})
    expected = getattr(flowers.estimator, method)(flowers.features)
    assert_same(found, expected, method, labels=method == "predict")


def test_values_that_pandas_calls_missing_count_as_nan():
    from sklearn.ensemble import HistGradientBoostingRegressor

    holes = FEATURES.mask(FEATURES > 1)
    estimator = HistGradientBoostingRegressor(max_iter=5).fit(holes, FEATURES["a"])
    model = converted(estimator, holes)
    expected = estimator.predict(holes)
    for rows in (holes, holes.astype("Float64"), holes.astype(object).where(holes.notna(), None)):
        assert_same(model.predictor.predict(rows), expected, labels=False)
