"""Forms of tree ensembles: each answers as the estimator, on thresholds too, or says why it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)

from benchmarks.datasets import load
from benchmarks.tree_forms import bit_vectors, boxes, forms, nested, operators, page, parts, timing, words
from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.convert import convert
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.read import is_tree_operator, read_ensemble

ESTIMATORS = {
    "shallow": lambda: GradientBoostingClassifier(n_estimators=12, random_state=0),
    "votes": lambda: RandomForestClassifier(15, max_depth=4, random_state=0),
    "float64": lambda: HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=12, random_state=0),
}
TOLERANCE = 1e-6
"""Of scores: sums of at most 15 leaves in float32."""


def _tree_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if is_tree_operator(node)]


def _ensembles(model: onnx.ModelProto) -> list[Ensemble]:
    found = [read_ensemble(node) for node in _tree_nodes(model)]
    assert not any(isinstance(item, str) for item in found)
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module", params=ESTIMATORS)
def case(request: pytest.FixtureRequest) -> tuple[Any, onnx.ModelProto, np.ndarray]:
    """An estimator, its graph, and rows: data, and values on thresholds and beside them."""
    data = load("iris")
    estimator = ESTIMATORS[request.param]().fit(data.features, data.target)
    model = convert(estimator, data.features).model
    (ensemble,) = _ensembles(model)
    dtype = ensemble.threshold.dtype
    rng = np.random.default_rng(0)
    rows = data.features[rng.integers(0, len(data.features), 3 * ensemble.n_nodes)].astype(dtype)
    on = np.tile(ensemble.threshold, 3)
    towards = np.repeat(np.array([0, -np.inf, np.inf], dtype), ensemble.n_nodes)
    values = np.where(towards == 0, on, np.nextafter(on, towards))
    rows[np.arange(len(rows)), np.tile(ensemble.feature, 3)] = values
    return estimator, model, np.concatenate([data.features.astype(dtype), rows])


def _answers(model: onnx.ModelProto, rows: np.ndarray) -> list[np.ndarray]:
    session = open_session(model.SerializeToString(), Session(intra_op_num_threads=1))
    (source,) = session.get_inputs()
    return session.run(["label", "probabilities"], {source.name: rows})


@pytest.mark.parametrize("name", forms.FORMS)
def test_a_form_answers_as_the_estimator_on_data_and_on_thresholds(name, case):
    estimator, model, rows = case
    written = forms.write_form(model, forms.FORMS[name])
    assert not isinstance(written, str), written
    onnx.checker.check_model(written)
    label, scores = _answers(written, rows)
    assert (label == estimator.predict(rows)).all()
    assert np.abs(scores - estimator.predict_proba(rows)).max() <= TOLERANCE


def test_trees_of_more_than_32_leaves_fit_into_64_bits():
    data = load("iris")
    target = np.random.default_rng(0).integers(0, 3, len(data.features))
    forest = RandomForestClassifier(5, max_leaf_nodes=50, random_state=0).fit(data.features, target)
    model = convert(forest, data.features).model
    (ensemble,) = _ensembles(model)
    assert bit_vectors.width_of(boxes.read_boxes(ensemble)) == 64
    written = forms.write_form(model, forms.FORMS["sets of leaves, bits"])
    rows = data.features.astype(np.float32)
    assert np.abs(_answers(written, rows)[1] - forest.predict_proba(rows)).max() <= TOLERANCE


@pytest.mark.parametrize("name", forms.FORMS)
def test_one_row_and_none_are_answered_too(name, case):
    estimator, model, rows = case
    written = forms.write_form(model, forms.FORMS[name])
    for n_rows in (0, 1):
        label, scores = _answers(written, rows[:n_rows])
        assert label.shape == (n_rows,) and scores.shape == (n_rows, 3)
    assert label[0] == estimator.predict(rows[:1])[0]


def test_matrices_words_and_traversal_leave_no_tree_operator(case):
    _, model, _ = case
    for name in ("matrices, float32", "matrices, int8", "words of 8 tests", "words of 14 tests"):
        written = forms.write_form(model, forms.FORMS[name])
        assert not isinstance(written, str) and not _tree_nodes(written)


def test_sets_of_leaves_keep_one_tree_per_feature_for_ranks(case):
    _, model, _ = case
    written = forms.write_form(model, forms.FORMS["sets of leaves, bytes"])
    (ranks,) = _ensembles(written)
    tested = {int(f) for item in _ensembles(model) for f in item.feature[~item.leaf]}
    assert ranks.n_trees == len(tested)


def test_each_row_lies_in_one_box_of_each_tree(case):
    _, model, rows = case
    (ensemble,) = _ensembles(model)
    found = boxes.read_boxes(ensemble)
    for row in rows[:: len(rows) // 50]:
        ranks = [
            np.searchsorted(values, row[column])
            for column, values in zip(found.features, found.thresholds, strict=True)
        ]
        inside = ((found.low <= ranks) & (ranks <= found.high)).all(axis=1)
        assert (np.bincount(found.tree[inside], minlength=ensemble.n_trees) == 1).all()


def test_trees_survive_being_read_and_written(case):
    _, model, _ = case
    (ensemble,) = _ensembles(model)
    written = nested.write_trees(nested.read_trees(ensemble), ensemble)
    again = nested.write_trees(nested.read_trees(written), written)
    for name in ("tree", "mode", "feature", "threshold", "true", "false", "first", "target", "weight"):
        assert (getattr(written, name) == getattr(again, name)).all(), name
    assert written.n_nodes == ensemble.n_nodes and sorted(written.weight) == sorted(ensemble.weight)


def test_padded_leaves_are_equally_deep(case):
    _, model, _ = case
    (ensemble,) = _ensembles(model)
    deepest = max(map(nested.depth, nested.read_trees(ensemble)))

    def depths(tree: nested.Tree) -> set[int]:
        if isinstance(tree, nested.Leaf):
            return {0}
        # Beside a test x ≤ ∞ stands a leaf that only NaN reaches.
        children = [tree.true] if tree.threshold == np.inf else [tree.true, tree.false]
        return {1 + below for child in children for below in depths(child)}

    padded = operators.pad(ensemble)
    assert set.union(*map(depths, nested.read_trees(padded))) == {deepest}


@pytest.mark.parametrize("most", [1, 64, 512])
def test_united_trees_are_fewer_and_no_larger_than_asked(case, most):
    _, model, _ = case
    (ensemble,) = _ensembles(model)
    united = operators.unite(ensemble, most)
    before = np.bincount(ensemble.tree[ensemble.leaf]).max()
    assert np.bincount(united.tree[united.leaf]).max() <= max(most, before)
    assert (united.n_trees < ensemble.n_trees) == (most > 1)


@pytest.mark.parametrize("width", [8, 14])
def test_a_word_holds_all_tests_of_its_leaves(case, width):
    _, model, _ = case
    (ensemble,) = _ensembles(model)
    found = boxes.read_boxes(ensemble)
    made, wants = words.make_words(found, width), found.wants()
    for leaf, column in enumerate(wants.T):
        asked = [(made.care[leaf] >> bit & 1, made.wanted[leaf] >> bit & 1) for bit in range(width)]
        tests = made.test[made.word[leaf]]
        known = {int(test): bool(want) for test, (care, want) in zip(tests, asked, strict=True) if care}
        assert known == {int(test): bool(column[test] > 0) for test in np.flatnonzero(column)}


def test_digits_of_weights_are_exact_to_float32():
    weights = np.random.default_rng(0).normal(size=(200, 3)) * [1e-3, 1, 50]
    digits, scale = parts.to_digits(weights)
    assert digits.dtype == np.int8 and digits.shape == (200, 12)
    limit = np.spacing(np.float32(np.abs(weights).max()))
    assert np.abs(digits.astype(np.float64) @ scale.astype(np.float64) - weights).max() <= limit


def test_whole_numbers_are_digits_as_they_are():
    digits, scale = parts.to_digits(np.array([[1.0, -128.0], [0.0, 127.0]]))
    assert digits.tolist() == [[1, -128], [0, 127]] and not scale.size


def test_trees_with_too_many_leaves_or_tests_are_refused_with_the_numbers():
    data = load("digits")
    forest = RandomForestClassifier(3, random_state=0).fit(data.features, data.target)
    model = convert(forest, data.features).model
    expected = {
        "words of 8 tests": "expected at most 8 tests of a leaf, found",
        "sets of leaves, bits": "expected at most 64 leaves of a tree, found",
        "padded leaves": "expected at most 9 levels of a tree, found",
    }
    for name, reason in expected.items():
        assert forms.write_form(model, forms.FORMS[name]).startswith(reason)


def test_what_no_form_can_be_made_of_is_refused():
    data = load("breast_cancer")
    forest = RandomForestClassifier(3, random_state=0).fit(data.features, data.target)
    boosted = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1000)
    boosted.fit(data.features, data.target)
    expected = {forest: "a classifier of two classes", boosted: "a tree is a single leaf"}
    for estimator, reason in expected.items():
        model = convert(estimator, data.features).model
        assert all(forms.write_form(model, form).startswith(reason) for form in forms.FORMS.values())


def test_a_wrong_label_makes_the_difference_infinite():
    data = load("iris")
    estimator = ESTIMATORS["votes"]().fit(data.features, data.target)
    content = convert(estimator, data.features).model.SerializeToString()
    other = RandomForestClassifier(2, max_depth=1, random_state=1).fit(data.features, data.target)
    file = timing.File(content)
    assert timing.difference(file, timing.Fitted(estimator, data.features, data.target)) <= TOLERANCE
    assert timing.difference(file, timing.Fitted(other, data.features, data.target)) == float("inf")


def test_two_operators_run_at_the_same_time_in_a_session_of_their_own(case):
    estimator, model, rows = case
    written = forms.write_form(model, forms.FORMS["two operators, parallel"])
    contender = timing.of_session("", written.SerializeToString(), n_threads=2, parallel=True)
    answered = contender.predict(contender.prepare(rows))
    assert (answered[0] == estimator.predict(rows)).all()


def test_the_page_shows_times_ratios_and_reasons():
    one = {"one_row_ms": 0.008, "batch_ms": 1.0, "many_rows_ms": 20.0}
    form = {"one_row_ms": 0.02, "batch_ms": 0.25, "many_rows_ms": 5.0}
    record = {
        "case": "forest/iris",
        "bytes": {"skl2onnx": 80_000, "lossless": 7_000, "words of 8 tests": 13_000},
        "load_ms": {"skl2onnx": 1.0, "lossless": 1.0, "words of 8 tests": 9.0},
        "refused": {"perfect traversal": "expected at most 4 levels of a tree, found 9"},
        "wrong": {"united, 64 leaves": float("inf"), "padded leaves": 0.5},
        "times": {"1": {"skl2onnx": {**one, "batch_ms": 2.0}, "lossless": one, "words of 8 tests": form}},
        "noise": {"1": ["other programs took 20 % of the processors"]},
    }
    failed = {"case": "forest/wine", "error": "it broke"}
    results = {"records": [record, failed], "date": "2026-01-02", "description": "a machine"}
    text = page.as_markdown(results)
    assert "| forest/iris | words of 8 tests | 8.00 | 4.00 | 13.0 | 7.0 | 20.0 | 8.0 |" in text
    assert (
        "| forest/iris | words of 8 tests | 13.0 | 9.0 | 20.0 | 0.250 | 8.00 | 4.00 | 5.000 | 4.00 | 4.00 |"
        in text
    )
    assert "| forest/iris | perfect traversal | expected at most 4 levels of a tree, found 9 |" in text
    assert "| forest/iris | united, 64 leaves | wrong labels |" in text
    assert "| forest/iris | padded leaves | wrong: scores differ by 0.5 |" in text
    assert "| forest/wine | all | it broke |" in text
    assert "Measured on 2026-01-02: a machine." in text
