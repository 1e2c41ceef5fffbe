"""k nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError
from optimization.verify.rows import draw_marginal
from optimization.verify.ties import tied

DIGITS, DIGIT = load_digits(return_X_y=True)
IRIS, SPECIES = load_iris(return_X_y=True)
WINE, GRAPE = load_wine(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
METRICS = [
    {},
    {"metric": "sqeuclidean", "algorithm": "brute"},
    {"metric": "manhattan"},
    {"metric": "cityblock", "algorithm": "ball_tree"},
    {"metric": "chebyshev"},
    {"metric": "cosine"},
    {"p": 3},
    {"algorithm": "brute"},
]


def predictor(estimator: Any, rows: Any) -> Predictor:
    converted = convert(estimator, rows)
    onnx.checker.check_model(converted.model, full_check=True)
    return Predictor(converted.model.SerializeToString(), converted.manifest)


def ops(estimator: Any, rows: Any) -> list[str]:
    return [node.op_type for node in convert(estimator, rows).model.graph.node]


def untied(estimator: Any, rows: Any) -> Any:
    rows = np.concatenate([rows, draw_marginal(rows, generator=np.random.default_rng(0))])
    kept = rows[~tied(estimator, rows)]
    assert len(kept) > 200
    return kept


def check(estimator: Any, rows: Any, found: Predictor | None = None) -> None:
    """Labels equal, scores close, on data and marginal rows that are not tied."""
    found = found or predictor(estimator, rows)
    rows = untied(estimator, rows)
    labels, expected = found.predict(rows), estimator.predict(rows)
    assert labels.dtype == expected.dtype
    assert labels.shape == expected.shape
    if isinstance(expected.flat[0], str) or hasattr(estimator, "classes_"):
        np.testing.assert_array_equal(labels, expected)
        probabilities = found.predict(rows, "predict_proba")
        np.testing.assert_allclose(probabilities, estimator.predict_proba(rows), rtol=0, atol=5e-5)
    else:
        np.testing.assert_allclose(labels, expected, rtol=0, atol=1e-6 + 1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("options", METRICS, ids=str)
def test_classifiers_answer_as_scikit_learn(weights: str, options: dict[str, Any]) -> None:
    check(KNeighborsClassifier(weights=weights, **options).fit(WINE, GRAPE), WINE)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("options", METRICS, ids=str)
def test_regressors_answer_as_scikit_learn(weights: str, options: dict[str, Any]) -> None:
    check(KNeighborsRegressor(weights=weights, **options).fit(DIABETES, PROGRESS), DIABETES)


@pytest.mark.parametrize("k", [1, 2, 5, 30])
def test_any_number_of_neighbours(k: int) -> None:
    check(KNeighborsClassifier(k).fit(DIGITS, DIGIT), DIGITS)
    check(KNeighborsClassifier(k).fit(CANCER, BENIGN), CANCER)


def test_all_training_rows_may_be_neighbours() -> None:
    estimator = KNeighborsClassifier(len(IRIS), weights="distance").fit(IRIS, SPECIES)
    check(estimator, IRIS)


@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 1, 7], [1.0, 2.0, 5.0]])
def test_labels_of_every_kind_keep_their_dtype(labels: list[Any]) -> None:
    check(KNeighborsClassifier().fit(WINE, np.array(labels)[GRAPE]), WINE)


def test_boolean_labels_keep_their_dtype() -> None:
    check(KNeighborsClassifier().fit(CANCER, BENIGN.astype(bool)), CANCER)


def test_votes_that_tie_go_to_the_first_class() -> None:
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    estimator = KNeighborsClassifier(4).fit(features, ["z", "a", "z", "a"])
    assert predictor(estimator, features).predict(features).tolist() == ["a"] * 4


@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_a_training_row_outweighs_all_others_and_its_twins_share(kind: Any) -> None:
    features = np.array([[0.0], [0.0], [1.0], [2.0], [4.0], [9.0]])
    estimator = kind(4, weights="distance").fit(features, [0, 1, 1, 0, 1, 0])
    method = "predict_proba" if kind is KNeighborsClassifier else "predict"
    found = predictor(estimator, features).predict(features, method)
    np.testing.assert_allclose(found, getattr(estimator, method)(features), rtol=0, atol=1e-6)


def test_several_targets_at_once() -> None:
    both = np.c_[PROGRESS, -PROGRESS, DIABETES[:, 0]]
    check(KNeighborsRegressor(weights="distance").fit(DIABETES, both), DIABETES)


@pytest.mark.parametrize("algorithm", ["auto", "brute"])
def test_a_scaler_before_it_calculates_in_float64(algorithm: str) -> None:
    check(make_pipeline(StandardScaler(), KNeighborsClassifier(algorithm=algorithm)).fit(WINE, GRAPE), WINE)


def test_trees_of_scikit_learn_sum_in_order_so_that_ties_of_decimals_are_kept() -> None:
    estimator = KNeighborsClassifier(10).fit(IRIS, SPECIES)
    assert estimator._fit_method == "kd_tree"
    found = predictor(estimator, IRIS)
    assert found.manifest.inputs[0].dtype == "float64"
    rows = draw_marginal(IRIS, generator=np.random.default_rng(1))
    distances, _ = estimator.kneighbors(rows, 11)
    close = np.diff(distances)[:, 9] < 1e-7
    rows = rows[close & ~tied(estimator, rows)]
    assert len(rows) > 20
    np.testing.assert_array_equal(found.predict(rows), estimator.predict(rows))


def test_the_digits_graph_is_a_product_a_choice_and_a_second_look_where_there_is_doubt() -> None:
    nodes = convert(KNeighborsClassifier().fit(DIGITS, DIGIT), DIGITS).model.graph.node
    found = [node.op_type for node in nodes]
    assert found.count("Gemm") == found.count("TopK") == found.count("If") == 1
    assert not {"Scan", "Loop"} & set(found)
    [doubt] = [node for node in nodes if node.op_type == "If"]
    bodies = {item.name: [node.op_type for node in item.g.node] for item in doubt.attribute}
    second, nothing = bodies["then_branch"], bodies["else_branch"]
    assert second.count("Gemm") == 1
    assert second.count("TopK") == 3
    assert nothing == ["Slice"]


@pytest.mark.parametrize("n_classes", [2, 3, 7, 16, 17, 300])
def test_classes_of_any_number_are_kept(n_classes: int) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(1500, 4)).astype(np.float32)
    target = np.concatenate([np.arange(n_classes), generator.integers(0, n_classes, 1500 - n_classes)])
    found = predictor(KNeighborsClassifier(1).fit(features, target), features)
    np.testing.assert_array_equal(found.predict(features), target)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_of_whole_numbers_equally_far_the_first_training_rows_are_taken(metric: str) -> None:
    generator = np.random.default_rng(0)
    features = generator.integers(0, 17, (300, 8)).astype(float)
    features[150:] = features[:150]
    order = generator.permutation(300)
    estimator = KNeighborsRegressor(1, metric=metric).fit(features[order], np.arange(300.0))
    first = np.array([np.flatnonzero((features[order] == row).all(axis=1))[0] for row in features])
    np.testing.assert_array_equal(predictor(estimator, features).predict(features), first)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    largest=st.sampled_from([1, 16, 300, 1000, 3000, 10**5]),
    off=st.sampled_from([0.0, 2.0**-30, 0.25]),
    metric=st.sampled_from(["euclidean", "manhattan"]),
)
def test_whole_numbers_of_any_size_and_rows_beside_them(
    *, seed: int, largest: int, off: float, metric: str
) -> None:
    """Also beyond the size up to which their ranks are exact in float32, and on the way there."""
    generator = np.random.default_rng(seed)
    features = generator.integers(-largest, largest + 1, (200, 6)).astype(np.float64)
    estimator = KNeighborsRegressor(1, metric=metric).fit(features, np.arange(200.0))
    found = predictor(estimator, features)
    rows = generator.integers(-largest, largest + 1, (300, 6)) * generator.choice([1, 50], (300, 1)) + off
    difference = np.abs(rows[:, None] - features)
    apart = (difference**2 if metric == "euclidean" else difference).sum(axis=2)
    chosen = found.predict(rows).astype(int)
    np.testing.assert_array_equal(apart[np.arange(300), chosen], apart.min(axis=1))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_choice_that_float32_leaves_open_is_made_in_float64(weights: str) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(400, 8)).astype(np.float32)
    features[1::2] = features[::2] * np.float32(1 + 1e-5)
    estimator = KNeighborsRegressor(1, weights=weights).fit(features, np.arange(400.0))
    rows = (features * generator.uniform(1 - 1e-5, 1 + 1e-5, (400, 1))).astype(np.float32)
    rows = rows[~tied(estimator, rows)]
    assert len(rows) > 200
    nearest = np.rint(estimator.predict(rows))  # scikit-learn's w · y ÷ w is not always y
    np.testing.assert_array_equal(predictor(estimator, features).predict(rows), nearest)


def test_manhattan_distances_go_in_blocks() -> None:
    model = convert(KNeighborsClassifier(metric="manhattan").fit(DIGITS, DIGIT), DIGITS).model
    (scan,) = (node for node in model.graph.node if node.op_type == "Scan")
    # No more than needs to be there: what is done for every block costs as much for nine rows as for all.
    body = next(item.g for item in scan.attribute if item.name == "body")
    depends = {body.input[0].name}
    for node in body.node:
        if depends & set(node.input):
            depends |= set(node.output)
    for_each = [node.op_type for node in body.node if depends & set(node.output)]
    assert for_each == ["Unsqueeze", "Max", "MatMul", "Squeeze", "Sub", "TopK"]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_choices_that_float32_leaves_open_in_many_blocks(metric: str, weights: str) -> None:
    """In some blocks all rows are doubtful, in others none; many neighbours are measured in blocks too."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(2400, 40)).astype(np.float32)
    features[1:1200:2] = features[:1200:2] * (1 + generator.choice([1e-6, 1e-5], (600, 1))).astype(np.float32)
    estimator = KNeighborsRegressor(60, metric=metric, weights=weights, algorithm="kd_tree")
    estimator.fit(features, np.arange(2400.0))
    converted = convert(estimator, features)
    assert [node.op_type for node in converted.model.graph.node].count("Scan") == 1 + (weights == "distance")
    found = Predictor(converted.model.SerializeToString(), converted.manifest)
    rows = features[300:1500] * generator.uniform(1 - 1e-6, 1 + 1e-6, (1200, 1)).astype(np.float32)
    rows = rows[~tied(estimator, rows)]
    assert len(rows) > 800
    np.testing.assert_allclose(found.predict(rows), estimator.predict(rows), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e5, 1e6])
