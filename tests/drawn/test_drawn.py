"""Whatever is drawn: it converts and answers on held-out rows as scikit-learn does, or is refused by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, reject, settings
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.errors import OptimizationError
from optimization.verify import RowBudget, convert_faithfully
from optimization.verify.tolerances import TOLERANCES
from tests.drawn.estimators import SEED, Drawn
from tests.drawn.numbers import numbers
from tests.drawn.tables import tables
from tests.drawn.texts import texts

BUDGET = RowBudget(pairs=24, axis_pairs=48, threshold_rows=1_500, edge_rows=200)
REACH = 1e-6
"""Of a value: a row within this of a jump may be answered from its other side."""
MOVED = 64
"""Rows that are tried within reach."""

drawn = settings(
    max_examples=10 if settings.default.derandomize else 400,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def converted() -> Iterator[list[bool]]:
    """Whether each drawn pipeline was converted: a test in which most are refused proves nothing."""
    outcomes: list[bool] = []
    yield outcomes
    assert 2 * sum(outcomes) > len(outcomes), f"{sum(outcomes)} of {len(outcomes)} converted"


@drawn
@given(pipeline=numbers())
def test_numbers(pipeline: Drawn, converted: list[bool]) -> None:
    converted.append(agrees_or_is_refused(pipeline))


@drawn
@given(pipeline=tables())
def test_tables(pipeline: Drawn, converted: list[bool]) -> None:
    converted.append(agrees_or_is_refused(pipeline))


@drawn
@given(pipeline=texts())
def test_texts(pipeline: Drawn, converted: list[bool]) -> None:
    converted.append(agrees_or_is_refused(pipeline))


@pytest.mark.parametrize("spoilt", [0.0, 1e-3])
@pytest.mark.parametrize("make", [LinearRegression, DecisionTreeRegressor])
def test_one_wrong_answer_is_noticed(make: Any, spoilt: float) -> None:
    rows = np.random.default_rng(SEED).normal(size=(50, 2))
    fitted = make().fit(rows, rows.sum(axis=1))
    found = fitted.predict(rows)
    found[7] += spoilt
    with pytest.raises(AssertionError, match="predict: expected") if spoilt else nullcontext():
        _same(fitted, "predict", rows, found)


def test_a_tie_of_two_classes_may_go_to_either() -> None:
    fitted = DecisionTreeClassifier(max_depth=1).fit([[0.0], [0.0], [2.0], [2.0], [2.0]], [0, 1, 0, 1, 1])
    _same(fitted, "predict", np.array([[0.0]]), np.array([1]))
    with pytest.raises(AssertionError, match="predict: expected 1"):
        _same(fitted, "predict", np.array([[2.0]]), np.array([0]))


def test_a_jump_within_reach_is_no_wrong_answer() -> None:
    fitted = DecisionTreeRegressor().fit([[0.0], [2.0]], [0.0, 1.0])
    _same(fitted, "predict", np.array([[1 + 1e-9]]), np.array([0.0]))
    with pytest.raises(AssertionError, match="predict: expected"):
        _same(fitted, "predict", np.array([[1.01]]), np.array([0.0]))


def agrees_or_is_refused(pipeline: Drawn) -> bool:
    """Return whether it was converted."""
    rows, held, target = _split(pipeline)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = pipeline.estimator.fit(rows, target)
            fitted.predict(held)
        except (ValueError, TypeError, AttributeError):
            # Some draws do not fit together: NaN, sparse rows or negative numbers where a step takes none.
            reject()
        try:
            settled = convert_faithfully(fitted, rows, seed=SEED, budget=BUDGET)
        except OptimizationError as error:
            event(f"refused: {error}"[:200])
            return False
        event("converted")
        predictor = Predictor(settled.content, settled.manifest)
        for method in predictor.methods:
            _same(fitted, method, held, predictor.predict(held, method))
        return True


def _split(pipeline: Drawn) -> tuple[Any, Any, Any]:
    n = len(pipeline.rows) * 2 // 3
    rows = pipeline.rows
    train, held = (rows.iloc[:n], rows.iloc[n:]) if hasattr(rows, "iloc") else (rows[:n], rows[n:])
    return train, held, pipeline.target[:n]


def _same(fitted: Any, method: str, held: Any, found: Any) -> None:
    expected = np.asarray(getattr(fitted, method)(held))
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    for i in np.flatnonzero(_differs(fitted, method, expected, found)):
        moved = _within_reach(held, int(i))
        near = np.asarray(getattr(fitted, method)(moved))
        explained = not _differs(fitted, method, near, np.broadcast_to(found[i], near.shape)).all()
        explained = explained or (method == "predict" and _tied(fitted, moved))
        assert explained, f"{method}: expected {expected[i]}, found {found[i]}"


def _tied(fitted: Any, rows: Any) -> bool:
    """Whether the best two probabilities are equal up to float32's digits (docs/convert.md)."""
    if not hasattr(fitted, "predict_proba"):
        return False
    best = np.sort(fitted.predict_proba(rows), axis=1)[:, -2:]
    return bool((np.diff(best) <= REACH).any())


def _differs(fitted: Any, method: str, expected: Any, found: Any) -> Any:
    """`(n_rows,)` bool: by documented tolerances; labels by none."""
    if method == "predict" and is_classifier(fitted):
        return (expected != found).reshape(len(expected), -1).any(axis=1)
    bound = TOLERANCES[method].bound(float(np.abs(expected).max(initial=0.0, where=np.isfinite(expected))))
    close = np.isclose(found, expected, rtol=0, atol=bound, equal_nan=True)
    return ~close.reshape(len(expected), -1).all(axis=1)


def _within_reach(held: Any, i: int) -> Any:
    """Row `i` with its floats moved by their last digits, `MOVED` times."""
    rng = np.random.default_rng(SEED)
    if isinstance(held, np.ndarray):
        rows = np.repeat(held[i : i + 1], MOVED, axis=0)
        return _moved(rng, rows) if rows.dtype.kind == "f" else rows
    rows = held.iloc[[i] * MOVED].reset_index(drop=True)
    for name in rows.columns[[str(kind).lower().startswith("float") for kind in rows.dtypes]]:
        rows[name] = _moved(rng, rows[name])
    return rows


def _moved(rng: np.random.Generator, values: Any) -> Any:
    steps = 1 + REACH * rng.uniform(-1, 1, values.shape)
    return (values * steps).astype(values.dtype)
