"""A terminal gets a live bar, a log gets whole lines."""

import io
import threading

import pytest
from rich.console import Console

from optimization.report import progress
from optimization.report.console import open_console
from optimization.report.progress import bar, stage, times


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal():
    return Console(file=Terminal(), width=80, force_terminal=True, _environ={"TERM": "xterm"})


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(progress, "monotonic", lambda: Clock.now)
    return Clock


def test_a_log_gets_one_line_when_work_begins_and_one_when_it_ends(clock):
    log = io.StringIO()
    with stage(open_console(log), "Converting"):
        clock.now += 1.25
    assert log.getvalue() == "Converting ...\nConverting: done in 1.2 s\n"


def test_a_log_gets_a_line_every_few_seconds(clock):
    log = io.StringIO()
    with bar(open_console(log), "Measuring") as tick:
        for done in range(1, 13):
            clock.now += 1
            tick(done, 20, "onnx, one row")
    assert log.getvalue().splitlines() == [
        "Measuring ...",
        "Measuring: 25 %, 5.0 s elapsed, 15 s left (onnx, one row)",
        "Measuring: 50 %, 10 s elapsed, 10 s left (onnx, one row)",
        "Measuring: done in 12 s",
    ]


@pytest.mark.parametrize("show", [stage, bar])
def test_work_that_fails_is_not_called_done(show, clock):
    log = io.StringIO()
    with pytest.raises(RuntimeError, match="no"), show(open_console(log), "Converting"):
        clock.now += 2
        raise RuntimeError("no")
    assert log.getvalue().splitlines()[-1] == "Converting: failed after 2.0 s"


def test_forced_colours_do_not_make_a_log_a_terminal(monkeypatch, clock):
    monkeypatch.setenv("FORCE_COLOR", "1")
    log = io.StringIO()
    with bar(open_console(log), "Measuring") as tick:
        tick(1, 2, "a")
    assert "\x1b[?25l" not in log.getvalue()
    assert "\r" not in log.getvalue()


def test_a_dumb_terminal_gets_plain_lines():
    console = Console(file=Terminal(), force_terminal=True, _environ={"TERM": "dumb"})
    with bar(console, "Measuring") as tick:
        tick(1, 2, "a")
    assert console.file.getvalue().startswith("Measuring ...\n")


def test_a_terminal_shows_share_times_and_what_is_measured_in_one_line(terminal, clock):
    with bar(terminal, "Measuring") as tick:
        clock.now += 1
        tick(9, 20, "quantized, batch of 1,024")
    shown = terminal.file.getvalue()
    assert "45 %" in shown
    assert "elapsed" in shown
    assert "left" in shown
    assert "quantized, batch of 1,024" in shown
    assert all(line.count("\n") == 0 for line in shown.split("Measuring ")[1:-1])
    assert shown.endswith("Measuring: done in 1.0 s\n")


def test_the_bar_is_not_redrawn_for_every_tick(terminal, clock):
    with bar(terminal, "Measuring") as tick:
        drawn = []
        for done in range(50):
            tick(done, 100, f"call-{done:03d}")
            drawn.append(terminal.file.getvalue().count("call-"))
            clock.now += 0.01
    assert max(drawn) == drawn[-1] <= 5


def test_no_thread_runs_beside_a_measurement(terminal):
    before = threading.active_count()
    with bar(terminal, "Measuring") as tick:
        tick(1, 2, "a")
        assert threading.active_count() == before


def test_a_stage_on_a_terminal_ends_in_one_line(terminal):
    with stage(terminal, "Converting"):
        pass
    assert terminal.file.getvalue().splitlines()[-1].endswith("Converting: done in 0.0 s")


def test_remaining_time_assumes_the_same_pace():
    assert times(done=1, total=4, elapsed_s=2.0) == "2.0 s elapsed, 6.0 s left"
    assert times(done=0, total=4, elapsed_s=2.0) == "2.0 s elapsed"
    assert times(done=0, total=None, elapsed_s=2.0) == "2.0 s elapsed"


def test_no_more_is_left_than_the_budget_has():
    assert times(done=1, total=10, elapsed_s=3.0, budget_s=20) == "3.0 s of 20 s, 17 s left"
    assert times(done=9, total=10, elapsed_s=9.0, budget_s=20) == "9.0 s of 20 s, 1.0 s left"
    assert times(done=1, total=10, elapsed_s=21.0, budget_s=20) == "21 s of 20 s, 0.0 s left"


def test_a_budget_is_shown_with_the_bar(terminal, clock):
    log = io.StringIO()
    for console in (terminal, open_console(log)):
        with bar(console, "Measuring", budget_s=20.0) as tick:
            clock.now += 6
            tick(1, 10, "quantized, batch of 1,024")
    assert "Measuring: 10 %, 6.0 s of 20 s, 14 s left (quantized, batch of 1,024)" in log.getvalue()
    shown = terminal.file.getvalue()
    assert "━" in shown.split("10 %")[0].split("Measuring")[-1]
    assert "6.0 s of 20 s, 14 s left quantized, batch of 1,024" in shown
