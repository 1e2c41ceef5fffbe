"""Every variant is judged on the same rows by the same bounds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from optimization.verify import AGAIN, Gate, expected_answers, hard_rows, settle
from optimization.verify.judge import Judge
from tests.convert.examples import IRIS, SEED, SPECIES
from tests.verify.helpers import fitted, spoil


@pytest.fixture(scope="module")
def case() -> tuple[Judge, bytes, bytes]:
    estimator, converted = fitted(LogisticRegression(max_iter=500), IRIS, SPECIES)
    result = settle(converted, estimator, IRIS, seed=SEED)
    expected = expected_answers(estimator, result.manifest, IRIS, seed=SEED)
    judge = Judge(result.manifest, expected, SPECIES, Gate())
    wrong = spoil(converted, "probabilities", by=0.25).model.SerializeToString()
    return judge, result.content, wrong


def test_the_right_file_passes_with_its_figures(case: tuple[Judge, bytes, bytes]) -> None:
    judge, right, _ = case
    verdict = judge.verdict(right, lossless=True)
    assert verdict.passed
    assert verdict.figures["label_mismatches"] == 0.0
    assert (
        verdict.figures["accuracy"]
        == judge.scores(None)["accuracy"]
        == np.mean(judge.expected[0].answers["predict"] == SPECIES)
    )


def test_wrong_scores_fail_a_lossless_file_and_a_quantized_one_that_keeps_its_labels(
    case: tuple[Judge, bytes, bytes],
) -> None:
    judge, right, wrong = case
    assert not judge.verdict(wrong, lossless=True).passed
    found = judge.verdict(wrong, lossless=False)
    assert found.figures["label_mismatches"] == 0
    assert found.reason.startswith("r2 of predict_proba against the original's is 0.")
    assert judge.verdict(right, lossless=False).passed


def test_without_a_target_there_are_no_metrics(case: tuple[Judge, bytes, bytes]) -> None:
    judge, right, _ = case
    blind = dataclasses.replace(judge, target=None)
    assert blind.scores(right) == {}
    assert "accuracy" not in blind.verdict(right, lossless=True).figures


def test_a_boundary_that_moved_is_counted_for_changed_values_and_fails_a_lossless_file() -> None:
    estimator, converted = fitted(DecisionTreeClassifier(max_depth=2, random_state=0), IRIS, SPECIES)
    manifest = dataclasses.replace(converted.manifest, nan_columns=())
    hard = hard_rows(estimator, manifest, IRIS, seed=SEED, budget=AGAIN)
    judge = Judge(
        manifest, expected_answers(estimator, manifest, IRIS, seed=SEED), SPECIES, Gate(), hard=hard
    )
    (values,) = [a for n in converted.model.graph.node for a in n.attribute if a.name == "nodes_values"]
    values.floats[0] = np.nextafter(np.float32(values.floats[0]), np.float32(np.inf))
    moved = converted.model.SerializeToString()
    changed = judge.verdict(moved, lossless=False)
    assert changed.passed
    assert changed.figures["label_mismatches"] == 0.0
    assert changed.figures["boundary_label_mismatches"] > 0.0
    assert "rows differ" in judge.verdict(moved, lossless=True).reason
