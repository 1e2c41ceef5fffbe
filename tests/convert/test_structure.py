"""Walking and rewriting an estimator never changes the user's object."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from optimization.convert import convert
from optimization.convert.structure import describe, final_step, rewrite, unwrap, walk
from tests.convert.examples import IRIS, MIXED, SPECIES, SURVIVED, prepare

PAIR = [("lr", LogisticRegression(max_iter=500)), ("nb", GaussianNB())]
FOREST = RandomForestClassifier(n_estimators=5, random_state=0)


def union_pipeline() -> Any:
    return make_pipeline(
        FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]), LogisticRegression(max_iter=500)
    ).fit(IRIS, SPECIES)


FITTED = {
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS, SPECIES),
    "columns": make_pipeline(prepare(), RandomForestClassifier(n_estimators=5, random_state=0)).fit(
        MIXED, SURVIVED
    ),
    "union": union_pipeline(),
    "search": GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=2).fit(IRIS, SPECIES),
    "voting": VotingClassifier(PAIR, voting="soft", weights=[1, 2]).fit(IRIS, SPECIES == 0),
    "stacking": StackingClassifier(PAIR, cv=2).fit(IRIS, SPECIES),
    "bagging": BaggingClassifier(GaussianNB(), n_estimators=2, random_state=0).fit(IRIS, SPECIES),
    "calibrated": CalibratedClassifierCV(GaussianNB(), cv=2).fit(IRIS, SPECIES),
    "one against rest": OneVsRestClassifier(LogisticRegression()).fit(IRIS, SPECIES),
}


def visited(estimator: Any) -> list[tuple[str, str]]:
    return [(name, type(part).__name__) for name, part in walk(estimator)]


@pytest.mark.parametrize("name", FITTED)
def test_conversion_leaves_the_users_estimator_as_it_was(name: str) -> None:
    estimator = FITTED[name]
    before = pickle.dumps(estimator)
    convert(estimator, MIXED if name == "columns" else IRIS)
    assert pickle.dumps(estimator) == before


@pytest.mark.parametrize("name", FITTED)
def test_rewriting_every_part_leaves_the_users_estimator_as_it_was(name: str) -> None:
    estimator = FITTED[name]
    before = pickle.dumps(estimator)
    rewritten = rewrite(estimator, copy.copy)
    assert rewritten is not unwrap(estimator)
    assert pickle.dumps(estimator) == before


@pytest.mark.parametrize("name", FITTED)
def test_a_rule_that_changes_nothing_copies_nothing(name: str) -> None:
    estimator = unwrap(FITTED[name])
    assert rewrite(estimator, lambda part: part) is estimator


def test_rewrite_reaches_calibrated_classifiers_which_are_no_estimators() -> None:
    frozen = FrozenEstimator(GaussianNB().fit(IRIS, SPECIES))
    calibrated = CalibratedClassifierCV(frozen).fit(IRIS, SPECIES)
    inner = rewrite(calibrated, lambda part: part).calibrated_classifiers_[0].estimator
    assert type(inner).__name__ == "GaussianNB"
    assert calibrated.calibrated_classifiers_[0].estimator is not inner


def test_parts_are_named_by_the_way_from_the_outside() -> None:
    assert visited(FITTED["columns"]) == [
        ("", "Pipeline"),
        ("step 'columntransformer'", "ColumnTransformer"),
        ("step 'columntransformer' → 'num'", "StandardScaler"),
        ("step 'columntransformer' → 'cat'", "OneHotEncoder"),
        ("step 'randomforestclassifier'", "RandomForestClassifier"),
    ]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("union", ["", "step 'featureunion'", "step 'featureunion' → 'a'", "step 'featureunion' → 'b'"]),
        ("search", [""]),
        ("voting", ["", "step 'lr'", "step 'nb'"]),
        ("stacking", ["", "step 'lr'", "step 'nb'", "step 'final_estimator'"]),
        ("bagging", ["", "step 'member 0'", "step 'member 1'"]),
        ("calibrated", ["", "step 'fold 0'", "step 'fold 1'"]),
        ("one against rest", ["", "step 'member 0'", "step 'member 1'", "step 'member 2'"]),
    ],
)
def test_walk_visits_the_fitted_parts_of_each_kind_of_ensemble(name: str, labels: list[str]) -> None:
    assert [label for label, _ in visited(FITTED[name])][: len(labels)] == labels


def test_trees_of_a_forest_are_not_visited_one_by_one() -> None:
    assert visited(RandomForestClassifier(n_estimators=3).fit(IRIS, SPECIES)) == [
        ("", "RandomForestClassifier")
    ]


def test_search_and_frozen_are_unwrapped_however_deep() -> None:
    inner = LogisticRegression(max_iter=500)
    search = GridSearchCV(make_pipeline(StandardScaler(), inner), {"logisticregression__C": [1]}, cv=2)
    frozen = FrozenEstimator(search.fit(IRIS, SPECIES))
    assert type(unwrap(frozen)).__name__ == "Pipeline"
    assert type(final_step(frozen)).__name__ == "LogisticRegression"


def test_describe_names_the_steps() -> None:
    assert describe(FITTED["pipeline"]) == "Pipeline(StandardScaler, LogisticRegression)"
    assert describe(GaussianNB()) == "GaussianNB"
