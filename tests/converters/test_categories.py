"""Categories of floats are equal or not, in the rows' own precision; NaN is one, or unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from optimization.convert import convert
from optimization.convert.hazards import mend
from optimization.converters.categories import are_floats
from tests.convert.examples import predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

DRAW = np.random.default_rng(0)
N = 200
TENTHS = pd.DataFrame({"grade": DRAW.integers(0, 4, N) * 1.0, "size": DRAW.choice([0.1, 0.25, 1.5], N)})
HOLES = TENTHS.mask(DRAW.random((N, 2)) < 0.1)
CLASSES = (TENTHS.grade + 10 * TENTHS["size"] > 4).astype(int).to_numpy()
BESIDE = np.array([[0.1, 0.1], [1.0, np.nextafter(0.1, 0)], [np.nextafter(1.0, 2), 0.25], [-0.0, 1.5]])
CODES: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(),
    OneHotEncoder(drop="first"),
    OneHotEncoder(min_frequency=60, handle_unknown="infrequent_if_exist"),
    OrdinalEncoder(**CODES),
    OrdinalEncoder(encoded_missing_value=-3, **CODES),
    OrdinalEncoder(encoded_missing_value=-3, dtype=np.int64, **CODES),
    OrdinalEncoder(),
    TargetEncoder(random_state=0),
]


def model(encoder: Any, rows: Any) -> Any:
    ordinal = isinstance(encoder, OrdinalEncoder)
    final = HistGradientBoostingClassifier(max_iter=2) if ordinal else LogisticRegression()
    return make_pipeline(clone(encoder), final).fit(rows, CLASSES)


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda item: str(item)[:60])
@pytest.mark.parametrize(
    ("rows", "dtype"),
    [(TENTHS, np.float64), (HOLES, np.float64), (HOLES, np.float32)],
    ids=["full", "holes", "holes, single"],
)
def test_floats_are_looked_up_exactly(encoder: Any, rows: pd.DataFrame, dtype: Any) -> None:
    rows = rows.astype(dtype)
    estimator = model(encoder, rows)
    found = settled(estimator, rows)
    assert found.report.promise == "exact"
    assert {item.dtype for item in found.manifest.inputs} == {np.dtype(dtype).name}
    one_row_at_a_time(estimator, rows)


@pytest.mark.parametrize("encoder", [ENCODERS[0], ENCODERS[4]], ids=lambda item: type(item).__name__)
def test_a_number_beside_a_category_is_unknown(encoder: Any) -> None:
    estimator = model(encoder, TENTHS.to_numpy())
    agree(estimator, TENTHS.to_numpy(), BESIDE)


@pytest.mark.parametrize("encoder", [ENCODERS[1], ENCODERS[7]], ids=lambda item: type(item).__name__)
def test_an_unknown_number_is_refused_where_the_encoder_refuses_it(encoder: Any) -> None:
    estimator = model(encoder, TENTHS)
    rows = TENTHS.head(2).assign(size=[0.1, 0.10000001])
    with pytest.raises(ValueError, match="unknown categories"):
        estimator.predict(rows)
    with pytest.raises(ValueError, match="expected categories that the model was trained with"):
        predictor(estimator, TENTHS).predict(rows)


@pytest.mark.parametrize("final", [LogisticRegression(), RandomForestClassifier(5, random_state=0)])
def test_filled_floats_are_looked_up_exactly(final: Any) -> None:
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("c", filled, ["grade", "size"])], remainder="drop")
    estimator = make_pipeline(columns, final).fit(HOLES, CLASSES)
    assert settled(estimator, HOLES).report.promise == "exact"


@pytest.mark.parametrize("encoder", [ENCODERS[0], ENCODERS[4]], ids=lambda item: type(item).__name__)
def test_floats_beside_text_are_filled_and_looked_up(encoder: Any) -> None:
    rows = HOLES.assign(kind=DRAW.choice(["a", "b"], N), rooms=DRAW.integers(1, 4, N))
    rows["kind"] = rows.kind.mask(DRAW.random(N) < 0.1)
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), clone(encoder))
    columns = ColumnTransformer([("c", filled, ["kind", "size", "rooms", "grade"])], remainder="drop")
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, CLASSES)
    found = settled(estimator, rows)
    assert found.report.exact
    kinds = {item.name: item.dtype for item in found.manifest.inputs}
    assert kinds == {"kind": "str", "size": "float64", "rooms": "int64", "grade": "float64"}


def test_missing_texts_are_no_floats() -> None:
    assert are_floats(np.array([0.5, np.nan]))
    assert are_floats(np.array([1, 0.5], dtype=object))
    assert not are_floats(np.array(["a", None, np.nan], dtype=object))
    assert not are_floats(np.array([1, 2]))


def test_the_users_encoder_keeps_its_missing_category() -> None:
    texts = pd.DataFrame({"kind": ["a", None, "b", np.nan]}, dtype=object)
    encoder = OneHotEncoder().fit(texts)
    mended = mend(encoder, texts)
    assert all(isinstance(item, str) for item in mended.categories_[0])
    assert encoder.categories_[0].tolist()[:3] == ["a", "b", None]


ESTIMATOR = model(ENCODERS[0], HOLES.to_numpy())
PREDICTOR = predictor(ESTIMATOR, HOLES.to_numpy())
NUMBERS = st.sampled_from([*BESIDE.ravel().tolist(), 2.0, 3.0, np.nan]) | st.floats(-2, 4)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_any_number_gets_the_answer_of_scikit_learn(numbers: list[tuple[float, float]]) -> None:
    rows = np.array(numbers)
    answer = PREDICTOR.predict(rows, "predict_proba")
    np.testing.assert_allclose(answer, ESTIMATOR.predict_proba(rows), rtol=0, atol=5e-5)


@pytest.mark.parametrize("encoder", [OneHotEncoder(drop="first"), OrdinalEncoder(**CODES)], ids=str)
def test_filled_integers_are_of_a_type_that_onnx_knows(encoder: Any) -> None:
    """LabelEncoder straight behind Imputer ends the process in onnx's shape inference."""
    rows = pd.DataFrame({"rooms": DRAW.integers(0, 4, N), "size": DRAW.normal(size=N)})
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="constant", fill_value=0), clone(encoder)), ["rooms"]),
        remainder="passthrough",
    )
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, CLASSES)
    agree(estimator, rows)
    onnx.shape_inference.infer_shapes(convert(estimator, rows).model)
