"""What disturbs a measurement is seen, each sign at its limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimization.measure.noise import (
    DRIFT_LIMIT,
    OTHERS_LIMIT,
    TAIL_LIMIT,
    Load,
    Noise,
    Rounds,
    judge_noise,
    others_share,
    read_load,
)

QUIET = Rounds("onnx", 1.0, 1.2, (0.99, 1.0, 1.01))


def test_a_quiet_measurement_is_stable() -> None:
    assert judge_noise([QUIET], 0.02) == Noise()
    assert Noise().sentence == "stable"


@pytest.mark.parametrize(("above", "stable"), [(0.0, True), (1e-6, False)])
def test_each_limit_itself_is_let_pass(above: float, stable: bool) -> None:
    assert judge_noise([QUIET], OTHERS_LIMIT + above).stable is stable
    assert judge_noise([Rounds("a", 1.0, TAIL_LIMIT + above, (1.0,))], None).stable is stable
    high = 1.0 + DRIFT_LIMIT + above
    drifting = Rounds("a", 1.0, 1.0, (*[1.0] * 9, high, high))
    assert judge_noise([drifting], None).stable is stable


def test_the_sentence_names_every_reason() -> None:
    found = judge_noise([QUIET, Rounds("original", 1.0, 3.1, (1.0, 1.0, 3.0))], 0.52)
    assert found.sentence == (
        "unstable: other processes had 52% of the processors; p95/p50 of original = 3.1;"
        " original drifts by 160%"
    )


def test_what_this_process_did_itself_is_not_held_against_it() -> None:
    before = Load(busy_s=100.0, total_s=1000.0, own_s=10.0)
    assert others_share(before, Load(110.0, 1020.0, 20.0)) == 0.0
    assert others_share(before, Load(120.0, 1020.0, 20.0)) == pytest.approx(0.5)
    assert others_share(before, before) is None
    assert others_share(None, before) is None


def test_the_kernels_line_is_read_and_its_absence_is_no_error(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    assert read_load(stat) is None
    stat.write_text("cpu nonsense")
    assert read_load(stat) is None
    stat.write_text("cpu  100 100 100 600 100 0 0 100 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    found = read_load(stat)
    assert found is not None
    assert found.busy_s == pytest.approx(4 / 11 * found.total_s)
