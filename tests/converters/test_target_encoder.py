"""TargetEncoder: columns of several kinds, several classes, unknown categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from optimization.convert import convert
from optimization.converters.target_encoder import table_of
from tests.convert.examples import MIXED, SURVIVED, predictor, settled

LOGISTIC = LogisticRegression(max_iter=500)
KINDS = ["sex", "class", "age", "flag"]
"""Text, a category of pandas, integers and truths."""
LEVEL = np.array(["low", "middle", "high"])[np.digitize(MIXED["fare price"], [30, 70])]


def model(final: Any, target: Any, columns: list[str]) -> Any:
    branches = [("c", TargetEncoder(random_state=0), columns), ("n", StandardScaler(), ["fare price"])]
    return make_pipeline(ColumnTransformer(branches), final).fit(MIXED, target)


@pytest.mark.parametrize("columns", [KINDS, KINDS[:1]], ids=len)
@pytest.mark.parametrize("target", [SURVIVED, LEVEL], ids=["two classes", "three classes"])
@pytest.mark.parametrize(
    "final",
    [LOGISTIC, RandomForestClassifier(5, random_state=0), HistGradientBoostingClassifier(max_iter=5)],
    ids=lambda final: type(final).__name__,
)
def test_the_proof_holds_unknown_categories_included(final: Any, target: Any, columns: list[str]) -> None:
    report = settled(model(final, target, columns), MIXED).report
    assert report.exact
    assert {item.n_rows for item in report.comparisons if item.kind == "unknown"} != set()


def test_a_number_is_a_target_too() -> None:
    estimator = model(Ridge(), MIXED["fare price"] + MIXED["age"], KINDS[:2])
    unknown = MIXED.head(2).assign(sex="neither")
    answer = predictor(estimator, MIXED).predict(unknown)
    np.testing.assert_allclose(answer, estimator.predict(unknown), rtol=1e-5)


def test_it_is_one_node_a_column() -> None:
    encoder = TargetEncoder(random_state=0).fit(MIXED[["sex"]], SURVIVED)
    nodes = [node.op_type for node in convert(encoder, MIXED[["sex"]]).model.graph.node]
    assert nodes[:2] == ["LabelEncoder", "Concat"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), min_size=8, max_size=60))
def test_the_table_is_what_the_encoder_answers(pairs: list[tuple[int, int]]) -> None:
    rows = np.array([value for value, _ in pairs])[:, None]
    target = np.array(["a", "b", "c"])[[0, 1, 2, 0, 1, 2, *(label for _, label in pairs[6:])]]
    encoder = TargetEncoder(random_state=0, cv=2).fit(rows, target)
    asked = np.r_[encoder.categories_[0], 99][:, None]
    np.testing.assert_array_equal(table_of(encoder, 0), encoder.transform(asked).astype(np.float32))
