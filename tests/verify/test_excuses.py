"""Rounding is an excuse only where scikit-learn itself bears witness to it."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from optimization.convert import convert
from optimization.verify import RowBudget, compare, expect, hard_rows
from optimization.verify.comparing import compares
from optimization.verify.excuses import Dispute, input_rounded, reordered, undecided
from tests.convert.examples import IRIS, MIXED, SPECIES, SURVIVED, fit, prepare

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
LOGISTIC = LogisticRegression(max_iter=500)


class Upset:
    """A predictor that answers with the next class, or with what it is given."""

    methods = ("predict",)

    def __init__(self, estimator: Any, manifest: Any) -> None:
        self.estimator, self.manifest = estimator, manifest

    def predict(self, data: Any, method: str) -> Any:
        return (self.estimator.predict(data) + 1) % 3


def dispute(estimator: Any, rows: Any, found: Any) -> Dispute:
    return Dispute(
        estimator=estimator,
        manifest=convert(estimator, IRIS).manifest,
        method="predict",
        rows=rows,
        found=found,
        bound=0.0,
        is_label=True,
        size=np.ptp(IRIS.to_numpy(), axis=0),
    )


def boundary(estimator: Any) -> tuple[Any, Any]:
    """Boundary rows, and the answers of their other sides."""
    manifest = dataclasses.replace(convert(estimator, IRIS).manifest)
    hard = hard_rows(estimator, manifest, IRIS, seed=0, budget=RowBudget(pairs=10, axis_pairs=10))
    batch = next(batch for batch in hard.expected if batch.kind == "boundary")
    answers = batch.answers["predict"]
    return batch.features, np.roll(answers, len(answers) // 2)


@pytest.mark.parametrize("estimator", [LOGISTIC, SVC(), KNeighborsClassifier(), make_pipeline(PCA(2), TREE)])
def test_the_other_side_of_a_boundary_is_undecided(estimator: Any) -> None:
    estimator = fit(estimator, IRIS, SPECIES)
    rows, other = boundary(estimator)
    assert undecided(dispute(estimator, rows, other)).mean() > 0.9


def tie_of(order: list[int]) -> RandomForestClassifier:
    """Three trees that give the two classes 0.3 and 0.7, 0.4 and 0.6, 0.8 and 0.2: a half each."""
    rows, labels = np.zeros((10, 1)), np.arange(10)
    members = [DecisionTreeClassifier().fit(rows, labels < count) for count in (3, 4, 8)]
    forest = RandomForestClassifier(3).fit(np.arange(10)[:, None], labels < 5)
    forest.estimators_ = [members[i] for i in order]
    return forest


def test_a_forest_answers_as_it_would_with_its_trees_added_up_in_another_order() -> None:
    rows = np.zeros((2, 1))
    answers = {tie_of(list(order)).predict(rows)[0] for order in itertools.permutations(range(3))}
    assert answers == {True, False}
    for found in (True, False):
        forest = tie_of([0, 1, 2])
        item = dispute(TREE.fit(IRIS, SPECIES), rows, np.array([found, found]))
        assert reordered(dataclasses.replace(item, estimator=forest)).all()


def test_no_order_changes_what_trees_agree_on() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(IRIS, SPECIES)
    found = (forest.predict(IRIS) + 1) % 3
    sure = forest.predict_proba(IRIS).max(axis=1) > 0.9
    assert not reordered(dispute(forest, IRIS[sure], found[sure])).any()
    assert not reordered(dispute(fit(LOGISTIC, IRIS, SPECIES), IRIS, found)).any()


@pytest.mark.parametrize("estimator", [LOGISTIC, SVC(), KNeighborsClassifier(), TREE])
def test_a_wrong_label_far_from_any_boundary_is_not(estimator: Any) -> None:
    estimator = fit(estimator, IRIS, SPECIES)
    rows = IRIS[SPECIES == 0]
    assert not undecided(dispute(estimator, rows, np.full(len(rows), 2))).any()


SEVERAL = [
    MultiOutputClassifier(LOGISTIC),
    make_pipeline(StandardScaler(), MultiOutputClassifier(LinearSVC())),
    ClassifierChain(LOGISTIC),
    RidgeClassifier(),
    make_pipeline(StandardScaler(), OneVsRestClassifier(LOGISTIC)),
]


@pytest.mark.parametrize("estimator", SEVERAL, ids=["members", "scaled", "chain", "ridge", "one vs rest"])
def test_of_several_labels_the_close_ones_are_undecided_and_no_others(estimator: Any) -> None:
    """One label is of the row's own first column, the other of the rest: they change at different rows."""
    targets = np.c_[IRIS.iloc[:, 0] > 5.8, SPECIES == 0].astype(int)
    estimator = fit(estimator, IRIS, targets)
    rows = IRIS[SPECIES == 0].to_numpy()
    low, high = rows.copy(), rows.copy()
    low[:, 0], high[:, 0] = -30.0, 40.0
    first = estimator.predict(pd.DataFrame(low, columns=IRIS.columns))[:, 0]
    for _ in range(60):
        middle = low / 2 + high / 2
        same = estimator.predict(pd.DataFrame(middle, columns=IRIS.columns))[:, 0] == first
        low[same], high[~same] = middle[same], middle[~same]
    edge = pd.DataFrame(low, columns=IRIS.columns)
    answer = estimator.predict(edge).astype(int)
    assert undecided(dispute(estimator, edge, answer ^ [1, 0])).mean() > 0.9
    assert undecided(dispute(estimator, edge, answer ^ [1, 1])).mean() < 0.1


