"""For any rows: the answer is the estimator's, or both refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from tests.flavor.pairs import Converted, assert_same, converted, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")

NAMES = list("abcd")
TRAINING = rows_of(200)
CLASSES = np.array(["left", "right", "straight"])[np.digitize(TRAINING["a"] - TRAINING["b"], [-0.7, 0.7])]
ESTIMATORS: Mapping[str, Any] = {
    "forest": RandomForestClassifier(10, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=5),
    "tree regressor": DecisionTreeRegressor(max_depth=6, random_state=0),
}
CONTAINERS = {
    "DataFrame": lambda values: pd.DataFrame(values, columns=NAMES),
    "DataFrame in another order": lambda values: pd.DataFrame(values, columns=NAMES)[["c", "a", "d", "b"]],
    "DataFrame and more": lambda values: pd.DataFrame(values, columns=NAMES).assign(z="more"),
    "ndarray": lambda values: values,
    "ndarray by columns": np.asfortranarray,
    "list": lambda values: values.tolist(),
    "dict": lambda values: {name: values[:, i] for i, name in enumerate(NAMES)},
    "records": lambda values: pd.DataFrame(values, columns=NAMES).to_dict("records"),
}


@pytest.fixture(scope="module")
def models() -> Mapping[str, Converted]:
    """Fitted on rows with holes where the estimator takes them."""
    found = {}
    for name, estimator in ESTIMATORS.items():
        target = TRAINING["a"] * 3 if "regressor" in name else CLASSES
        features = TRAINING.mask(TRAINING > 1.5) if name != "tree regressor" else TRAINING
        found[name] = converted(estimator.fit(features, target), features)
    return found


def matrices(dtype: Any, *, nan: bool = False) -> st.SearchStrategy[Any]:
    """Rows near the training data, on its values, and far from it."""
    width = 8 * np.dtype(dtype).itemsize
    near = st.floats(-4, 4, width=width)
    far = st.floats(-(2.0**100), 2.0**100, width=width)
    seen = st.sampled_from(TRAINING.to_numpy().astype(dtype).ravel().tolist())
    elements = st.one_of(near, seen, far, st.just(np.nan)) if nan else st.one_of(near, seen, far)
    return arrays.arrays(dtype, st.tuples(st.integers(1, 5), st.just(4)), elements=elements)


SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("container", CONTAINERS)
@SETTINGS
@given(values=st.one_of(matrices(np.float64), matrices(np.float32)), name=st.sampled_from(list(ESTIMATORS)))
def test_any_finite_rows_in_any_container(
    models: Mapping[str, Converted], container: str, values: Any, name: str
):
    model = models[name]
    # Lists know no float32, and dicts keep it: the estimator sees what the predictor sees.
    seen = values.astype(np.float64) if container in ("list", "records") else values
    expected = model.estimator.predict(pd.DataFrame(seen, columns=NAMES))
    assert_same(
        model.predictor.predict(CONTAINERS[container](values)), expected, labels=expected.dtype.kind != "f"
    )


@SETTINGS
@given(values=matrices(np.float64, nan=True), name=st.sampled_from(list(ESTIMATORS)))
def test_nan_is_answered_as_by_the_estimator_or_refused_by_both(
    models: Mapping[str, Converted], values: Any, name: str
):
    model, rows = models[name], pd.DataFrame(values, columns=NAMES)
    accepted = model.manifest.nan_columns or not np.isnan(values).any()
    if not accepted:
        with pytest.raises(ValueError, match="takes no NaN"):
            model.predictor.predict(rows)
        return
    expected = model.estimator.predict(rows)
    assert_same(model.predictor.predict(rows), expected, labels=expected.dtype.kind != "f")


@SETTINGS
@given(
    values=matrices(np.float64),
    where=st.tuples(st.integers(0, 4), st.integers(0, 3)),
    bad=st.sampled_from([np.nan, np.inf, -np.inf, 1e39, -1e300]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_the_short_way_refuses_what_the_long_way_refuses(
    flowers: Converted, values: Any, where: Any, bad: float, dtype: Any
):
    with np.errstate(over="ignore"):
        values[where[0] % len(values), where[1]] = bad
        rows = values.astype(dtype)
    for form in (rows, pd.DataFrame(rows, columns=NAMES)):
        with pytest.raises(ValueError, match=r"the model takes no (NaN|infinity)"):
            flowers.predictor.predict(form)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinity_beside_nan_is_refused(models: Mapping[str, Converted], bad: float, dtype: Any):
    model = next(item for item in models.values() if len(item.manifest.nan_columns) == 4)
    with np.errstate(over="ignore"):
        rows = np.array([[np.nan, 1.0, 2.0, 3.0], [0.0, bad, np.nan, 1.0]]).astype(dtype)
    assert model.predictor.predict(rows[:1]).shape == (1,)
    with pytest.raises(ValueError, match="the model takes no infinity"):
        model.predictor.predict(rows)


def test_large_batches_go_the_long_way_to_the_same_answers(flowers: Converted):
    rows = rows_of(3000, seed=5)
    whole = flowers.predictor.predict(rows, "predict_proba")
    parts = [flowers.predictor.predict(rows[i : i + 100], "predict_proba") for i in range(0, 3000, 100)]
    assert np.allclose(whole, np.concatenate(parts), rtol=0, atol=1e-6)
    assert_same(whole, flowers.estimator.predict_proba(rows), "predict_proba", labels=False)


def test_columns_that_the_model_does_not_read_are_skipped_by_position():
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    chosen = ColumnTransformer([("two", "passthrough", ["d", "b"])])
    estimator = make_pipeline(chosen, LogisticRegression()).fit(TRAINING, CLASSES)
    model = converted(estimator, TRAINING)
    expected = estimator.predict(TRAINING)
    for rows in (TRAINING, TRAINING[["b", "d", "c", "a"]], TRAINING.to_numpy(), TRAINING.to_numpy().tolist()):
        assert_same(model.predictor.predict(rows), expected)
