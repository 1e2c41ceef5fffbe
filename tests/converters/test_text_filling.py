"""Missing text: filled, a category of its own, or unknown, as scikit-learn has it; None is not NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from flavor.quantized_onnx_v1 import Predictor
from flavor.quantized_onnx_v1.manifest import NAN_TEXT, NONE_TEXT
from optimization.converters.text_filling import as_text, text_filling
from optimization.errors import ConversionError
from tests.convert.examples import settled
from tests.converters.agreement import agree

DRAW = np.random.default_rng(0)
N = 200
PLACES = pd.DataFrame(
    {
        "town": DRAW.choice(["Köln", "Bonn", "Ulm"], N),
        "kind": DRAW.choice(["a", "b", "c"], N),
        "area": DRAW.gamma(2, 20, N),
    }
)
CLASSES = (PLACES.area + 20 * (PLACES.town == "Bonn") > 50).astype(int).to_numpy()
HOLES = PLACES.assign(
    town=PLACES.town.mask(DRAW.random(N) < 0.2), kind=PLACES.kind.mask(DRAW.random(N) < 0.1)
)
NONES = HOLES.astype({"town": object, "kind": object})
NONES = NONES.where(NONES.notna(), None)
MIXED = NONES.copy()
MIXED.loc[:20, "town"] = MIXED.loc[:20, "town"].map(lambda value: np.nan if value is None else value)
FILL = SimpleImputer(strategy="most_frequent")
ONE_HOT = OneHotEncoder(handle_unknown="ignore")
CODES: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
LOGISTIC = LogisticRegression(max_iter=500)
FOREST = RandomForestClassifier(n_estimators=5, random_state=0)
HISTOGRAMS = HistGradientBoostingClassifier(max_iter=2)


def model(encoder: Any, final: Any, rows: pd.DataFrame) -> Any:
    columns = ColumnTransformer([("text", encoder, ["town", "kind"]), ("number", StandardScaler(), ["area"])])
    return make_pipeline(columns, clone(final)).fit(rows, CLASSES)


CASES = {
    "filled by the most frequent": (make_pipeline(FILL, ONE_HOT), LOGISTIC, HOLES),
    "filled by a constant": (
        make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder()),
        LOGISTIC,
        HOLES,
    ),
    "filled, None included": (
        make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=pd.NA), ONE_HOT),
        LOGISTIC,
        HOLES,
    ),
    "None is filled, NaN refused": (
        make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=None), ONE_HOT),
        LOGISTIC,
        NONES,
    ),
    "NaN is a category": (ONE_HOT, LOGISTIC, HOLES),
    "NaN is a category, unknown ones refused": (OneHotEncoder(), LOGISTIC, HOLES),
    "None is a category": (ONE_HOT, LOGISTIC, NONES),
    "both are categories": (OneHotEncoder(), LOGISTIC, MIXED),
    "NaN is unknown": (ONE_HOT, LOGISTIC, PLACES),
    "rare categories": (
        OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist"),
        LOGISTIC,
        HOLES,
    ),
    "the first dropped": (OneHotEncoder(drop="first", handle_unknown="ignore"), LOGISTIC, HOLES),
    "codes, NaN for a missing one": (OrdinalEncoder(**CODES), HISTOGRAMS, HOLES),
    "codes, a number for a missing one": (OrdinalEncoder(encoded_missing_value=-5, **CODES), FOREST, HOLES),
    "codes of integers": (
        OrdinalEncoder(encoded_missing_value=-5, dtype=np.int64, **CODES),
        FOREST,
        HOLES,
    ),
    "codes of groups": (
        OrdinalEncoder(max_categories=2, encoded_missing_value=-2, **CODES),
        FOREST,
        HOLES,
    ),
    "codes, unknown ones refused": (OrdinalEncoder(), HISTOGRAMS, HOLES),
    "codes, NaN for an unknown one": (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-5),
        HISTOGRAMS,
        HOLES,
    ),
    "means of the target": (TargetEncoder(random_state=0), LOGISTIC, HOLES),
}


@pytest.mark.parametrize("name", CASES)
def test_missing_text_is_answered_as_by_scikit_learn(name: str) -> None:
    encoder, final, rows = CASES[name]
    estimator = model(encoder, final, rows)
    found = settled(estimator, rows)
    assert {"town", "kind"} <= set(found.manifest.nan_columns)
    predictor = Predictor(found.content, found.manifest)
    for value in (np.nan, None, "nowhere"):
        asked = rows.head(4).astype({"town": object})
        asked.loc[1, "town"] = value
        if value is None:
            asked["town"] = pd.Series([*asked.town[:1], None, *asked.town[2:]], dtype=object)
        try:
            expected = estimator.predict_proba(asked)
        except ValueError:
            with pytest.raises(ValueError, match="expected categories that the model was trained with"):
                predictor.predict(asked, "predict_proba")
        else:
            answer = predictor.predict(asked, "predict_proba")
            np.testing.assert_allclose(answer, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("encoder", [ONE_HOT, OrdinalEncoder(**CODES)], ids=["columns", "codes"])
def test_integers_and_truths_beside_text_pass(encoder: Any) -> None:
    rows = HOLES.assign(rooms=DRAW.integers(1, 4, N), flat=DRAW.random(N) < 0.5)
    both = make_pipeline(FILL, clone(encoder))
    columns = ColumnTransformer([("c", both, ["town", "rooms", "kind", "flat"])], remainder="drop")
    settled(make_pipeline(columns, LogisticRegression()).fit(rows, CLASSES), rows)


def test_floats_beside_text_are_filled() -> None:
    rows = HOLES.assign(rooms=DRAW.integers(1, 4, N) * 1.0)
    rows["rooms"] = rows.rooms.mask(DRAW.random(N) < 0.1)
    both = make_pipeline(FILL, TargetEncoder(random_state=0))
    columns = ColumnTransformer([("c", both, ["town", "rooms"])], remainder="drop")
    agree(make_pipeline(columns, LogisticRegression()).fit(rows, CLASSES), rows.dropna())


def test_an_array_of_objects() -> None:
    estimator = make_pipeline(FILL, ONE_HOT, LOGISTIC).fit(HOLES[["town"]].to_numpy(object), CLASSES)
    settled(estimator, HOLES[["town"]].to_numpy(object))
    agree(make_pipeline(ONE_HOT, LOGISTIC).fit(PLACES[["town"]].to_numpy(object), CLASSES),
          PLACES[["town"]].to_numpy(object))  # fmt: skip


def test_an_array_holds_none_as_a_table_does() -> None:
    rows = NONES[["town", "kind"]].to_numpy(object)
    encoder = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=None), ONE_HOT)
    found = settled(make_pipeline(encoder, LogisticRegression()).fit(rows, CLASSES), rows)
    assert found.manifest.nan_columns == ("0", "1")


@pytest.mark.parametrize("final", [HISTOGRAMS, LOGISTIC], ids=lambda item: type(item).__name__)
def test_numbers_beside_missing_text_may_be_infinite_where_the_estimator_takes_it(final: Any) -> None:
    columns = ColumnTransformer([("text", ONE_HOT, ["town"]), ("number", "passthrough", ["area"])])
    columns.set_params(sparse_threshold=0)
    estimator = make_pipeline(columns, clone(final)).fit(HOLES, CLASSES)
    assert settled(estimator, HOLES).manifest.allow_inf == (final is HISTOGRAMS)


def test_text_may_be_missing_where_numbers_may_not() -> None:
    """Forests take NaN that they never met, and the graph sends it elsewhere."""
    estimator = ColumnTransformer([("text", ONE_HOT, ["town", "kind"]), ("number", "passthrough", ["area"])])
    found = settled(make_pipeline(estimator, FOREST).fit(HOLES, CLASSES), HOLES)
    assert found.manifest.nan_columns == ("town", "kind")
    assert any(note.startswith("rows with NaN in area are refused") for note in found.notes)


def test_what_the_encoder_refuses_is_refused() -> None:
    found = settled(model(OneHotEncoder(), LOGISTIC, PLACES), PLACES)
    assert not {"town", "kind"} & set(found.manifest.nan_columns)
    with pytest.raises(ValueError, match="column 'town': expected text in every row, found nan"):
        Predictor(found.content, found.manifest).predict(HOLES)


def test_a_sign_of_the_users_own_is_replaced() -> None:
    encoder = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values="Ulm"), OneHotEncoder())
    estimator = model(encoder, LOGISTIC, PLACES)
    assert "Ulm" not in estimator[0].named_transformers_["text"][1].categories_[0]
    agree(estimator, PLACES)


def test_an_imputer_that_marks_what_it_filled_is_left_alone() -> None:
    marking = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(HOLES[["town"]])
    assert text_filling(marking) is None
    assert text_filling(SimpleImputer().fit(PLACES[["area"]])) is None
    with pytest.raises(ConversionError):
        settled(marking, HOLES[["town"]])


def test_each_missing_value_has_its_own_text() -> None:
    assert [as_text(value) for value in (np.nan, None, "nan", "")] == [NAN_TEXT, NONE_TEXT, "nan", ""]


ESTIMATOR = model(ONE_HOT, LOGISTIC, MIXED)
PROVEN = settled(ESTIMATOR, MIXED)
PREDICTOR = Predictor(PROVEN.content, PROVEN.manifest)
TEXTS = st.sampled_from([np.nan, None, "Köln", "Bonn", "a", "b"]) | st.text(max_size=3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_any_text_gets_the_answer_of_scikit_learn(texts: list[tuple[Any, Any]]) -> None:
    rows = pd.DataFrame(texts, columns=["town", "kind"], dtype=object).assign(area=30.0)
    answer = PREDICTOR.predict(rows, "predict_proba")
    np.testing.assert_allclose(answer, ESTIMATOR.predict_proba(rows), rtol=0, atol=5e-5)
