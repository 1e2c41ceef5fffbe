"""SVC and NuSVC: kernels, votes, both shapes of decision_function, coupled probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC, NuSVC

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.converters.agreement import agree, in_double, one_row_at_a_time, operators

WINE, CULTIVAR = load_wine(return_X_y=True)
WINE = scale(WINE)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
KERNELS = ["linear", "poly", "rbf", "sigmoid"]
FAR = 1000.0 * WINE[:20]
pytestmark = pytest.mark.filterwarnings("ignore:The `probability` parameter")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_three_classes_agree_with_every_kernel(kind: Any, kernel: str) -> None:
    agree(kind(kernel=kernel).fit(WINE, CULTIVAR), WINE, FAR)


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_classes_have_the_sign_of_the_second(kernel: str) -> None:
    converted = agree(SVC(kernel=kernel).fit(CANCER, BENIGN), CANCER)
    assert converted.manifest.methods["decision_function"].column == 1


def test_rbf_is_two_products_and_an_exponential() -> None:
    found = operators(convert(SVC().fit(CANCER, BENIGN), CANCER))
    assert sorted(found) == ["ArgMax", "Concat", "Exp", "Gemm", "Gemm", "Pad", "ReduceSumSquare", "Sub"]


def test_a_linear_kernel_is_one_product() -> None:
    found = operators(convert(SVC(kernel="linear").fit(CANCER, BENIGN), CANCER))
    assert found == ["Gemm", "ArgMax"]


@pytest.mark.parametrize(("shape", "break_ties"), [("ovr", False), ("ovr", True), ("ovo", False)])
def test_many_classes_vote(shape: str, break_ties: bool) -> None:
    rows, digits = load_digits(return_X_y=True)
    agree(SVC(decision_function_shape=shape, break_ties=break_ties).fit(rows[:400], digits[:400]), rows)


def test_a_vector_that_a_pair_does_without_has_weight_zero_and_no_sign() -> None:
    """libsvm writes −0.0 there, which no policy could leave out."""
    rows, digits = load_digits(return_X_y=True)
    estimator = SVC().fit(rows[:400], digits[:400])
    assert (np.signbit(estimator._dual_coef_) & (estimator._dual_coef_ == 0)).any()
    constants = [onnx.numpy_helper.to_array(t) for t in convert(estimator, rows).model.graph.initializer]
    zeros = [values[values == 0] for values in constants if values.dtype.kind == "f"]
    assert sum(map(len, zeros)) > 1000
    assert not any(np.signbit(found).any() for found in zeros)


def test_equal_votes_go_to_the_first_class_and_ties_are_broken_by_confidence() -> None:
    """Labels without a pattern: pairs contradict each other, so that many rows have two winners."""
    generator = np.random.default_rng(0)
    rows, grid = generator.normal(size=(120, 2)), generator.normal(size=(300, 2))
    target = np.array([5, 3, 9, 1, 8, 2, 7, 6])[generator.integers(0, 8, 120)]
    by_votes, by_confidence = (SVC(gamma=4.0, break_ties=ties).fit(rows, target) for ties in (False, True))
    assert (by_votes.predict(grid) != by_confidence.predict(grid)).sum() > 5
    agree(by_votes, rows, grid)
    agree(by_confidence, rows, grid)


def test_a_decision_of_zero_votes_as_libsvm_does() -> None:
    """Two points, mirrored: the row between them is decided by exactly 0."""
    estimator = SVC(kernel="linear").fit([[-1.0], [1.0]], [0, 1])
    assert estimator.decision_function([[0.0]]) == 0.0
    agree(estimator, np.array([[-1.0], [0.0], [1.0]]))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_probabilities_are_coupled_as_in_libsvm(kind: Any, kernel: str) -> None:
    three = kind(kernel=kernel, probability=True, random_state=0).fit(WINE, CULTIVAR)
    assert set(agree(three, WINE).manifest.methods) == {"predict", "predict_proba", "decision_function"}
    two = kind(kernel=kernel, probability=True, random_state=0, nu=0.2) if kind is NuSVC else None
    two = two or SVC(kernel=kernel, probability=True, random_state=0)
    agree(two.fit(CANCER, BENIGN), CANCER)


def test_probabilities_of_two_classes_are_no_plain_sigmoid() -> None:
    """Why the coupling is not left out for two classes: it stops before it reaches the sigmoid."""
    estimator = SVC(probability=True, random_state=0).fit(CANCER, BENIGN)
    score = -estimator.decision_function(CANCER)
    sigmoid = 1 / (1 + np.exp(estimator._probA * score + estimator._probB))
    assert np.abs(sigmoid - estimator.predict_proba(CANCER)[:, 0]).max() > 1e-3


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a", "c"]),
        np.array([7, -1, 3]),
        np.arange(3.0),
        np.array([1, 2, 3], np.int8),
    ],
    ids=["text", "int", "float", "int8"],
)
def test_labels_keep_their_dtype(labels: Any) -> None:
    agree(SVC().fit(WINE, labels[CULTIVAR]), WINE)


def test_truth_values_are_labels_too() -> None:
    agree(SVC().fit(CANCER, BENIGN == 1), CANCER)


def test_a_model_fitted_on_sparse_rows_agrees_on_dense_ones() -> None:
    rows, digits = load_digits(return_X_y=True)
    agree(SVC(probability=True, random_state=0).fit(sp.csr_matrix(rows[:200]), digits[:200]), rows[:300])


def test_a_precomputed_kernel_is_a_linear_one() -> None:
    products = WINE @ WINE.T
    assert "Exp" not in operators(agree(SVC(kernel="precomputed").fit(products, CULTIVAR), products))


def test_integer_and_float32_rows_agree() -> None:
    rows, digits = load_digits(return_X_y=True)
    rows, digits = rows[:300].astype(np.int64), digits[:300]
    agree(SVC().fit(rows, digits), rows, rows.astype(np.float32))


def test_float64_enters_where_distances_would_cancel() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(200, 5))
    target = (rows[:, 0] > 0).astype(int)
    assert not in_double(agree(SVC().fit(rows, target), rows))
    sharp = SVC(gamma=5e4).fit(rows, target)
    assert in_double(agree(sharp, rows.astype(np.float32)))


def test_a_scaler_before_it_and_batches_of_one() -> None:
    estimator = make_pipeline(StandardScaler(), SVC()).fit(WINE * 100 + 5, CULTIVAR)
    agree(estimator, WINE * 100 + 5)
    one_row_at_a_time(SVC().fit(WINE, CULTIVAR), WINE)


def test_a_kernel_of_ones_own_is_refused() -> None:
    estimator = SVC(kernel=lambda a, b: a @ b.T).fit(WINE, CULTIVAR)
    with pytest.raises(ConversionError, match="kernel of one's own"):
        convert(estimator, WINE)


FITTED = SVC().fit(WINE, CULTIVAR)
ROWS = st.lists(st.tuples(*[st.floats(-5, 5, width=32)] * WINE.shape[1]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_any_row_agrees_unless_a_pair_is_undecided(rows: list[tuple[float, ...]]) -> None:
    batch = np.array(rows)
    pairs = SVC(decision_function_shape="ovo").fit(WINE, CULTIVAR).decision_function(batch)
    clear = batch[(np.abs(pairs) > 1e-5).all(axis=1)]
    agree(FITTED, WINE[:1], *([clear] if len(clear) else []))
