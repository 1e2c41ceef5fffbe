"""NumPy's functions as nodes, and FunctionTransformer in pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from optimization.convert import convert
from optimization.converters.algebra import DOUBLE, Algebra
from optimization.converters.functions import FUNCTIONS, name_of, write_function
from optimization.converters.writer import Detached
from optimization.errors import ConversionError
from optimization.passes.pipeline import simplify
from tests.convert.examples import DIABETES, IRIS, MIXED, PROGRESS, SPECIES, SURVIVED, predictor, settled
from tests.converters.agreement import agree

EDGES = [0.0, -0.0, 1.0, -1.0, -0.5, 2.5, 27.0, -27.0, np.inf, -np.inf, np.nan, 5e-324, -1e-300, 1e-17, 700.0]
EDGES += [0.99, -0.99, 1.01, 1e9, -1e38, 1e300]
LARGE = {"sin", "cos", "tan"}
"""Whose argument is reduced first: compared up to 100, absolutely."""


def answers(name: str, values: Any) -> Any:
    trial = Detached()
    found = write_function(Algebra(trial, DOUBLE), name, "x")
    nodes = [*trial.nodes, helper.make_node("Identity", [found], ["y"])]
    x, y = (helper.make_tensor_value_info(n, onnx.TensorProto.DOUBLE, [None]) for n in "xy")
    graph = helper.make_graph(nodes, "function", [x], [y], trial.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return ort.InferenceSession(model.SerializeToString()).run(None, {"x": values})[0]


def compare(name: str, values: Any) -> None:
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(values)
    np.testing.assert_allclose(answers(name, values), expected, rtol=1e-14, atol=1e-14 * (name in LARGE))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_answers_as_numpy_does_at_the_edges(name: str) -> None:
    compare(name, np.array(EDGES))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(st.floats(-100, 100) | st.floats(-1e-9, 1e-9), min_size=1, max_size=50),
)
def test_any_number_is_answered_to_a_few_units_in_the_last_place(name: str, values: list[float]) -> None:
    compare(name, np.array(values))


def test_only_functions_of_numpy_have_a_name() -> None:
    assert name_of(np.log1p) == "log1p" and name_of(np.absolute) == "abs"
    assert name_of(abs) is name_of(lambda x: x) is name_of(None) is name_of(np.arctan2) is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", [np.log1p, np.sqrt, np.square, np.tanh, np.rint])
def test_before_a_linear_model(function: Any, dtype: Any) -> None:
    rows = IRIS.astype(dtype)
    agree(
        make_pipeline(FunctionTransformer(function), LogisticRegression(max_iter=500)).fit(rows, SPECIES),
        rows,
    )


def test_between_scalers_and_imputers_nothing_is_rounded() -> None:
    steps = (SimpleImputer(), FunctionTransformer(np.log1p), StandardScaler(), Ridge())
    rows = np.abs(DIABETES.to_numpy()) * 1e6
    rows[::7, 2] = np.nan
    converted = agree(make_pipeline(*steps).fit(rows, PROGRESS), rows)
    # One Arithmetic: rows enter as float64, and are rounded once, before the model.
    assert [item.dtype for item in converted.manifest.inputs] == ["float64"]
    casts = [node for node in simplify(converted.model).model.graph.node if node.op_type == "Cast"]
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    assert [node.attribute[0].i for node in casts if node.attribute[0].i in floats] == [floats[0]]


@pytest.mark.parametrize(
    "final",
    [RandomForestClassifier(n_estimators=5, random_state=0), HistGradientBoostingClassifier(max_iter=5)],
    ids=lambda final: type(final).__name__,
)
def test_before_trees_the_proof_holds(final: Any) -> None:
    branches = [
        ("log", FunctionTransformer(np.log1p), ["fare price"]),
        ("root", make_pipeline(StandardScaler(), FunctionTransformer(np.cbrt)), ["age"]),
    ]
    estimator = make_pipeline(ColumnTransformer(branches, remainder="drop"), final).fit(MIXED, SURVIVED)
    assert settled(estimator, MIXED).report.exact


@pytest.mark.parametrize("function", [np.expm1, np.cbrt, np.rint, np.arcsinh, np.arctan, np.sinh])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_function_that_never_falls_becomes_part_of_the_thresholds(function: Any, dtype: Any) -> None:
    rows = IRIS.astype(dtype)
    final = RandomForestClassifier(n_estimators=5, random_state=0)
    estimator = make_pipeline(FunctionTransformer(function), StandardScaler(), final).fit(rows, SPECIES)
    result = settled(estimator, rows)
    assert result.report.exact
    nodes = onnx.load_from_string(result.content).graph.node
    assert [node.op_type for node in nodes if node.op_type != "Identity"] == ["TreeEnsembleClassifier", "Div"]


def test_no_rows_have_no_nan() -> None:
    model = convert(
        make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(DIABETES, PROGRESS), DIABETES
    ).model
    assert "ReduceSum" in [node.op_type for node in model.graph.node]
    session = ort.InferenceSession(model.SerializeToString())
    assert session.run(None, {"X": np.zeros((0, DIABETES.shape[1]))})[0].shape == (0, 1)


def test_integers_and_truths_go_in_as_numbers() -> None:
    rows = pd.DataFrame({"a": np.arange(60), "b": np.arange(60) % 2 == 0, "c": np.linspace(0, 1, 60)})
    estimator = make_pipeline(FunctionTransformer(np.sqrt), StandardScaler(), Ridge())
    agree(estimator.fit(rows, np.arange(60.0)), rows)


def test_alone_it_transforms() -> None:
    rows = IRIS.to_numpy()
    agree(FunctionTransformer(np.exp).fit(rows), rows)


@pytest.mark.parametrize("function", [np.log, np.log1p, np.sqrt])
@pytest.mark.parametrize("final", [LogisticRegression(max_iter=500), Ridge()], ids=lambda f: type(f).__name__)
def test_a_number_that_the_function_does_not_know_is_refused_where_the_model_refuses_nan(
    final: Any, function: Any
) -> None:
    estimator = make_pipeline(FunctionTransformer(function), final).fit(IRIS, SPECIES)
    answerer, rows = predictor(estimator, IRIS), IRIS.head(3).copy()
    rows.iloc[1, 2] = -2.0
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="NaN"):
        estimator.predict(rows)
    with pytest.raises(ValueError, match="numbers that its functions know, found another one in some row"):
        answerer.predict(rows)
    np.testing.assert_allclose(answerer.predict(IRIS), estimator.predict(IRIS), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "final",
    [LogisticRegression(max_iter=500), RandomForestClassifier(5, random_state=0)],
    ids=lambda final: type(final).__name__,
)
@pytest.mark.parametrize(("function", "value"), [(np.log, 0.0), (np.log1p, -1.0), (np.log10, 0.0)])
def test_a_number_that_becomes_infinite_is_refused_where_the_model_refuses_it(
    final: Any, function: Any, value: float
) -> None:
    estimator = make_pipeline(FunctionTransformer(function), final).fit(IRIS, SPECIES)
    answerer, rows = predictor(estimator, IRIS), IRIS.head(3).copy()
    rows.iloc[1, 2] = value
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match="infinity"):
        estimator.predict(rows)
    with pytest.raises(ValueError, match="numbers that its functions know, found another one in some row"):
        answerer.predict(rows)


def test_boosting_takes_infinity() -> None:
    final = HistGradientBoostingClassifier(max_iter=5)
    estimator = make_pipeline(FunctionTransformer(np.log), final).fit(IRIS, SPECIES)
    rows = IRIS.head(3).copy()
    rows.iloc[1, 2], rows.iloc[2, 2] = 0.0, -1.0
    with np.errstate(all="ignore"):
        expected = estimator.predict_proba(rows)
    answer = predictor(estimator, IRIS).predict(rows, "predict_proba")
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("middle", [SimpleImputer(), None], ids=["filled", "routed"])
def test_it_is_answered_where_the_model_takes_nan(middle: Any) -> None:
    final = LogisticRegression(max_iter=500) if middle else RandomForestClassifier(10, random_state=0)
    steps = [FunctionTransformer(np.log), *([middle] if middle else []), final]
    rows = IRIS.copy()
    rows.iloc[::9, 1] = -1.0
    with np.errstate(invalid="ignore"):
        estimator = make_pipeline(*steps).fit(rows, SPECIES)
        expected = estimator.predict_proba(rows)
    answer = predictor(estimator, rows).predict(rows, "predict_proba")
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


def ratio(rows: Any) -> Any:
    return rows / 2.0


@pytest.mark.parametrize(
    ("transformer", "name"),
    [
        (FunctionTransformer(ratio), "ratio"),
        (FunctionTransformer(np.round, kw_args={"decimals": 1}), "round"),
    ],
    ids=["one's own", "with arguments"],
)
def test_any_other_function_is_refused_by_name(transformer: Any, name: str) -> None:
    estimator = make_pipeline(transformer, Ridge()).fit(DIABETES, PROGRESS)
    with pytest.raises(
        ConversionError, match=f"applies {name}, which has no ONNX form; use a function of NumPy"
    ):
        settled(estimator, DIABETES)
