"""Peers: what they apply to, what their answers mean, and a page that names the quickest whoever it is.

In: estimators and records made up here; no peer is installed.
Out: failures that name the reason, the ratio or the cell.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.peers import compiled, intel, listing, own, page, ranking
from benchmarks.peers.case import ask_all, differing
from benchmarks.peers.peer import Opened, Peer, PeerError, most_probable
from benchmarks.processes import run_module
from optimization.measure.records import Contender
from optimization.verify import Expected

ROWS = np.array([[0.0], [1.0], [2.0]])
ONE_ROW_1, ONE_ROW_ALL, BATCH_1, BATCH_ALL = ranking.VIEWS


def record(**changes: Any) -> dict[str, Any]:
    """A forest where this project leads with one row, and the Intel extension in a batch."""
    times = {
        "scikit-learn": (4.0, 20.0),
        "scikit-learn, n_jobs": (8.0, 12.0),
        "this project": (0.01, 6.0),
        "this project, pyfunc": (0.04, 6.0),
        "TL2cgen": (0.02, 12.0),
        "Intel extension": (0.5, 3.0),
        "mlflow.onnx": (0.02, 9.0),
    }
    taken = {name: {"one_row_ms": one, "batch_ms": many} for name, (one, many) in times.items()}
    right = {"data": [0, 1797], "boundary": [0, 20], "threshold": [0, 20_000]}
    return {
        "case": "forest/digits",
        "registered": "lossless",
        "threads": 2,
        "batch": 1797,
        "times": {"1": taken, "2": taken},
        "noise": {"1": [], "2": ["p95/p50 = 3.1"]},
        "labels": dict.fromkeys(times, right),
        "notes": {"TL2cgen": "the same trees", "this project": "the registered file"},
        "reasons": {},
        **changes,
    }


def page_of(*records: dict[str, Any]) -> str:
    peers = {"tl2cgen": "9.9"}
    return page.as_markdown(
        {"records": records, "date": "2026-01-02", "description": "a machine", "peers": peers}
    )


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (RandomForestClassifier(), ""),
        (GradientBoostingClassifier(), ""),
        (HistGradientBoostingClassifier(), ""),
        (SVC(), "compiles trees only, not SVC"),
        (make_pipeline(StandardScaler(), MLPClassifier()), "compiles trees only, not MLPClassifier"),
        (make_pipeline(StandardScaler(), RandomForestClassifier()), "compiles no Pipeline"),
    ],
)
def test_tl2cgen_compiles_bare_trees_only(estimator: Any, reason: str) -> None:
    assert compiled.refuse(estimator) == reason


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (RandomForestClassifier(), ""),
        (GradientBoostingClassifier(), ""),
        (make_pipeline(StandardScaler(), LogisticRegression()), ""),
        (make_pipeline(StandardScaler(), GradientBoostingClassifier()), "reads no Pipeline"),
        (MLPClassifier(), "has no MLPClassifier"),
    ],
)
def test_the_intel_extension_fits_some_estimators_and_reads_boosted_trees(
    estimator: Any, reason: str
) -> None:
    assert intel.refuse(estimator) == reason


def test_scikit_learn_is_asked_with_n_jobs_only_where_it_has_such_a_setting() -> None:
    assert own.refuse_jobs(RandomForestClassifier()) == ""
    assert own.refuse_jobs(SVC()) == "has no n_jobs"


def test_every_name_listed_is_a_case_of_the_suite() -> None:
    assert {case.name for case in listing.CASES} == set(listing.NAMES)


def test_labels_come_from_the_largest_probability_or_the_second_class_alone() -> None:
    classes = np.array(["a", "b"])
    both = most_probable(np.array([[[0.9, 0.1]], [[0.2, 0.8]]]), classes)
    second = most_probable(np.array([[[0.1]], [[0.8]]]), classes)
    assert both.tolist() == second.tolist() == ["a", "b"]


def opened(labels: Callable[[Any], Any]) -> Opened:
    return Opened(Contender("peer", labels), labels)


def test_rows_with_another_label_are_counted_by_kind_and_an_error_stands_in_their_place() -> None:
    def answer(rows: Any) -> Any:
        if not np.isfinite(rows).all():
            raise ValueError("no\nNaN")
        return (rows[:, 0] > 0).astype(int)

    expected = [
        Expected("data", ROWS, {"predict": np.array([0, 1, 0])}, discrete=True),
        Expected("boundary", ROWS, {"predict": np.array([0, 1, 1])}, discrete=True),
        Expected("boundary", ROWS[:1], {"predict": np.array([1])}, discrete=True),
        Expected("threshold", ROWS * np.nan, {"predict": np.array([0, 1, 1])}, discrete=True),
        Expected("edge", ROWS, {"predict": np.array([5, 5, 5])}, discrete=True),
    ]
    assert differing(opened(answer), expected) == {
        "data": [1, 3],
        "boundary": [1, 4],
        "threshold": "ValueError: no NaN",
    }


def test_a_peer_that_fails_is_a_reason_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise PeerError("gcc: not done after 180 seconds")

    def peer(name: str, refuse: str, make: Callable[[Any], Any]) -> Peer:
        zeros = opened(lambda rows: np.zeros(len(rows), dtype=int))
        return Peer(name, lambda _: refuse, make, lambda *_: zeros, lambda *_: "made")

    peers = (peer("a", "", lambda _: "a model"), peer("b", "", fail), peer("c", "has no such", fail))
    monkeypatch.setattr("benchmarks.peers.case.OWN", ())
    monkeypatch.setattr("benchmarks.peers.case.PEERS", peers)

    subject: Any = SimpleNamespace(fitted=SimpleNamespace(estimator=SVC()))
    expected = [Expected("data", ROWS, {"predict": np.zeros(3, dtype=int)}, discrete=True)]
    found, models = ask_all(subject, expected)
    assert found["reasons"] == {"b": "gcc: not done after 180 seconds", "c": "has no such"}
    assert found["notes"] == {"a": "made"} and found["labels"] == {"a": {"data": [0, 3]}}
    assert models == {"a": "a model"}


def test_a_pyfunc_is_compared_with_a_pyfunc_and_the_rest_with_the_predictor() -> None:
    assert ranking.ratio(record(), ONE_ROW_1, "mlflow.onnx") == 0.02 / 0.04
    assert ranking.ratio(record(), ONE_ROW_1, "TL2cgen") == 0.02 / 0.01


def test_scikit_learn_counts_at_its_better_setting() -> None:
    assert ranking.ratio(record(), ONE_ROW_ALL, "scikit-learn") == 4.0 / 0.01
    assert ranking.ratio(record(), BATCH_ALL, "scikit-learn") == 12.0 / 6.0


def test_the_quickest_is_named_whoever_it_is() -> None:
    assert ranking.quickest(record(), ONE_ROW_1) == "this project"
    assert ranking.quickest(record(), BATCH_1) == "**Intel extension** 2×"


def with_file_for(objective: str) -> dict[str, Any]:
    """A record with one more file of this project, quicker than the registered one in every figure."""
    name, two = f"this project, {objective}", record()
    for taken in two["times"].values():
        taken[name] = {"one_row_ms": 0.001, "batch_ms": 1.0}
    two["labels"][name] = two["labels"]["this project"]
    return two


def test_in_batches_this_project_is_the_quicker_of_two_files() -> None:
    two = with_file_for("throughput")
    assert ranking.quickest(two, BATCH_1) == "this project, throughput"
    assert ranking.quickest(two, ONE_ROW_1) == "this project"
    assert ranking.ratio(two, BATCH_1, "Intel extension") == 3
    assert ranking.ratio(two, ONE_ROW_1, "TL2cgen") == 2
    assert "| forest/digits | 1 | 12 | 12 | 3 | 1.5 |" in page_of(two)


def test_for_one_row_this_project_is_the_quicker_of_two_files() -> None:
    two = with_file_for("latency")
    assert ranking.quickest(two, ONE_ROW_1) == "this project, latency"
    assert ranking.quickest(two, BATCH_1) == "**Intel extension** 2×"
    assert ranking.ratio(two, ONE_ROW_1, "TL2cgen") == pytest.approx(20)


@pytest.mark.parametrize("peer", [own.LATENCY, own.THROUGHPUT])
def test_without_another_file_for_an_objective_there_is_no_such_contender(peer: Any) -> None:
    objective = peer.name.removeprefix("this project, ")
    with pytest.raises(PeerError, match=f"has no other file for {objective}"):
        peer.make(SimpleNamespace(by_objective={}))
    assert peer.make(SimpleNamespace(by_objective={objective: b"model"})) is None


def test_a_lead_within_noise_is_nobodys() -> None:
    close = record()
    close["times"]["1"]["Intel extension"]["batch_ms"] = 5.9
    assert ranking.quickest(close, BATCH_1) == "this project and Intel extension"


@pytest.mark.parametrize(("name", "view"), [("Intel extension", BATCH_1), ("this project", ONE_ROW_1)])
def test_wrong_labels_stand_beside_the_quickest(name: str, view: ranking.View) -> None:
    wrong = record()
    wrong["labels"] = {**wrong["labels"], name: {"data": [12, 1797]}}
    assert ranking.quickest(wrong, view).endswith(" (12 of 1,797 labels differ)")


def test_the_page_shows_ratios_labels_notes_and_reasons() -> None:
    without = record(case="mlp/digits", reasons={"TL2cgen": "compiles trees only, not MLPClassifier"})
    for times in without["times"].values():
        times.pop("TL2cgen", None)
    without["labels"] = {**without["labels"], "mlflow.onnx": {"data": "ValueError: no NaN"}}
    without["labels"].pop("TL2cgen")
    text = page_of(record(), without, {"case": "svc_rbf/digits", "error": "not faithful"})
    assert "Measured on 2026-01-02: a machine; tl2cgen 9.9." in text
    assert (
        "| forest/digits | lossless | this project | this project | **Intel extension** 2× | **Intel" in text
    )
    assert "| forest/digits | 0.01 | 400 | 2 | 50 | 0.5 |" in text
    assert "| mlp/digits | 0.01 | 400 | – | 50 | 0.5 |" in text
    assert "| geometric mean |  | 400 | 2 | 50 | 0.5 |" in text
    assert "data 0 of 1,797; boundary 0 of 20; threshold 0 of 20,000" in text
    assert "| forest/digits | 2 | p95/p50 = 3.1 |" in text and "| forest/digits | 1 |" not in text
    assert "| forest/digits | TL2cgen | the same trees |" in text
    assert "| mlp/digits | TL2cgen | compiles trees only, not MLPClassifier |" in text
    assert "| mlp/digits | mlflow.onnx, data rows | ValueError: no NaN |" in text
    assert "| svc_rbf/digits | all | not faithful |" in text


def test_a_page_without_measured_cases_says_so() -> None:
    assert "| svc_rbf/digits | all | not faithful |" in page_of(
        {"case": "svc_rbf/digits", "error": "not faithful"}
    )


def test_a_module_that_takes_too_long_is_ended_and_one_that_fails_says_why() -> None:
    assert run_module("timeit", "-n1", "-r1", "-s", "import time", "time.sleep(30)", seconds=1) == (
        "timeit: not done after 1 seconds"
    )
    assert "No module named" in run_module("benchmarks.no_such_module")
    assert run_module("timeit", "-n1", "-r1", "pass") == ""
