"""VotingClassifier: ties and near-certain probabilities decide as in scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from optimization.convert import convert
from optimization.errors import ConversionError

from .agreement import agree, in_double, one_row_at_a_time, operators

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
WINE, KIND = load_wine(return_X_y=True)
NARROW = WINE.astype(np.float32)
TREE, BAYES = DecisionTreeClassifier(max_depth=2, random_state=0), GaussianNB()


def test_a_probability_that_float32_rounds_to_one_decides_against_a_whole_vote() -> None:
    rows = CANCER.astype(np.float32)
    members = [("tree", DecisionTreeClassifier(random_state=0)), ("bayes", BAYES)]
    fitted = VotingClassifier(members, voting="soft").fit(rows[::2], BENIGN[::2])

    converted = agree(fitted, rows)
    assert in_double(converted)


@pytest.mark.parametrize("weights", [None, [1, 2, 1], [0.1, 0.2, 0.3]])
@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_votes_are_weighed(voting: str, weights: list[float] | None) -> None:
    members = [("a", TREE), ("b", BAYES), ("c", RandomForestClassifier(n_estimators=4, random_state=0))]
    fitted = VotingClassifier(members, voting=voting, weights=weights).fit(
        NARROW, np.array(["x", "y", "z"])[KIND]
    )

    agree(fitted, NARROW)
    one_row_at_a_time(fitted, NARROW)


def test_hard_votes_are_the_labels_and_not_the_largest_probabilities() -> None:
    fitted = VotingClassifier([("svc", SVC(probability=True, random_state=0))]).fit(NARROW, KIND)

    agree(fitted, NARROW, NARROW * np.float32(0.3))


def test_scaled_trees_and_bins_in_a_vote_read_float64_rows() -> None:
    members = [
        ("scaled", make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=4, random_state=0))),
        ("bins", HistGradientBoostingClassifier(max_iter=4)),
    ]
    fitted = VotingClassifier(members, voting="soft").fit(WINE, KIND)

    converted = agree(fitted, WINE, WINE[::-1] * 1.0000001)
    assert [item.dtype for item in converted.manifest.inputs] == ["float64"]


def test_a_hard_vote_compares_labels_once_per_member() -> None:
    fitted = VotingClassifier([("a", TREE), ("b", BAYES)]).fit(NARROW, KIND)

    assert operators(convert(fitted, NARROW)).count("Equal") == 2


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_ties_go_to_the_first_class(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, target = draw.integers(0, 3, size=(40, 2)).astype(np.float32), np.arange(40) % 3
    forests = [(str(i), RandomForestClassifier(n_estimators=10, random_state=i)) for i in range(3)]
    fitted = VotingClassifier(forests, voting="soft").fit(rows, target)

    agree(fitted, rows)


def test_a_soft_vote_of_members_without_probabilities_is_refused() -> None:
    fitted = VotingClassifier([("svc", SVC())], voting="soft").fit(NARROW, KIND)

    with pytest.raises(ConversionError, match="cannot itself"):
        convert(fitted, NARROW)
