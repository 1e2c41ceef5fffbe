"""A measurement stays within its time budget, and its record says what that cost.

The clock is one that only the contenders move; one test sleeps for real.
"""

import dataclasses
import gc
import time

import numpy as np
import pytest

from optimization.measure import budget, memory, race, timing
from optimization.measure.budget import batch_calls, call_seconds, calls_within, one_row_calls
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.timing import measure

MB = 1024**2
ROWS = np.arange(40.0).reshape(20, 2)


class Clock:
    """Seconds that pass only where a contender says so."""

    def __init__(self):
        self.now = 1000.0

    def seconds(self):
        return self.now

    def nanoseconds(self):
        return round(self.now * 1e9)

    def contender(self, name, *, call=0.0, row=0.0):
        def predict(rows):
            self.now += call + row * len(rows)

        return Contender(name, predict)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (budget, race, timing):
        monkeypatch.setattr(module, "perf_counter", made.seconds)
    monkeypatch.setattr(race, "perf_counter_ns", made.nanoseconds)
    monkeypatch.setattr(gc, "collect", lambda: 0)  # nothing is timed, and it takes long in a large process
    return made


def options(**changes):
    return MeasureOptions(**{"n_iterations": 1000, "batch_sizes": (), "time_budget_s": 20.0, **changes})


def calls(found):
    return [item.one_row.n_samples for item in found.contenders]


def test_what_fits_is_measured_whole(clock):
    found = measure(
        [clock.contender("slow", call=0.004), clock.contender("fast", call=1e-5)],
        ROWS,
        options=options(batch_sizes=(1, 32, 1024)),
    )
    assert calls(found) == [1000, 1000]
    assert found.batch_sizes == (1, 32, 1024)
    assert (found.dropped, found.stopped) == ((), "")
    assert found.n_calls == 1000


@pytest.mark.parametrize("call", [0.015, 0.1, 0.5, 1.0])
def test_a_slow_contender_stays_within_the_budget(clock, call):
    found = measure(
        [clock.contender("slow", call=call), clock.contender("fast", call=1e-5)],
        ROWS,
        options=options(batch_sizes=(1, 32, 1024)),
    )
    assert found.seconds_measuring <= 20
    assert budget.MIN_ROUNDS <= found.n_calls < 1000
    assert len(found.contenders[0].rounds_ms) == len(found.contenders[1].rounds_ms) >= budget.MIN_ROUNDS
    assert found.contenders[0].one_row.p50_ms == pytest.approx(1e3 * call)


def test_the_budget_is_used_rather_than_the_least_number_of_calls_made(clock):
    found = measure([clock.contender("slow", call=0.1)], ROWS, options=options())
    assert found.n_calls == pytest.approx(0.6 * 20 / 0.1, abs=20)


def test_a_fast_contender_is_called_more_often_than_the_slow_one_beside_it(clock):
    found = measure(
        [clock.contender("slow", call=0.5), clock.contender("fast", call=1e-5)], ROWS, options=options()
    )
    slow, fast = calls(found)
    assert fast == race.MAX_BLOCK * slow


def test_the_least_number_of_rounds_is_made_whatever_it_takes(clock):
    found = measure([clock.contender("slow", call=3.0)], ROWS, options=options())
    assert calls(found) == [budget.MIN_ROUNDS]


def test_without_a_budget_nothing_is_cut(clock):
    chosen = options(time_budget_s=None, batch_sizes=(1, 1024))
    found = measure([clock.contender("slow", call=0.5)], ROWS, options=chosen)
    assert calls(found) == [1000]
    assert found.dropped == ()


def test_the_largest_batches_are_dropped_where_they_do_not_fit(clock):
    grid = (1, 10, 100, 1_000, 10_000, 100_000)
    found = measure(
        [clock.contender("slow", call=0.001, row=0.0001), clock.contender("fast", row=1e-6)],
        ROWS,
        options=options(n_iterations=100, batch_sizes=grid),
    )
    assert found.batch_sizes == (1, 10, 100, 1_000, 10_000)
    assert (found.dropped, found.stopped) == ((100_000,), "time")
    assert found.seconds_measuring <= 20
    assert all(item.n_samples >= budget.MIN_REPEATS for item in found.contenders[0].batches)


def test_a_batch_that_turns_out_slower_than_its_size_is_dropped_after_one_call(clock):
    called = []

    def predict(rows):
        called.append(len(rows))
        clock.now += 6.0 if len(rows) > 50 else 0.001

    found = measure([Contender("a", predict)], ROWS, options=options(n_iterations=10, batch_sizes=(10, 100)))
    assert found.dropped == (100,)
    assert called.count(100) == 1


def test_a_dropped_size_does_not_let_a_larger_one_in(clock):
    found = measure(
        [clock.contender("a", row=0.01)], ROWS, options=options(batch_sizes=(100_000, 10, 1_000, 10_000))
    )
    assert found.batch_sizes == (10,)
    assert found.dropped == (100_000, 1_000, 10_000)


