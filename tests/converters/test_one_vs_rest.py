"""OneVsRestClassifier and OneVsOneClassifier of every family, behind scalers and alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from optimization.convert import convert
from optimization.converters.one_vs_one import pairs_of
from optimization.errors import ConversionError
from optimization.verify import convert_faithfully
from tests.convert.examples import BENIGN, CANCER, IRIS, NAMES, SPECIES, settled
from tests.converters.agreement import agree, one_row_at_a_time

LOGISTIC = LogisticRegression(max_iter=500)
HIST = HistGradientBoostingClassifier(max_iter=5)
MEMBERS = {
    "logistic": LOGISTIC,
    "ridge": RidgeClassifier(),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "ada": AdaBoostClassifier(n_estimators=3, random_state=0),
    "scaled linear svm": make_pipeline(StandardScaler(), LinearSVC()),
    "scaled svm": make_pipeline(StandardScaler(), SVC()),
    "scaled bayes": make_pipeline(StandardScaler(), GaussianNB()),
    "scaled neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier()),
    "scaled forest": make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=5, random_state=0)),
    "scaled hist": make_pipeline(StandardScaler(), HIST),
}
SEVERAL = np.c_[SPECIES == 0, SPECIES > 0, SPECIES != 1].astype(int)
ROWS = IRIS.to_numpy()


@pytest.mark.parametrize("kind", [OneVsRestClassifier, OneVsOneClassifier], ids=["rest", "one"])
@pytest.mark.parametrize("name", MEMBERS)
def test_the_proof_holds_for_three_classes(name: str, kind: Any) -> None:
    assert settled(kind(MEMBERS[name]).fit(IRIS, NAMES), IRIS).report.exact


@pytest.mark.parametrize("kind", [OneVsRestClassifier, OneVsOneClassifier], ids=["rest", "one"])
@pytest.mark.parametrize("name", ["scaled linear svm", "scaled bayes", "scaled forest"])
def test_the_proof_holds_for_two_classes(name: str, kind: Any) -> None:
    rows = CANCER.iloc[:, :5]
    estimator = kind(MEMBERS[name]).fit(rows, np.array(["m", "b"])[BENIGN])
    assert settled(estimator, rows).report.exact
    one_row_at_a_time(estimator, rows)


@pytest.mark.parametrize("name", ["logistic", "ridge", "scaled bayes", "scaled hist"])
def test_the_proof_holds_for_several_labels_per_row(name: str) -> None:
    assert settled(OneVsRestClassifier(MEMBERS[name]).fit(IRIS, SEVERAL), IRIS).report.exact


LINEAR = [
    LOGISTIC,
    RidgeClassifier(),
    LinearSVC(),
    Perceptron(random_state=0),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    LinearDiscriminantAnalysis(),
]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (OneVsRestClassifier, NAMES),
        (OneVsRestClassifier, NAMES[0] == NAMES),
        (OneVsRestClassifier, SEVERAL),
        (OneVsOneClassifier, NAMES),
        (OneVsOneClassifier, NAMES[0] == NAMES),
    ],
    ids=["rest of three", "rest of two", "several", "pairs of three", "one pair"],
)
@pytest.mark.parametrize(
    "member", LINEAR, ids=lambda m: f"{type(m).__name__} {getattr(m, 'loss', '')}".strip()
)
def test_linear_members_are_one_product(member: Any, kind: Any, target: Any) -> None:
    rows = StandardScaler().fit_transform(ROWS).astype(np.float32)
    result = convert_faithfully(kind(clone(member)).fit(rows, target), rows, seed=0)
    assert all(item.mismatches == 0 for item in result.report.comparisons)
    graph = onnx.load_from_string(result.content).graph
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type in ("Gemm", "MatMul")]
    of_rows = [node for node in products if sizes[node.input[1]][0] == rows.shape[1]]
    # The probability of modified_huber is no sigmoid of the decision function.
    again = kind is OneVsRestClassifier and getattr(member, "loss", "") == "modified_huber"
    assert (len(of_rows) == 1) is not again


@pytest.mark.parametrize("scaled", [False, True])
def test_shares_of_what_is_far_from_every_class_are_right(scaled: bool) -> None:
    """Digits as they are: of many rows every score is below −37, where onnxruntime's Sigmoid is 0."""
    rows, labels = load_digits(return_X_y=True)
    member = SGDClassifier(loss="log_loss", random_state=0)
    member = make_pipeline(MinMaxScaler((0, 16)), member) if scaled else member
    estimator = OneVsRestClassifier(member).fit(rows, labels)
    odds = np.array([item.decision_function(rows) for item in estimator.estimators_])
    assert (odds.max(axis=0) < -37).any()
    result = convert_faithfully(estimator, rows, seed=0)
    assert all(item.mismatches == 0 for item in result.report.comparisons)


def test_equal_votes_are_answered_with_the_first_class() -> None:
    """Trees of one leaf say the same of every row."""
    stump = DecisionTreeClassifier(max_depth=1, max_features=1, random_state=0)
    constant = np.zeros((30, 2))
    estimator = OneVsRestClassifier(stump).fit(constant, np.arange(30) % 3)
    assert set(agree(estimator, constant).manifest.methods) == {"predict", "predict_proba"}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(OneVsOneClassifier, "a OneVsOneClassifier of regressors"), (OneVsRestClassifier, "")],
    ids=["one", "rest"],
)
def test_members_that_are_regressors_are_refused_or_left_to_skl2onnx(kind: Any, reason: str) -> None:
    estimator = kind(LinearRegression()).fit(ROWS, SPECIES)
    if reason:
        with pytest.raises(ConversionError, match=reason):
            convert(estimator, ROWS)
    else:
        agree(estimator, ROWS)


def test_a_label_that_every_row_has_is_left_to_skl2onnx() -> None:
    with pytest.warns(UserWarning, match="present in all training examples"):
        estimator = OneVsRestClassifier(LOGISTIC).fit(ROWS, np.c_[SPECIES > 0, np.ones(150)].astype(int))
    agree(estimator, ROWS)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9))
def test_each_member_decides_between_its_two_classes(n_classes: int) -> None:
    pairs = pairs_of(n_classes)
    assert pairs.shape == (n_classes * (n_classes - 1) // 2, n_classes)
    assert (np.abs(pairs).sum(axis=1) == 2).all() and (pairs.sum(axis=1) == 0).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from(["linear", "stump", "bayes"]))
def test_any_members_vote_for_any_classes(seed: int, n_classes: int, kind: str) -> None:
    """Of stumps on few values votes tie; of two classes that look alike, rounding decides for the others."""
    draw = np.random.default_rng(seed)
    few, many = draw.integers(0, 3, size=(30, 2)).astype(float), draw.normal(size=(30, 2))
    rows, target = few if kind == "stump" else many, np.arange(30) % n_classes
    members = {"linear": LinearSVC(), "stump": DecisionTreeClassifier(max_depth=1), "bayes": GaussianNB()}
    agree(OneVsOneClassifier(members[kind]).fit(rows, target), rows)
