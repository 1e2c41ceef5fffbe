"""What a case's record says of the answers, on a forest whose votes tie."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from benchmarks import case
from benchmarks.contenders import Plain
from benchmarks.ratios import ALONE, LOSSLESS
from optimization.verify import FULL, Judge, convert_faithfully
from optimization.verify.gates import Gate


@pytest.fixture(scope="module")
def rows():
    return load_iris().data.astype(np.float32)


@pytest.fixture(scope="module")
def forest(rows):
    return RandomForestClassifier(7, random_state=0).fit(rows, load_iris().target)


@pytest.fixture(scope="module")
def files(forest, rows):
    settled = convert_faithfully(forest, rows, seed=0, budget=FULL)
    judge = Judge(settled.manifest, settled.expected, load_iris().target, Gate())
    return case.Files(settled, judge, {LOSSLESS: settled.content}, LOSSLESS)


@pytest.fixture
def plain(files, forest, monkeypatch):
    """A rival that adds up shares of float32, tree by tree; other tests have registered our converters."""

    def adds_up(session, rows):
        total = np.zeros((len(rows), 3), np.float32)
        for tree in forest.estimators_:
            total += (tree.predict_proba(rows) / len(forest.estimators_)).astype(np.float32)
        return [total.argmax(axis=1), total]

    monkeypatch.setattr(case, "answers", adds_up)
    return Plain(files.by_policy[LOSSLESS])


def test_probabilities_are_counted_by_the_bit(rows, plain, files):
    counts = case.parity(files, plain, plain.content)["probabilities"]
    assert counts["data"]["n"] == 3 * len(rows)
    assert {count["lossless and scikit-learn"] for count in counts.values()} == {0}
    # Sevenths are no float32: whoever adds them up is some last places off.
    assert 0 < counts["data"]["skl2onnx and scikit-learn"] < counts["data"]["n"]
    assert counts["data"]["lossless and skl2onnx"] == counts["data"]["skl2onnx and scikit-learn"]


def test_without_a_rivals_graph_nothing_is_compared_with_it(files):
    found = case.parity(files, Plain(error="no converter"), b"")
    assert found["skl2onnx_wrong"] == found["probabilities"] == found[ALONE] == {}


def test_a_rival_that_ends_with_an_error_has_no_rows_label(files, plain, monkeypatch):
    def fails(session, rows):
        raise RuntimeError("out of range")

    monkeypatch.setattr(case, "answers", fails)
    found = case.parity(files, plain, plain.content)
    assert found["skl2onnx_wrong"]["data"] == [150, 150]
    assert found[ALONE] == {"n_rows": 0, "differ": 0}
    assert found["probabilities"] == {}
