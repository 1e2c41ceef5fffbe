"""Settings are kept only where they win, answer alike, and use no more than there is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from flavor.quantized_onnx_v1.manifest import Manifest, Session
from optimization.convert import convert
from optimization.measure import timing, tuning
from optimization.measure.noise import Noise
from optimization.measure.speedup import SpeedUp
from optimization.measure.tuning import Tried, decide, grid, joined, tune

ROWS, LABELS = load_iris(return_X_y=True)
BUSY = Noise(("other processes had 50% of the processors",))


@pytest.fixture(scope="module")
def model() -> tuple[bytes, Manifest]:
    made = convert(LogisticRegression(max_iter=1000).fit(ROWS, LABELS), ROWS)
    return made.model.SerializeToString(), made.manifest


def tried(changes: Mapping[str, Any], ratio: float, race: str = "all") -> Tried:
    found = SpeedUp(ratio, 0.97 * ratio, 1.03 * ratio)
    return Tried(changes, race, 1 / ratio, found, found.verdict(stable=True))


ONE = {"intra_op_num_threads": 1}
PATIENT = {"allow_spinning": False}
BARE = {"enable_cpu_mem_arena": False}
BASIC = {"graph_optimization_level": "basic"}


@pytest.mark.parametrize("n_cpus", [1, 2, 3, 4, 7, 8, 64])
def test_no_setting_uses_more_threads_than_there_are_processors(n_cpus: int) -> None:
    for changes in grid(n_cpus):
        threads = changes.get("intra_op_num_threads", n_cpus) * changes.get("inter_op_num_threads", 1)
        assert 1 <= threads <= n_cpus
    assert len({str(changes) for changes in grid(n_cpus)}) == len(grid(n_cpus))


def test_with_one_processor_there_are_no_threads_to_tune() -> None:
    keys = {key for changes in grid(1) for key in changes}
    assert keys == {"graph_optimization_level", "enable_cpu_mem_arena", "enable_mem_pattern"}
    assert {"execution_mode", "allow_spinning", *keys} < {key for changes in grid(2) for key in changes}


def test_what_wins_alone_is_joined_and_of_two_that_clash_the_faster_stays() -> None:
    assert joined([tried(ONE, 0.9), tried(BARE, 1.02)]) == []
    assert joined([tried(ONE, 1.5), tried(BARE, 1.01)]) == [ONE]
    assert joined([tried(BARE, 1.2), tried(ONE, 1.5)]) == [ONE, {**ONE, **BARE}]
    assert joined([tried(ONE, 1.2), tried(PATIENT, 1.3), tried(BASIC, 1.1)]) == [
        PATIENT,
        {**PATIENT, **BASIC},
    ]
    assert joined([tried(ONE, 1.2), tried(PATIENT, 1.3)]) == [PATIENT]


def test_the_defaults_stay_unless_they_are_beaten_outside_the_interval() -> None:
    assert decide([], Noise())[0] == {}
    assert decide([tried(ONE, 1.02, "final")], Noise())[0] == {}
    changes, reason = decide([tried(ONE, 1.2, "final")], Noise())
    assert changes == ONE
    assert reason == "1.20× [1.16, 1.24] as fast as the defaults"


def test_of_two_that_are_level_the_one_with_fewer_changes_wins() -> None:
    both = {**ONE, **BARE}
    assert decide([tried(ONE, 1.20), tried(both, 1.22)], Noise())[0] == ONE
    assert decide([tried(ONE, 1.20), tried(both, 1.40)], Noise())[0] == both


def test_a_disturbed_race_changes_nothing() -> None:
    changes, reason = decide([tried(ONE, 1.5, "final")], BUSY)
    assert changes == {}
    assert reason.startswith("the final race was disturbed (other processes had 50% of the processors)")


def test_a_setting_that_changes_an_answer_or_cannot_open_is_not_timed(model: tuple[bytes, Manifest]) -> None:
    content, manifest = model
    expected = tuning.answers(tuning.Predictor(content, manifest), ROWS)
    assert tuning.objection(content, manifest, BASIC, ROWS, expected) == ""
    wrong = {**expected, "predict_proba": np.nextafter(expected["predict_proba"], 2)}
    assert tuning.objection(content, manifest, BASIC, ROWS, wrong) == "predict_proba answers otherwise"
    assert "expected execution_mode" in tuning.objection(
        content, manifest, {"execution_mode": "fast"}, ROWS, expected
    )


class Sleeper:
    """A predictor whose calls take as long as its settings say."""

    seconds: Mapping[str, float] = {"enable_cpu_mem_arena": 0.001, "graph_optimization_level": 0.05}
    methods = ("predict",)

    def __init__(self, content: bytes, manifest: Manifest, *, session: Mapping[str, Any]) -> None:
        self.taken = max((self.seconds.get(key, 0.003) for key in session), default=0.003)

    def predict(self, rows: Any, method: str = "predict") -> Any:
        time.sleep(self.taken)
        return np.zeros(len(rows))


@pytest.fixture
def sleepers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "Predictor", Sleeper)
    monkeypatch.setattr(tuning, "BUDGET_S", 0.5)
    monkeypatch.setattr(timing, "judge_noise", lambda *_: Noise())


@pytest.mark.parametrize("target", ["latency", "throughput"])
@pytest.mark.usefixtures("sleepers")
def test_the_winner_becomes_the_sessions_default(model: tuple[bytes, Manifest], target: str) -> None:
    found = tune(*model, ROWS, target=target, n_cpus=1)
    assert found.changes == BARE
    assert found.session == Session(enable_cpu_mem_arena=False)
    final = [item for item in found.tries if item.race == "final"]
    assert [item.changes for item in final] == [{}, BARE]
    assert final[1].verdict == "faster"
    slow = [item for item in found.tries if item.changes == BASIC]
    assert [item.reason for item in slow] == ["more than 5 times as slow as the defaults at a first look"]
    assert found.seconds_measuring > 0


@pytest.mark.usefixtures("sleepers")
def test_where_nothing_wins_there_is_no_final_race(
    model: tuple[bytes, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sleeper, "seconds", {})
    found = tune(*model, ROWS, target="latency", n_cpus=1)
    assert (found.changes, found.session) == ({}, Session())
    assert {item.race for item in found.tries} == {"all"}
    assert {item.verdict for item in found.tries} == {"defaults", "equal"}


def test_each_call_gets_one_row_or_a_batch() -> None:
    assert {item.shape for item in tuning.inputs_of(ROWS, "latency")} == {(1, 4)}
    assert {item.shape for item in tuning.inputs_of(ROWS, "throughput")} == {(1024, 4)}