def test_the_smallest_batch_is_measured_in_any_case(clock):
    found = measure([clock.contender("a", row=0.1)], ROWS, options=options(batch_sizes=(1_000, 10_000)))
    assert found.batch_sizes == (1_000,)
    assert found.contenders[0].batches[0].n_samples == budget.MIN_REPEATS


class Memory:
    """Bytes that a batch holds on to, by its size."""

    def __init__(self, monkeypatch, *, free, per_row):
        self.held = self.peak = 100 * MB
        self.per_row = per_row
        monkeypatch.setattr(memory, "resident", lambda: memory.Resident(self.held, self.peak))
        monkeypatch.setattr(memory, "available", lambda: free)

    def predict(self, rows):
        self.peak = max(self.peak, self.held + self.per_row * len(rows))


@pytest.mark.parametrize(("free_gb", "dropped"), [(1, (10_000, 100_000)), (4, (100_000,)), (40, ())])
def test_a_batch_that_would_fill_the_memory_is_not_tried(clock, monkeypatch, free_gb, dropped):
    model = Memory(monkeypatch, free=free_gb * 1024 * MB, per_row=MB // 10)
    chosen = options(n_iterations=10, batch_sizes=(1, 1_000, 10_000, 100_000))
    found = measure([Contender("a", model.predict)], ROWS, options=chosen)
    assert found.dropped == dropped
    assert found.stopped == ("memory" if dropped else "")


def test_without_a_budget_memory_is_not_looked_at(clock, monkeypatch):
    model = Memory(monkeypatch, free=1, per_row=MB)
    chosen = options(n_iterations=10, batch_sizes=(100, 1_000), time_budget_s=None)
    assert measure([Contender("a", model.predict)], ROWS, options=chosen).dropped == ()


def test_progress_reaches_its_total_when_something_is_cut(clock):
    ticks = []
    measure(
        [clock.contender("slow", call=0.1), clock.contender("fast")],
        ROWS,
        options=options(batch_sizes=(1, 4, 1024)),
        progress=lambda done, total, text: ticks.append((done, total, text)),
    )
    done = [item[0] for item in ticks]
    assert done == sorted(done)
    assert ticks[-1][0] == ticks[-1][1]
    assert {"time budget used", "no larger batch"} <= {item[2].split(",")[0] for item in ticks}


def test_a_contender_that_sleeps_is_cut_too():
    """On a clock that other processes move too, hence not to the second: uncut it takes half a minute."""
    found = measure(
        [Contender("sleeps", lambda rows: time.sleep(0.03)), Contender("fast", lambda rows: None)],
        ROWS,
        options=options(batch_sizes=(1, 32), time_budget_s=1.5),
    )
    assert 0.03 * budget.MIN_ROUNDS <= found.seconds_measuring < 0.03 * 1000 / 2
    assert budget.MIN_ROUNDS <= found.n_calls < 1000


def test_the_second_call_counts_for_the_first_one_may_open_files(clock):
    durations = iter([0.5, 0.1])

    def predict(rows):
        clock.now += next(durations)

    assert call_seconds(predict, ROWS, once_s=1.0) == pytest.approx(0.1)
    durations = iter([1.5])
    assert call_seconds(predict, ROWS, once_s=1.0) == pytest.approx(1.5)


def test_calls_are_whole_where_they_fit_and_equal_in_each_round_where_not():
    assert one_row_calls(1000, 50, seconds=0.001, share_s=3.0) == 1000
    assert one_row_calls(1000, 50, seconds=0.1, share_s=3.5) == 3 * 50
    assert one_row_calls(1000, 50, seconds=9.9, share_s=3.0) == 50
    assert one_row_calls(3, 3, seconds=9.9, share_s=3.0) == 3


def test_a_batch_is_called_as_often_as_wanted_or_as_its_share_allows():
    assert batch_calls(0.01, wanted_s=0.3, share_s=100) == 30
    assert batch_calls(0.01, wanted_s=0.3, share_s=0.2) == 10
    assert batch_calls(9.9, wanted_s=0.3, share_s=0.2) == budget.MIN_REPEATS
    assert batch_calls(1e-9, wanted_s=0.3, share_s=100) == budget.MAX_REPEATS


@pytest.mark.parametrize(
    ("call", "budget_s", "n_calls"), [(0.0, 1.0, 200), (0.002, 0.2, 100), (0.01, 0.02, 30)]
)
def test_calls_fit_the_budget_within_bounds(clock, call, budget_s, n_calls):
    slow = clock.contender("slow", call=call)
    found = calls_within(budget_s, [slow], ROWS[:1], at_least=30, at_most=200)
    assert found == pytest.approx(n_calls, abs=1)


def test_the_calls_of_all_contenders_count_and_rows_are_prepared_for_them(clock):
    prepared = []
    slow = [
        dataclasses.replace(
            clock.contender(name, call=0.002), prepare=lambda row: prepared.append(len(row)) or row
        )
        for name in "ab"
    ]
    found = calls_within(0.2, slow, ROWS[:1], at_least=1, at_most=200)
    assert found == pytest.approx(50, abs=1)
    assert prepared == [1, 1]