def test_rows_far_away_are_ranked_in_float64(scale: float) -> None:
    """Float32 overflows, or cannot tell the training rows apart; the proposals are not trusted then."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(600, 20)).astype(np.float32)
    estimator = KNeighborsClassifier(3).fit(features, generator.integers(0, 4, 600))
    found = predictor(estimator, features)
    rows = (generator.normal(size=(300, 20)) * scale).astype(np.float32)
    rows = rows[~tied(estimator, rows)]
    assert len(rows) > 20
    np.testing.assert_array_equal(found.predict(rows), estimator.predict(rows))


def test_rows_whose_distances_overflow_in_float32_have_an_answer() -> None:
    features = np.random.default_rng(0).normal(size=(600, 20)).astype(np.float32)
    estimator = KNeighborsClassifier(3).fit(features, np.arange(600) % 4)
    probabilities = predictor(estimator, features).predict(features[:9] * np.float32(1e37), "predict_proba")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_many_equal_training_rows_do_not_hide_the_nearest() -> None:
    features = np.repeat(np.array([[100.0, 0.0], [100.0, 1e-6]]), 300, axis=0)
    estimator = KNeighborsClassifier(3).fit(features, np.repeat([0, 1], 300))
    rows = np.array([[100.0, 4e-7], [100.0, 6e-7], [90.0, 1.0], [90.0, -1.0]])
    np.testing.assert_array_equal(predictor(estimator, features).predict(rows), estimator.predict(rows))


def boundary(estimator: Any, rows: Any, generator: np.random.Generator) -> Any:
    """Both sides of the places where the answer changes, neighbouring in float32."""
    low, high = (rows[generator.permutation(len(rows))].astype(np.float32) for _ in range(2))
    before, after = estimator.predict(low), estimator.predict(high)
    low, high, before = low[before != after], high[before != after], before[before != after]
    for _ in range(40):
        middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
        same = (estimator.predict(middle) == before)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.concatenate([low, high])


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize(
    "data", [(DIGITS, DIGIT), (CANCER, BENIGN), (WINE, GRAPE)], ids=["digits", "cancer", "wine"]
)
def test_both_sides_of_the_boundary_are_answered_as_by_scikit_learn(metric: str, data: Any) -> None:
    features, target = data
    features, target = features[:600], target[:600]
    estimator = KNeighborsClassifier(metric=metric).fit(features, target)
    rows = boundary(estimator, features, np.random.default_rng(0))
    rows = rows[~tied(estimator, rows)]
    assert len(rows) > 50
    found = predictor(estimator, features).predict(rows)
    wrong = np.flatnonzero(found != estimator.predict(rows))
    assert not wrong.size, f"{wrong.size} of {len(rows)} differ, the first is {rows[wrong[0]]}"


def test_a_file_is_smaller_than_its_training_rows_in_float32() -> None:
    for estimator, rows in (
        (KNeighborsClassifier().fit(DIGITS, DIGIT), DIGITS),
        (KNeighborsClassifier().fit(CANCER, BENIGN), CANCER),
    ):
        assert convert(estimator, rows).model.ByteSize() < 4 * rows.size


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_sparse_training_rows_are_dense_in_the_graph(metric: str) -> None:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [0, 5]), (StandardScaler(), [9, 12]), sparse_threshold=1.0
    )
    estimator = make_pipeline(columns, KNeighborsClassifier(metric=metric)).fit(WINE, GRAPE)
    assert sparse.issparse(estimator[-1]._fit_X)
    check(estimator, WINE)


def test_more_numbers_than_a_graph_may_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimization.convert.refusals.MOST_DENSE", WINE.size - 1)
    convert(KNeighborsClassifier().fit(WINE, GRAPE), WINE)
    estimator = KNeighborsClassifier().fit(sparse.csr_array(WINE), GRAPE)
    with pytest.raises(ConversionError, match=r"keeps sparse rows of 2,314 numbers.*up to 2,313; choose"):
        convert(estimator, WINE)


def test_no_rows_and_no_optimizations_are_fine() -> None:
    estimator = KNeighborsClassifier().fit(DIGITS, DIGIT)
    content = convert(estimator, DIGITS).model.SerializeToString()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(content, options)
    rows = DIGITS[:50].astype(np.float32)
    np.testing.assert_array_equal(session.run(["label"], {"X": rows})[0], estimator.predict(rows))
    assert session.run(["probabilities"], {"X": rows[:0]})[0].shape == (0, 10)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (KNeighborsClassifier(weights=lambda d: 1 / (1 + d)), "weighs neighbours by a function"),
        (KNeighborsClassifier(metric="braycurtis"), "measures by 'braycurtis'"),
        (KNeighborsClassifier(metric=lambda a, b: abs(a - b).sum()), "measures by '<lambda>'"),
        (KNeighborsClassifier(metric_params={"w": np.ones(13)}), "measures by 'minkowski'"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(estimator: Any, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        convert(estimator.fit(WINE, GRAPE), WINE)


@settings(max_examples=25, deadline=None)
@example(seed=302, n_train=16, n_features=1, k=2, weights="uniform", metric="euclidean", decimals=1)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_train=st.integers(8, 300),
    n_features=st.integers(1, 20),
    k=st.integers(1, 8),
    weights=st.sampled_from(["uniform", "distance"]),
    metric=st.sampled_from(["euclidean", "manhattan", "chebyshev", "cosine"]),
    decimals=st.integers(0, 8),
)
def test_any_data_any_metric(
    *, seed: int, n_train: int, n_features: int, k: int, weights: str, metric: str, decimals: int
) -> None:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_train, n_features)).round(decimals)
    target = generator.integers(0, 3, n_train)
    estimator = KNeighborsClassifier(k, weights=weights, metric=metric).fit(features, target)
    rows = np.concatenate([features, generator.normal(size=(50, n_features))]).astype(np.float32)
    found = predictor(estimator, features)
    rows = rows[~tied(estimator, rows)]
    if not len(rows):
        return
    expected = estimator.predict_proba(rows)
    np.testing.assert_allclose(found.predict(rows, "predict_proba"), expected, rtol=0, atol=5e-5)
