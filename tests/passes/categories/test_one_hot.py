"""One-hot columns before products and trees are looked up instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from optimization.passes.categories.one_hot import look_up_categories
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.read import read_ensemble
from tests.passes.categories.models import ML, UNSEEN, WORDS, encoder, positions, rows, word_model
from tests.passes.helpers import LEVELS, assert_models_bit_equal, op_types, run

DRAW = np.random.default_rng(0)
MANY = [f"w{i:03d}" for i in range(700)]
GEMM = helper.make_node("Gemm", ["j", "w", "b"], ["y"])


def flat(source: str, output: str, width: str = "width") -> onnx.NodeProto:
    return helper.make_node("Reshape", [source, width], [output])


def joined(
    words: list[str], reader: onnx.NodeProto, *more: onnx.NodeProto, zeros: int = 1, **constants: Any
) -> onnx.ModelProto:
    """[x, one-hot columns of u] before `reader`."""
    nodes = [
        encoder("u", "e", words=words, zeros=zeros),
        flat("e", "h"),
        helper.make_node("Concat", ["x", "h"], ["j"], axis=1),
        reader,
        *more,
    ]
    return word_model(nodes, width=np.array([-1, len(words)]), **constants)


def weights(n_words: int, n_outputs: int) -> dict[str, Any]:
    draw = DRAW.normal(size=(n_words + 2, n_outputs)).astype(np.float32)
    return {"w": draw, "b": DRAW.normal(size=n_outputs).astype(np.float32)}


def looked_up(model: onnx.ModelProto, *kinds: str) -> onnx.ModelProto:
    before = model.SerializeToString()
    result = look_up_categories(model)
    assert isinstance(result, Rewrite), result
    assert op_types(result.model) == list(kinds)
    assert model.SerializeToString() == before
    onnx.checker.check_model(result.model)
    return result.model


def assert_close(before: onnx.ModelProto, after: onnx.ModelProto, feeds: dict[str, Any]) -> None:
    for level in LEVELS:
        expected, found = (run(m.SerializeToString(), feeds, level)[0] for m in (before, after))
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def refused(model: onnx.ModelProto) -> str:
    result = look_up_categories(model)
    assert isinstance(result, Refused)
    return result.reason


def test_one_column_of_weights_is_what_the_words_become() -> None:
    model = joined(WORDS, GEMM, **weights(4, 1))
    after = looked_up(model, "LabelEncoder", "Concat", "Gemm")
    assert_close(model, after, rows([*WORDS, UNSEEN, ""]))


@pytest.mark.parametrize(
    "node", [helper.make_node("MatMul", ["j", "w"], ["y"]), GEMM], ids=["MatMul", "Gemm"]
)
def test_several_columns_of_weights_are_a_table(node: onnx.NodeProto) -> None:
    model = joined(MANY, node, **weights(700, 3))
    after = looked_up(model, "LabelEncoder", "Gather", "Reshape", "Gemm", "Add")
    assert_close(model, after, rows([*MANY[:5], UNSEEN, MANY[-1]]))


def twice(words: list[str], n_outputs: int) -> onnx.ModelProto:
    """One-hot columns of u and v, and no numbers."""
    nodes = [
        encoder("u", "e", words=words),
        encoder("v", "f", words=words[::-1]),
        helper.make_node("Concat", ["e", "f"], ["g"], axis=-1),
        flat("g", "j"),
        GEMM,
    ]
    n_columns = 2 * len(words)
    values = weights(n_columns - 2, n_outputs)
    return word_model(nodes, words=("u", "v"), width=np.array([-1, n_columns]), **values)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_words_alone_carry_the_bias(n_outputs: int) -> None:
    model = twice(MANY, n_outputs)
    tables = ("LabelEncoder", "LabelEncoder", "Concat")
    summed = ("Gemm",) if n_outputs == 1 else ("Gather", "Split", "Sum", "Reshape")
    after = looked_up(model, *tables, *summed)
    assert_close(model, after, rows([*MANY[:4], UNSEEN], [UNSEEN, *MANY[3:7]], names=("u", "v")))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_words_that_are_refused_are_refused_still(n_outputs: int) -> None:
    model = joined(MANY, GEMM, zeros=0, **weights(700, n_outputs))
    result = look_up_categories(model)
    assert isinstance(result, Rewrite)
    assert_close(model, result.model, rows(MANY[:4]))
    with pytest.raises(Exception, match="out of data bounds"):
        run(result.model.SerializeToString(), rows([MANY[0], UNSEEN]))


def placed(
    codes: onnx.NodeProto, *before: onnx.NodeProto, depth: int = 3, **constants: Any
) -> onnx.ModelProto:
    """OneHot of places."""
    nodes = [
        *before,
        codes,
        helper.make_node("Reshape", ["codes", "flat"], ["places"]),
        helper.make_node("OneHot", ["places", "depth", "ends"], ["h"]),
        helper.make_node("Concat", ["h", "x"], ["j"], axis=1),
        GEMM,
    ]
    sizes = {"flat": np.array([-1]), "depth": np.array([depth]), "ends": np.float32([0, 1])}
    return word_model(nodes, **sizes, **weights(depth, 1), **constants)


def test_words_without_a_column_weigh_nothing() -> None:
    model = placed(positions("u", "codes", [0, 3, 2, 2], 3))
    after = looked_up(model, "LabelEncoder", "Concat", "Gemm")
    assert_close(model, after, rows([*WORDS, UNSEEN]))


def test_places_in_a_table_keep_its_bounds() -> None:
    gather = helper.make_node("Gather", ["table", "p"], ["codes"])
    model = placed(gather, positions("u", "p", [0, 1, 2, 3], 4), table=np.array([2, 3, 0, 0]))
    after = looked_up(model, "LabelEncoder", "Gather", "Concat", "Gemm")
    assert_close(model, after, rows(WORDS))
    with pytest.raises(Exception, match="out of data bounds"):
        run(after.SerializeToString(), rows([UNSEEN]))


def test_places_beyond_the_columns_stay() -> None:
    assert "no product and no tree reads" in refused(placed(positions("u", "codes", [0, 5], 3)))


def test_columns_are_cast_with_what_is_beside_them() -> None:
    nodes = [
        encoder("u", "e"),
        flat("e", "h"),
        helper.make_node("Concat", ["x", "h"], ["s"], axis=1),
        helper.make_node("Cast", ["s"], ["j"], to=onnx.TensorProto.DOUBLE),
        helper.make_node("Gemm", ["j", "w", "b"], ["y"]),
    ]
    wide = {name: item.astype(np.float64) for name, item in weights(4, 1).items()}
    model = word_model(nodes, width=np.array([-1, 4]), **wide)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    after = looked_up(model, "LabelEncoder", "Gather", "Cast", "Concat", "Gemm")
    assert_close(model, after, rows([*WORDS, UNSEEN]))


def trees(splits: list[tuple[int, float]], *, n_targets: int = 1) -> onnx.NodeProto:
    """A stump for each (feature, threshold); NaN goes to the true side of the odd ones."""
    n = len(splits)
    return helper.make_node(
        "TreeEnsembleRegressor",
        ["j"],
        ["y"],
        domain=ML,
        n_targets=n_targets,
        nodes_treeids=[i for i in range(n) for _ in range(3)],
        nodes_nodeids=[0, 1, 2] * n,
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * n,
        nodes_featureids=[k for feature, _ in splits for k in (feature, 0, 0)],
        nodes_values=[k for _, threshold in splits for k in (threshold, 0.0, 0.0)],
        nodes_truenodeids=[1, 0, 0] * n,
        nodes_falsenodeids=[2, 0, 0] * n,
        nodes_missing_value_tracks_true=[k for i in range(n) for k in (i % 2, 0, 0)],
        target_treeids=[i for i in range(n) for _ in range(2)],
        target_nodeids=[1, 2] * n,
        target_ids=[0] * (2 * n),
        target_weights=[2.0**-i * k for i in range(n) for k in (1.0, -1.0)],
    )


def test_trees_compare_places() -> None:
    model = joined(MANY, trees([(0, 0.5), (2, 0.5), (701, 0.0), (1, -1.0), (9, 0.99)]))
    after = looked_up(model, "LabelEncoder", "Concat", "TreeEnsembleRegressor")
    found = read_ensemble(after.graph.node[-1])
    assert not isinstance(found, str)
    assert found.feature[~found.leaf].tolist() == [0, 2, 2, 1, 2]
    feeds = rows([*MANY[:9], MANY[-1], UNSEEN])
    feeds["x"][3] = np.nan
    assert_models_bit_equal(model, after, feeds)


@settings(max_examples=40, deadline=None)
@given(
    splits=st.lists(
        st.tuples(st.integers(0, 701), st.sampled_from([0.0, 0.25, 0.5])), min_size=1, max_size=12
    ),
    words=st.lists(st.sampled_from([*MANY[:6], MANY[400], MANY[699], UNSEEN]), min_size=1, max_size=8),
)
def test_every_word_takes_the_same_branches(splits: list[tuple[int, float]], words: list[str]) -> None:
    model = joined(MANY, trees(splits))
    after = looked_up(model, "LabelEncoder", "Concat", "TreeEnsembleRegressor")
    assert_models_bit_equal(model, after, rows(words))


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from([*MANY[:6], MANY[699], UNSEEN, ""]), min_size=1, max_size=8),
    n_outputs=st.integers(1, 4),
    seed=st.integers(0, 100),
)
def test_every_word_weighs_the_same(words: list[str], n_outputs: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = {
        "w": draw.normal(size=(702, n_outputs)).astype(np.float32),
        "b": np.zeros(n_outputs, np.float32),
    }
    model = joined(MANY, GEMM, **values)
    result = look_up_categories(model)
    assert isinstance(result, Rewrite)
    assert_close(model, result.model, rows(words))


def test_all_readers_or_none() -> None:
    both = joined(MANY, GEMM, helper.make_node("MatMul", ["j", "w"], ["z"]), **weights(700, 1))
    both.graph.output.append(helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [None, 1]))
    after = look_up_categories(both)
    assert isinstance(after, Rewrite)
    assert "OneHotEncoder" not in op_types(after.model)
    another = joined(MANY, GEMM, helper.make_node("Abs", ["j"], ["z"]), **weights(700, 1))
    another.graph.output.extend(both.graph.output[1:])
    assert "Gemm 'y' stays: Abs 'z' reads its 700 one-hot columns" in refused(another)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (twice(WORDS, 3), "8 one-hot columns are few"),
        (joined(WORDS, trees([(2, 0.5)])), "4 one-hot columns are few"),
        (joined(MANY, trees([(2, 1.5)])), "compared with other numbers than 0 to 1"),
        (joined(MANY, trees([(999, 0.5)])), "tests columns that are not there"),
        (word_model([helper.make_node("Abs", ["x"], ["y"])]), "no column of categories has one-hot columns"),
    ],
    ids=["few for a product", "few for trees", "other thresholds", "other columns", "no words"],
)
def test_what_stays_says_why(model: onnx.ModelProto, reason: str) -> None:
    assert reason in refused(model)


def test_two_opposite_columns_are_one() -> None:
    half = weights(4, 1)
    model = joined(
        WORDS, GEMM, **{name: np.concatenate([-item, item], axis=-1) for name, item in half.items()}
    )
    after = looked_up(model, "LabelEncoder", "Concat", "Gemm", "MatMul")
    assert_close(model, after, rows([*WORDS, UNSEEN]))


def test_a_cast_on_the_way_to_another_reader_is_followed() -> None:
    cast = helper.make_node("Cast", ["j"], ["k"], to=onnx.TensorProto.DOUBLE)
    values = weights(700, 1)
    model = joined(
        MANY, GEMM, cast, helper.make_node("MatMul", ["k", "v"], ["z"]), **values, v=np.float64(values["w"])
    )
    model.graph.output.append(helper.make_tensor_value_info("z", onnx.TensorProto.DOUBLE, [None, 1]))
    result = look_up_categories(model)
    assert isinstance(result, Rewrite)
    assert "OneHotEncoder" not in op_types(result.model)
    assert_close(model, result.model, rows([*MANY[:5], UNSEEN]))


def test_columns_that_are_an_output_stay() -> None:
    model = joined(WORDS, GEMM, **weights(4, 1))
    model.graph.output.append(helper.make_tensor_value_info("j", onnx.TensorProto.FLOAT, [None, 6]))
    assert "an output or a body reads its 4 one-hot columns" in refused(model)


def test_integers_are_looked_up_where_they_are_known_to_be_integers() -> None:
    cast = helper.make_node("Cast", ["first"], ["i"], to=onnx.TensorProto.INT64)
    picked = helper.make_node("Gather", ["x", "zero"], ["first"], axis=1)
    one_hot = helper.make_node("OneHotEncoder", ["i"], ["e"], domain=ML, cats_int64s=[0, 1, 3], zeros=1)
    nodes = [picked, cast, one_hot, flat("e", "h"), helper.make_node("Gemm", ["h", "w", "b"], ["y"])]
    values = {"w": np.float32([[1], [2], [3]]), "b": np.float32([0.5])}
    model = word_model(nodes, zero=np.array([0]), width=np.array([-1, 3]), **values)
    after = looked_up(model, "Gather", "Cast", "LabelEncoder", "Gemm")
    assert_close(model, after, rows(list("abcdef")))


def test_an_older_set_of_operators_is_raised() -> None:
    after = looked_up(joined(WORDS, GEMM, **weights(4, 1)), "LabelEncoder", "Concat", "Gemm")
    older = word_model(
        joined(WORDS, GEMM, **weights(4, 1)).graph.node, ml=1, width=np.array([-1, 4]), **weights(4, 1)
    )
    raised = looked_up(older, "LabelEncoder", "Concat", "Gemm")
    for model in (after, raised):
        assert {item.domain: item.version for item in model.opset_import}[ML] == 2


def test_a_second_run_finds_nothing() -> None:
    once = looked_up(joined(WORDS, GEMM, **weights(4, 1)), "LabelEncoder", "Concat", "Gemm")
    assert "no column of categories" in refused(once)


def test_a_lookup_holds_each_weight_once() -> None:
    model = joined(WORDS, GEMM, **weights(4, 1))
    after = looked_up(model, "LabelEncoder", "Concat", "Gemm")
    held = {item.name: item for item in after.graph.node[0].attribute}
    original = numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "w"))
    np.testing.assert_array_equal(np.float32(held["values_floats"].floats), original[2:, 0])
