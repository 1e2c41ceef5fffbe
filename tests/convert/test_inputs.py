"""Names, dtypes and columns of the graph's inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from optimization.convert.inputs import MATRIX, plan_inputs
from optimization.errors import ConversionError
from tests.convert.examples import IRIS, MIXED, SPECIES, predictor

PLAIN = LogisticRegression()
TYPED = ColumnTransformer([("cat", OneHotEncoder(), ["s"])], remainder="passthrough")


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def kinds(features: Any, estimator: Any = PLAIN) -> list[str]:
    return [item.dtype for item in plan_inputs(estimator, features).inputs]


def test_floats_are_one_matrix_of_float32() -> None:
    (item,) = plan_inputs(PLAIN, IRIS).inputs
    assert (item.name, item.dtype, item.columns) == (MATRIX, "float32", tuple(IRIS.columns))


def test_an_array_has_numbered_columns() -> None:
    plan = plan_inputs(PLAIN, IRIS.to_numpy())
    assert plan.columns == ("0", "1", "2", "3")
    assert not plan.named


def test_names_count_only_where_the_estimator_was_fitted_with_them() -> None:
    assert not plan_inputs(LogisticRegression(max_iter=500).fit(IRIS.to_numpy(), SPECIES), IRIS).named
    assert plan_inputs(LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS).named


@pytest.mark.parametrize(
    "dtype", ["int8", "int64", "uint8", "bool", "float16", "Int64", "Float32", "boolean"]
)
def test_numbers_share_one_matrix_where_no_step_compares_integers(dtype: str) -> None:
    assert kinds(frame(a=pd.Series([0, 1], dtype=dtype), b=[0.5, 1.5])) == ["float32"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([1, 2]), "int64"),
        (pd.Series([True, False]), "int64"),
        (pd.Series([0.5, 1.0]), "float32"),
        (pd.Series(["a", "b"]), "str"),
        (pd.Series(["a", "b"], dtype=object), "str"),
        (pd.Series(["a", "b"], dtype="category"), "str"),
        (pd.Series([1, 2], dtype="category"), "int64"),
    ],
)
def test_mixed_columns_have_an_input_each(column: pd.Series[Any], kind: str) -> None:
    assert kinds(frame(s=["u", "v"], x=[0.5, 1.5], c=column), TYPED) == ["str", "float32", kind]


def test_integers_stay_integers_where_an_encoder_compares_them() -> None:
    assert kinds(frame(a=[1, 2]), OneHotEncoder()) == ["int64"]
    assert kinds(frame(a=[1, 2]), OrdinalEncoder()) == ["int64"]


def test_a_datetime_column_is_refused_by_name() -> None:
    rows = frame(when=pd.to_datetime(["2026-01-01", "2026-01-02"]), x=[1.0, 2.0])
    with pytest.raises(ConversionError, match="column 'when' has dtype datetime64"):
        plan_inputs(PLAIN, rows)


def test_rows_of_one_dimension_are_refused() -> None:
    with pytest.raises(ConversionError, match=r"expected rows of two dimensions.*found 1 dimension"):
        plan_inputs(PLAIN, np.zeros(3))


def test_input_names_are_unique_identifiers_whatever_the_columns_are_called() -> None:
    names = ["a b", "a_b", "a-b", "größe", "", "1st", "s"]
    rows = pd.DataFrame([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, "u"]], columns=names)
    found = [item.name for item in plan_inputs(TYPED, rows).inputs]
    assert found == ["a_b", "a_b_", "a_b__", "gr__e", "c_", "c_1st", "s"]


def test_columns_with_awkward_names_are_told_apart_in_the_answers() -> None:
    rows = pd.DataFrame(IRIS.to_numpy(), columns=["a b", "a_b", "a-b", "größe"])
    rows["s"] = np.array(["u", "v"] * 75)
    estimator = make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), ["s"])], remainder="passthrough"),
        LogisticRegression(max_iter=500),
    ).fit(rows, SPECIES)
    shuffled = rows[["größe", "s", "a-b", "a b", "a_b"]]
    answer = predictor(estimator, rows).predict(shuffled, "predict")
    np.testing.assert_array_equal(answer, estimator.predict(rows))


def test_a_column_called_like_the_matrix_is_no_trouble() -> None:
    rows = MIXED[["sex", "fare price"]].rename(columns={"sex": "X", "fare price": "label"})
    estimator = make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), ["X"])], remainder="passthrough"), LogisticRegression()
    ).fit(rows, MIXED["flag"])
    np.testing.assert_array_equal(predictor(estimator, rows).predict(rows), estimator.predict(rows))


def test_hist_gradient_boosting_reads_float64_rows_as_they_are() -> None:
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(IRIS, SPECIES)
    assert kinds(IRIS, estimator) == ["float64"]
    assert kinds(IRIS.astype(np.float32), estimator) == ["float32"]
    (item,) = plan_inputs(estimator, IRIS.astype(np.float32)).inputs
    assert item.rounding == "down"


def test_other_trees_read_float32_rounded_to_nearest_as_they_do_themselves() -> None:
    (item,) = plan_inputs(RandomForestClassifier(n_estimators=2).fit(IRIS, SPECIES), IRIS).inputs
    assert (item.dtype, item.rounding) == ("float32", "nearest")
