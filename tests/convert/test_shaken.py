"""Which columns a graph cannot repeat to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from optimization.convert.doubles import widen
from optimization.convert.hazards import mend
from optimization.convert.shaken import FINE, ROUGH
from optimization.convert.structure import walk
from optimization.converters.margins import MARGINS
from tests.convert.examples import IRIS, SPECIES

BOOSTING = HistGradientBoostingClassifier(max_iter=3)
PARTS = ColumnTransformer(
    [("sum", PCA(1), [0, 1]), ("scale", StandardScaler(), [2])], remainder="passthrough"
)


def shaken(*steps: Any, final: Any = BOOSTING) -> Any:
    """The columns with margins of each boosting model; None without any."""
    estimator = make_pipeline(*steps, final).fit(IRIS, SPECIES)
    widened = widen(mend(estimator, IRIS), IRIS)
    last = widened.steps[-1][1]
    # A vote's own list is what is converted; `walk` takes the one with names.
    inside = last.estimators_ if isinstance(last, VotingClassifier) else [last]
    parts = [part for member in inside for _, part in walk(member)]
    found = [part for part in parts if type(part) is HistGradientBoostingClassifier]
    marked = [getattr(part, MARGINS, None) for part in found]
    assert not any(hasattr(part, MARGINS) for _, part in walk(estimator))
    assert all(set(margins) <= {0.0, ROUGH} for margins in marked if margins is not None)
    return [None if margins is None else (margins > 0).tolist() for margins in marked]


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [StandardScaler()],
        [SimpleImputer(), RobustScaler()],
        [ColumnTransformer([("a", MinMaxScaler(), [0]), ("b", OneHotEncoder(sparse_output=False), [3])])],
        [KBinsDiscretizer(4, encode="ordinal"), VarianceThreshold()],
        [PolynomialFeatures(2)],
        [FunctionTransformer()],
        [FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())])],
        # Part of the thresholds, which are found by scikit-learn itself.
        [PowerTransformer()],
    ],
    ids=lambda steps: "none" if not steps else type(steps[-1]).__name__,
)
def test_what_is_repeated_to_the_bit_has_no_margin(steps: list[Any]) -> None:
    assert shaken(*steps) == [None]


@pytest.mark.parametrize(
    "steps",
    [
        [PCA(2)],
        [PCA(2), StandardScaler()],
        [FunctionTransformer(np.log1p), PolynomialFeatures(1)],
        [PolynomialFeatures(3)],
        [FeatureUnion([("a", StandardScaler()), ("b", PCA(1))])],
        [make_pipeline(PCA(2), MinMaxScaler())],
    ],
    ids=["sum", "scaled", "function", "powers", "union", "pipeline"],
)
def test_behind_sums_and_functions_all_columns_have_one(steps: list[Any]) -> None:
    (columns,) = shaken(*steps)
    assert columns and all(columns)


def test_of_several_parts_only_the_columns_behind_a_sum_have_one() -> None:
    assert shaken(PARTS) == [[True, False, False]]
    assert shaken(PARTS, ColumnTransformer([("swap", "passthrough", [2, 0])])) == [[False, True]]
    assert shaken(PARTS, SelectKBest(k=2)) == [None]  # the petals', which say most
    assert shaken(PARTS, SelectKBest(k=3)) == [[True, False, False]]
    (columns,) = shaken(PARTS, ColumnTransformer([("a", PCA(1), [1]), ("b", MinMaxScaler(), [0, 1])]))
    assert columns == [True, True, False]


def test_members_behind_the_step_have_one_and_other_trees_have_none() -> None:
    vote = VotingClassifier([("a", BOOSTING), ("b", make_pipeline(StandardScaler(), BOOSTING))])
    assert shaken(PCA(2), final=vote) == [[True, True], [True, True]]
    assert shaken(PCA(2), final=RandomForestClassifier(3)) == []


@pytest.mark.parametrize(
    ("wide", "dtype", "margin"), [(False, float, ROUGH), (True, float, FINE), (True, np.float32, ROUGH)]
)
def test_a_margin_is_as_wide_as_the_calculation_is_rough(wide: bool, dtype: Any, margin: float) -> None:
    rows = IRIS.astype(dtype)
    estimator = make_pipeline(PCA(2), BOOSTING).fit(rows, SPECIES)
    last = widen(mend(estimator, rows), rows, wide=wide).steps[-1][1]
    assert getattr(last, MARGINS).tolist() == [margin, margin]
