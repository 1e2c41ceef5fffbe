"""Batches with all cores: the same sizes, after everything else, from what is left of the budget."""

import dataclasses

import joblib
import numpy as np
import pytest
import threadpoolctl

from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure import budget, memory, noise
from optimization.measure.environment import read_environment
from optimization.measure.records import Batches, Contender, MeasureOptions, Threaded
from optimization.measure.timing import measure
from tests.measure.test_budget import MB, ROWS, Clock, Memory, clock, options

__all__ = ["clock"]  # a fixture
CPUS = available_cpus()


def both(found):
    """Batch sizes with the options' threads, and with all cores."""
    return found.batch_sizes, found.all_cores.batch_sizes


def threaded(*contenders):
    return Threaded(CPUS, contenders)


def test_the_second_set_has_the_same_sizes_and_says_its_threads(clock: Clock):
    found = measure(
        [clock.contender("a", row=0.001), clock.contender("champion")],
        ROWS,
        options=options(n_iterations=10, batch_sizes=(1, 32, 4)),
        all_cores=threaded(clock.contender("a", row=0.0005)),
    )
    assert both(found) == ((1, 32, 4), (1, 32, 4))
    assert found.all_cores.n_threads == CPUS
    assert [item.rows_per_s for item in found.all_cores.of("a")] == pytest.approx([2000.0] * 3)
    assert [item.rows_per_s for item in found.of("a").batches] == pytest.approx([1000.0] * 3)
    assert found.all_cores.of("champion") == ()


def test_without_contenders_for_it_there_is_no_second_set(clock: Clock):
    found = measure([clock.contender("a")], ROWS, options=options(n_iterations=10, batch_sizes=(1, 4)))
    assert found.all_cores is None


def test_nothing_of_the_first_set_changes_for_the_second(clock: Clock):
    chosen = options(batch_sizes=(1, 32, 1024))
    slow = [clock.contender("slow", call=0.015, row=0.002), clock.contender("fast", call=1e-5)]
    alone = measure(slow, ROWS, options=chosen)
    beside = measure(slow, ROWS, options=chosen, all_cores=threaded(*slow))
    for one, two in zip(alone.contenders, beside.contenders, strict=True):
        assert one.one_row.n_samples == two.one_row.n_samples
        assert [(item.batch_size, item.n_samples) for item in one.batches] == [
            (item.batch_size, item.n_samples) for item in two.batches
        ]
    assert (alone.batch_sizes, alone.stopped) == (beside.batch_sizes, beside.stopped)


@pytest.mark.parametrize("row", [0.0001, 0.001, 0.003, 0.01, 0.1])
def test_both_sets_stay_within_the_budget_and_the_second_is_cut_first(clock: Clock, row):
    contenders = [clock.contender("slow", row=row), clock.contender("fast", row=1e-6)]
    grid = (1, 10, 100, 1_000, 10_000, 100_000)
    found = measure(contenders, ROWS, options=options(batch_sizes=grid), all_cores=threaded(*contenders))
    assert found.seconds_measuring <= 20
    alone = measure(contenders, ROWS, options=options(batch_sizes=grid)).seconds_measuring
    assert found.seconds_measuring <= max(alone, 0.9 * 20)
    first, second = both(found)
    assert second == first[: len(second)]
    assert all(item.n_samples >= budget.MIN_REPEATS for item in found.all_cores.of("slow"))
    assert found.all_cores.stopped == ("" if second == first else "time")


def test_a_model_that_has_used_the_budget_up_is_not_called_with_all_cores(clock: Clock):
    called = []
    found = measure(
        [clock.contender("slow", call=3.0)],
        ROWS,
        options=options(batch_sizes=(1, 4)),
        all_cores=threaded(Contender("slow", called.append)),
    )
    assert called == []
    assert (found.all_cores.of("slow"), found.all_cores.batch_sizes) == ((), ())
    assert found.all_cores.stopped == "time"


