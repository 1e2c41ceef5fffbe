"""BaggingClassifier of anything but trees: votes, parts of the columns, ties of sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from optimization.convert import convert
from optimization.errors import ConversionError

from .agreement import agree, one_row_at_a_time, operators

IRIS, SPECIES = load_iris(return_X_y=True)
ROWS = IRIS.astype(np.float32)
MEMBERS = {
    "votes": SVC(),
    "linear": LogisticRegression(max_iter=500),
    "forest": RandomForestClassifier(n_estimators=10, random_state=0),
    "neighbours": KNeighborsClassifier(3),
    "scaler and forest": make_pipeline(
        StandardScaler(), RandomForestClassifier(n_estimators=5, random_state=0)
    ),
}


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("name", MEMBERS)
def test_members_answer_together_as_in_scikit_learn(name: str, share: float) -> None:
    fitted = BaggingClassifier(MEMBERS[name], n_estimators=3, max_features=share, random_state=0)
    fitted.fit(ROWS, np.array(["a", "b", "c"])[SPECIES])

    agree(fitted, ROWS)
    one_row_at_a_time(fitted, ROWS)


def test_members_without_probabilities_vote() -> None:
    """skl2onnx 1.20 mixed the rows up: a batch of 1000 had 3 answers."""
    fitted = BaggingClassifier(SVC(), n_estimators=3, random_state=0).fit(ROWS, SPECIES)

    assert operators(convert(fitted, ROWS)).count("Equal") == 3


def test_a_member_that_has_not_seen_all_classes_is_refused() -> None:
    fitted = BaggingClassifier(GaussianNB(), n_estimators=2, random_state=0).fit(ROWS, SPECIES)
    fitted.estimators_[0].classes_ = np.array([0, 1])

    with pytest.raises(ConversionError, match="not seen all classes"):
        convert(fitted, ROWS)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_ties_of_shares_go_to_the_first_class(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, target = draw.integers(0, 3, size=(40, 2)).astype(np.float32), np.arange(40) % 3
    forest = RandomForestClassifier(n_estimators=10, random_state=seed)
    fitted = BaggingClassifier(forest, n_estimators=3, random_state=seed).fit(rows, target)

    agree(fitted, rows)