def test_a_row_that_float32_moves_over_a_threshold_is_input_rounding() -> None:
    rows = np.array([[1.0], [1.0 + 2.0**-30]])
    estimator = LogisticRegression().fit(IRIS.to_numpy()[:, :1], SPECIES > 0)
    manifest = convert(estimator, IRIS.to_numpy()[:, :1]).manifest

    class Steps:
        """Answers 1 beyond 1."""

        def predict(self, data: Any) -> Any:
            return (np.asarray(data)[:, 0] > 1.0).astype(int)

    case = Dispute(
        estimator=Steps(),
        manifest=manifest,
        method="predict",
        rows=rows,
        found=np.array([1, 0]),
        bound=0.0,
        is_label=True,
        size=np.ones(1),
    )
    assert input_rounded(case).tolist() == [False, True]


def test_a_row_that_stands_on_a_jump_of_one_column_may_be_undecided_in_another() -> None:
    estimator = LogisticRegression().fit(IRIS.to_numpy()[:, :2], SPECIES > 0)

    class Jump:
        """Answers 1 beyond 1, but 2 wherever the other column is not 50."""

        def predict(self, data: Any) -> Any:
            return np.where(np.asarray(data)[:, 1] == 50.0, np.asarray(data)[:, 0] > 1.0, 2).astype(int)

    case = Dispute(
        estimator=Jump(),
        manifest=convert(estimator, IRIS.to_numpy()[:, :2]).manifest,
        method="predict",
        rows=np.array([[1.0, 50.0], [1.1, 50.0]]),
        found=np.array([1, 0]),
        bound=0.0,
        is_label=True,
        size=np.ones(2),
    )
    assert undecided(case).tolist() == [True, False]


def test_models_that_compare_are_never_undecided() -> None:
    estimator = fit(TREE, IRIS, SPECIES)
    manifest = convert(estimator, IRIS).manifest
    rows, _ = boundary(estimator)
    batch = expect(estimator, ["predict"], rows, kind="boundary", comparing=compares(estimator))
    (found,) = compare(Upset(estimator, manifest), [batch]).comparisons  # type: ignore[arg-type]
    assert (found.mismatches, found.undecided, found.fails) == (len(rows), 0, True)
    assert found.worst_row == 0
    assert found.worst_values.startswith("sepal length (cm)=")


@pytest.mark.parametrize(
    ("estimator", "answer"),
    [
        (TREE, True),
        (make_pipeline(StandardScaler(), TREE), True),
        (make_pipeline(prepare(), TREE), True),
        (VotingClassifier([("a", TREE), ("b", RandomForestClassifier(2))]), True),
        (VotingClassifier([("a", TREE), ("b", LOGISTIC)]), False),
        (StackingClassifier([("a", TREE)], LOGISTIC), True),
        (StackingClassifier([("a", TREE)], LOGISTIC, passthrough=True), False),
        (StackingClassifier([("a", TREE)], TREE, passthrough=True), True),
        (make_pipeline(PCA(2), TREE), False),
        (LOGISTIC, False),
        (KNeighborsClassifier(), False),
    ],
)
def test_only_trees_behind_steps_by_column_compare(estimator: Any, answer: bool) -> None:
    mixed = any(
        type(part).__name__ == "ColumnTransformer" for part in getattr(estimator, "named_steps", {}).values()
    )
    rows, target = (MIXED, SURVIVED) if mixed else (IRIS, SPECIES)
    assert compares(fit(estimator, rows, target)) == answer