def test_a_size_that_memory_did_not_allow_is_not_tried_with_all_cores(clock: Clock, monkeypatch):
    model = Memory(monkeypatch, free=1024 * MB, per_row=MB // 10)
    sizes = []

    def predict(rows):
        sizes.append(len(rows))

    found = measure(
        [Contender("a", model.predict)],
        ROWS,
        options=options(n_iterations=10, batch_sizes=(1, 1_000, 10_000)),
        all_cores=threaded(Contender("a", predict)),
    )
    assert found.stopped == "memory"
    assert both(found) == ((1, 1_000), (1, 1_000))
    assert max(sizes) == 1_000


def test_a_size_that_takes_more_memory_with_all_cores_is_left_out(clock: Clock, monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: memory.Resident(100 * MB, 100 * MB))
    monkeypatch.setattr(memory, "available", lambda: 10**12)
    chosen = options(n_iterations=10, batch_sizes=(1, 1_000, 10_000))
    greedy = []

    def predict(rows):
        if len(rows) == 1_000 and not greedy:
            model = Memory(monkeypatch, free=1024 * MB, per_row=MB // 10)
            greedy.append(model)
        if greedy:
            greedy[0].predict(rows)

    found = measure([clock.contender("a")], ROWS, options=chosen, all_cores=threaded(Contender("a", predict)))
    assert both(found) == ((1, 1_000, 10_000), (1, 1_000))
    assert found.all_cores.stopped == "memory"


def test_progress_counts_the_second_set_and_reaches_its_total(clock: Clock):
    for call in (0.0, 0.1, 3.0):
        ticks = []
        contenders = [clock.contender("a", call=call), clock.contender("b")]
        measure(
            contenders,
            ROWS,
            options=options(n_iterations=100, batch_sizes=(1, 4, 1024)),
            all_cores=threaded(*contenders),
            progress=lambda done, total, text, ticks=ticks: ticks.append((done, total, text)),
        )
        done = [item[0] for item in ticks]
        assert done == sorted(done)
        assert ticks[-1][0] == ticks[-1][1]
        assert {item[1] for item in ticks} == {2 * (10 + 2 * 10) + 2 * 3 * 10}
        assert (f"a, 1,024, {CPUS} cores" in {item[2] for item in ticks}) == (call == 0.0)


def test_each_set_has_its_threads_in_the_pools():
    # The matrix product makes sure that BLAS is loaded before its pools are looked at.
    assert (ROWS @ ROWS.T).shape == (20, 20)
    seen = {"first": set(), "second": set()}

    def contender(which):
        def predict(rows):
            seen[which] |= {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
            assert type(joblib.parallel.get_active_backend()[0]).__name__ == "ThreadingBackend"

        return Contender("a", predict)

    chosen = MeasureOptions(n_iterations=1, batch_sizes=(1, 2), n_warmup=0, batch_time_budget_s=0)
    measure([contender("first")], ROWS, options=chosen, all_cores=threaded(contender("second")))
    assert seen == {"first": {1}, "second": {CPUS}}


def test_a_disturbance_of_the_second_set_is_no_verdict_on_the_first(monkeypatch):
    loads = iter([noise.Load(0, 0, 0), noise.Load(1, 10, 1), noise.Load(1, 10, 1), noise.Load(9, 20, 2)])
    for module in ("timing", "batches"):
        monkeypatch.setattr(f"optimization.measure.{module}.read_load", lambda: next(loads))
    steady = Contender("a", lambda rows: np.sort(np.arange(30_000)[::-1]))
    chosen = MeasureOptions(n_iterations=10, batch_sizes=(1,), batch_time_budget_s=0)
    found = measure([steady], ROWS, options=chosen, all_cores=threaded(steady))
    assert "other processes" not in found.noise.sentence
    assert found.all_cores.noise.sentence == "unstable: other processes had 70% of the processors"


def test_a_record_whose_second_set_had_not_all_cores_is_a_bug_of_ours(clock: Clock):
    found = measure([clock.contender("a")], ROWS, options=options(n_iterations=1))
    assert found.environment == read_environment(n_threads=1)
    with pytest.raises(AssertionError):
        dataclasses.replace(found, all_cores=Batches(CPUS + 1, {}))
