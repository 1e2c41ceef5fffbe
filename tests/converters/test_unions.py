"""FeatureUnion and ColumnTransformer: the next step is told the dtype of their parts."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

from flavor.quantized_onnx_v1 import Predictor
from optimization.verify import convert_faithfully
from optimization.verify.budget import AGAIN
from tests.convert.examples import IRIS, SPECIES
from tests.converters.agreement import agree, one_row_at_a_time

DRAW = np.random.default_rng(0)
LOGARITHM = FunctionTransformer(np.log1p)
FINALS = [LogisticRegression(max_iter=500), RandomForestClassifier(n_estimators=5, random_state=0)]
ROWS = IRIS.to_numpy()


def union(*parts: Any, **settings: Any) -> FeatureUnion:
    return FeatureUnion([(str(i), part) for i, part in enumerate(parts)], **settings)


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
def test_parts_that_round_float64_rows_are_float32_for_the_model(final: Any) -> None:
    estimator = make_pipeline(union(LOGARITHM, StandardScaler()), final).fit(ROWS, SPECIES)
    converted = agree(estimator, ROWS)
    assert [item.dtype for item in converted.manifest.inputs] == ["float64"]
    kinds = {value.name: value.type.tensor_type.elem_type for value in converted.model.graph.output}
    assert kinds["probabilities"] == onnx.TensorProto.FLOAT
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize(
    "parts", [(LOGARITHM, StandardScaler()), (PCA(2), StandardScaler())], ids=["64", "32"]
)
def test_weights_of_parts_count(parts: Any) -> None:
    weighed = union(*parts, transformer_weights={"0": 2.5})
    agree(make_pipeline(weighed, FINALS[0]).fit(ROWS, SPECIES), ROWS)


def test_a_dropped_part_and_a_union_in_a_union() -> None:
    inner = union(LOGARITHM, "drop")
    agree(make_pipeline(union(inner, PCA(2)), FINALS[0]).fit(ROWS, SPECIES), ROWS)


MIXED = pd.DataFrame(
    {
        "count": DRAW.integers(0, 5, 120),
        "size": DRAW.normal(size=120),
        "grade": DRAW.integers(0, 4, 120) / 2,
        "word": np.array(["a", "b", "c"], dtype=object)[DRAW.integers(0, 3, 120)],
    }
)
CLASSES = (MIXED["size"] + MIXED["grade"] > 0.7).astype(int)


SCALED = StandardScaler()
BESIDE: list[tuple[Any, Any]] = [
    *((SCALED, final) for final in (*FINALS, LinearSVC(), SVC(), MLPClassifier((4,), max_iter=20))),
    *((numbers, FINALS[0]) for numbers in ("passthrough", SimpleImputer(), MinMaxScaler())),
]


@pytest.mark.parametrize(("numbers", "final"), BESIDE, ids=repr)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_one_hot_columns_of_floats_stand_beside_numbers(numbers: Any, final: Any) -> None:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["grade", "word"]), (numbers, ["count", "size"])
    )
    estimator = make_pipeline(columns, clone(final)).fit(MIXED, CLASSES)
    agree(estimator, MIXED)
    one_row_at_a_time(estimator, MIXED)


def test_parts_are_weighted_and_dropped() -> None:
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(), ["word"]),
            ("gone", "drop", ["grade"]),
            ("none", StandardScaler(), []),
            ("numbers", StandardScaler(), ["count", "size"]),
        ],
        transformer_weights={"words": 0.5, "numbers": 3.0},
    )
    agree(make_pipeline(columns, LogisticRegression()).fit(MIXED, CLASSES), MIXED)


@pytest.mark.parametrize("columns", [slice(1, 3), [1, 2], ["size", "grade"]], ids=str)
def test_columns_are_chosen_in_every_way(columns: Any) -> None:
    chosen = make_column_transformer((StandardScaler(), columns), remainder="drop")
    agree(make_pipeline(chosen, LogisticRegression()).fit(MIXED, CLASSES), MIXED)


@pytest.mark.parametrize("columns", [[3, 2, 1, 0], [0, 0, 1, 2], slice(1, None), [-1, 0]], ids=str)
@pytest.mark.parametrize("part", ["passthrough", StandardScaler()], ids=str)
def test_columns_come_in_the_order_they_are_named(part: Any, columns: Any) -> None:
    chosen = make_column_transformer((part, columns), remainder="passthrough")
    agree(make_pipeline(chosen, LogisticRegression(max_iter=500)).fit(ROWS, SPECIES), ROWS)


@pytest.mark.parametrize(
    "first",
    [
        union(StandardScaler(), MinMaxScaler()),
        make_column_transformer((MinMaxScaler(), [3, 0])),
        Normalizer(),
    ],
    ids=lambda step: type(step).__name__,
)
@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
def test_columns_are_chosen_among_those_that_a_step_makes(first: Any, final: Any) -> None:
    columns = make_column_transformer((StandardScaler(), [1]), remainder="passthrough")
    agree(make_pipeline(clone(first), columns, clone(final)).fit(ROWS, SPECIES), ROWS)


PASSENGERS = MIXED.assign(
    age=np.where(DRAW.random(120) < 0.1, np.nan, DRAW.normal(40, 9, 120)),
    port=pd.Series(np.array(["S", "C", None], dtype=object)[DRAW.integers(0, 3, 120)]).fillna(np.nan),
)
FILL, FILL_TEXT = SimpleImputer(), SimpleImputer(strategy="most_frequent")
SCALE, ONE_HOT = StandardScaler(), OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def by_name(*parts: Any) -> ColumnTransformer:
    """What is not named passes; columns keep their names."""
    named = [(f"{i}", clone(part, safe=False), columns) for i, (part, columns) in enumerate(parts)]
    columns = ColumnTransformer(named, remainder="passthrough", verbose_feature_names_out=False)
    return columns.set_output(transform="pandas")


NUMBERS_FIRST = (FILL, ["age", "size"]), (FILL_TEXT, ["port", "word"])
BEHIND_EACH_OTHER = {
    "filled, then encoded by name": [
        by_name(*NUMBERS_FIRST),
        by_name((SCALE, ["age"]), (ONE_HOT, ["port", "word"])),
    ],
    "filled, then encoded by place": [
        make_column_transformer(*NUMBERS_FIRST),
        make_column_transformer((SCALE, [0, 1]), (ONE_HOT, [3, 2])),
    ],
    "text passes": [
        by_name((FILL, ["age"]), ("drop", ["port"])),
        by_name((SCALE, ["age"]), (ONE_HOT, ["word"])),
    ],
    "both in one part": [
        by_name((FILL_TEXT, ["age", "port", "count"])),
        by_name((SCALE, ["count", "age"]), (ONE_HOT, ["word", "port"])),
    ],
    "three": [
        by_name(*NUMBERS_FIRST),
        by_name((SCALE, ["age", "count"])),
        by_name((ONE_HOT, ["word"]), ("drop", ["port"])),
    ],
    "all encoded": [make_column_transformer((FILL, ["grade"]), (FILL_TEXT, ["port", "word"])), ONE_HOT],
    "a union in front": [
        union(make_column_transformer((FILL, ["age"]), (FILL_TEXT, ["port", "word"]))),
        make_column_transformer((SCALE, [0]), (ONE_HOT, [2, 1])),
    ],
    "a union behind": [
        by_name(*NUMBERS_FIRST),
        union(
            make_column_transformer((SCALE, ["age"])), make_column_transformer((ONE_HOT, ["port", "word"]))
        ),
    ],
}


@pytest.mark.parametrize(
    ("name", "final"),
    list(zip(BEHIND_EACH_OTHER, cycle(FINALS), strict=False)),
    ids=list(BEHIND_EACH_OTHER),
)
def test_text_stands_beside_numbers_between_steps(name: str, final: Any) -> None:
    steps = [clone(step) for step in BEHIND_EACH_OTHER[name]]
    estimator = make_pipeline(*steps, clone(final)).fit(PASSENGERS, CLASSES)
    settled = convert_faithfully(estimator, PASSENGERS, seed=0, budget=AGAIN)
    assert settled.report.exact
    found = Predictor(settled.content, settled.manifest)
    for table in (PASSENGERS, PASSENGERS.head(1), PASSENGERS[PASSENGERS.columns[::-1]]):
        np.testing.assert_array_equal(found.predict(table), estimator.predict(table[PASSENGERS.columns]))


@pytest.mark.parametrize("first", ["age", "port"])
def test_boosting_splits_on_texts_that_come_beside_numbers(first: str) -> None:
    table = PASSENGERS.astype({"port": "category", "word": "category"})
    numbers, texts = (FILL, ["age", "size"]), ("passthrough", ["word", "port"])
    parts = by_name(*((numbers, texts) if first == "age" else (texts, numbers)))
    boosting = HistGradientBoostingClassifier(
        max_iter=8, min_samples_leaf=5, categorical_features="from_dtype"
    )
    target = (table["port"] == "C") ^ (table["age"].fillna(40) > 41)
    estimator = make_pipeline(parts, boosting).fit(table, target)
    agree(estimator, table)


@settings(max_examples=12, deadline=None)
@given(
    st.permutations(["age", "size", "port", "word", "count"]),
    st.permutations(["age", "size", "port", "word"]),
)
def test_columns_of_text_and_numbers_go_on_in_any_order(first: Any, second: Any) -> None:
    texts = ("port", "word")
    filled = by_name(*((FILL_TEXT if name in texts else FILL, [name]) for name in first))
    encoded = [(ONE_HOT if name in texts else SCALE, [name]) for name in second]
    estimator = make_pipeline(filled, make_column_transformer(*encoded), clone(FINALS[0]))
    agree(estimator.fit(PASSENGERS, CLASSES), PASSENGERS)


PARTS = {"scaled": StandardScaler(), "logs": LOGARITHM, "plain": "passthrough", "gone": "drop", "pca": PCA(1)}
NAMED = st.lists(
    st.tuples(st.sampled_from(sorted(PARTS)), st.lists(st.integers(0, 3), min_size=1, max_size=5)),
    min_size=1,
    max_size=4,
).filter(lambda parts: any(name != "gone" for name, _ in parts))


def test_a_column_is_named_again_behind_another() -> None:
    """Each column is an input of its own, because one of them is read in float64."""
    parts = [("0", "passthrough", [3, 1, 3]), ("1", LOGARITHM, [0]), ("2", PCA(1), [1])]
    agree(make_pipeline(ColumnTransformer(parts), FINALS[0]).fit(ROWS, SPECIES), ROWS)


@settings(max_examples=20, deadline=None)
@given(NAMED, st.lists(st.sampled_from([0.5, 1.0, -2.0]), min_size=4, max_size=4), st.booleans())
def test_any_parts_of_any_columns(parts: Any, weights: list[float], trees: bool) -> None:
    named = [(f"{i}", clone(PARTS[name], safe=False), columns) for i, (name, columns) in enumerate(parts)]
    chosen = ColumnTransformer(
        named, transformer_weights={f"{i}": w for i, w in enumerate(weights[: len(parts)])}
    )
    agree(make_pipeline(chosen, clone(FINALS[trees])).fit(ROWS, SPECIES), ROWS)
