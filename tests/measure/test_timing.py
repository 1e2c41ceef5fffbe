"""All contenders are treated alike; nothing here asserts how long anything takes."""

import gc

import numpy as np
import pytest
import threadpoolctl

from optimization.errors import DataError
from optimization.measure import budget, race
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.timing import garbage_held, measure

ROWS = np.arange(40.0).reshape(20, 2)


class Recorder:
    """Contenders that write down who was called with what."""

    def __init__(self):
        self.calls = []

    def contender(self, name):
        return Contender(name, lambda rows: self.calls.append((name, rows)))

    def of(self, name):
        return [rows for called, rows in self.calls if called == name]


def options(**changes):
    return MeasureOptions(**{"n_iterations": 25, "batch_sizes": (), "n_warmup": 0, **changes})


def test_every_contender_answers_the_same_single_rows_in_the_same_order():
    recorder = Recorder()
    measure([recorder.contender("a"), recorder.contender("b")], ROWS, options=options())
    assert len(recorder.of("a")) == 25
    np.testing.assert_array_equal(recorder.of("a"), recorder.of("b"))


def test_all_rows_of_the_data_are_answered_equally_often():
    recorder = Recorder()
    measure([recorder.contender("a")], ROWS, options=options(n_iterations=5 * len(ROWS)))
    firsts = [rows[0, 0] for rows in recorder.of("a")]
    assert sorted(firsts) == sorted(ROWS[:, 0].tolist() * 5)


def test_contenders_take_turns_in_blocks_and_in_changing_order():
    recorder = Recorder()
    names = list("abc")
    measure([recorder.contender(name) for name in names], ROWS, options=options(n_iterations=1000))
    called = [name for name, _ in recorder.calls]
    rounds = [called[start : start + 60] for start in range(0, 3000, 60)]
    orders = [tuple(item[::20]) for item in rounds]
    assert all(
        item == [name for name in order for _ in range(20)]
        for item, order in zip(rounds, orders, strict=True)
    )
    assert all(sorted(order) == names for order in orders)
    assert len(set(orders)) > 1


def test_blocks_do_not_grow_with_the_iterations():
    recorder = Recorder()
    measure([recorder.contender("a"), recorder.contender("b")], ROWS, options=options(n_iterations=5000))
    called = "".join(name for name, _ in recorder.calls)
    assert "a" * (2 * race.MAX_BLOCK + 1) not in called
    assert called.count("a") == called.count("b") == 5000


def test_warm_up_calls_precede_every_block_and_are_not_counted():
    recorder = Recorder()
    found = measure([recorder.contender("a")], ROWS, options=options(n_iterations=100, n_warmup=3))
    assert len(recorder.calls) == 100 + 10 * 3
    assert found.contenders[0].one_row.n_samples == 100


def test_a_slow_contender_warms_up_with_one_call(monkeypatch):
    monkeypatch.setattr(race, "WARMUP_NS", 0)
    recorder = Recorder()
    measure([recorder.contender("a")], ROWS, options=options(n_iterations=10, n_warmup=50))
    assert len(recorder.calls) == 10 + 10 * 1


def test_one_iteration_is_enough():
    found = measure([Recorder().contender("a")], ROWS, options=options(n_iterations=1))
    assert found.contenders[0].one_row.n_samples == 1


def test_batches_have_the_asked_sizes_and_are_the_same_for_all():
    recorder = Recorder()
    found = measure(
        [recorder.contender("a"), recorder.contender("b")],
        ROWS,
        options=options(n_iterations=1, batch_sizes=(8, 64), batch_time_budget_s=0),
    )
    assert {len(rows) for rows in recorder.of("a")} == {1, 8, 64}
    for size in (8, 64):
        seen = [{rows.tobytes() for rows in recorder.of(name) if len(rows) == size} for name in "ab"]
        assert seen[0] == seen[1]
    assert [item.batch_size for item in found.contenders[0].batches] == [8, 64]


def test_without_a_budget_a_batch_is_still_timed_three_times():
    found = measure(
        [Recorder().contender("a")], ROWS, options=options(batch_sizes=(32,), batch_time_budget_s=0)
    )
    assert found.contenders[0].batches[0].n_samples == budget.MIN_REPEATS


def test_a_large_budget_does_not_repeat_fast_batches_forever():
    found = measure(
        [Recorder().contender("a")], ROWS, options=options(batch_sizes=(2,), batch_time_budget_s=1000)
    )
    assert found.contenders[0].batches[0].n_samples == budget.MAX_REPEATS


def test_a_batch_of_one_is_the_single_row_measurement():
    recorder = Recorder()
    found = measure([recorder.contender("a")], ROWS, options=options(batch_sizes=(1,))).contenders[0]
    assert len(recorder.calls) == 25
    assert found.batches[0].ms_per_batch == pytest.approx(found.one_row.p50_ms)
    assert found.batches[0].n_samples == 25


def test_the_same_seed_draws_the_same_rows_and_turns():
    first, second, other = Recorder(), Recorder(), Recorder()
    for recorder, seed in ((first, 1), (second, 1), (other, 2)):
        measure([recorder.contender(name) for name in "ab"], ROWS, options=options(seed=seed))

    def shown(recorder):
        return [(name, rows.tolist()) for name, rows in recorder.calls]

    assert shown(first) == shown(second) != shown(other)


def test_progress_counts_every_block_up_to_the_total_and_never_goes_back():
    ticks = []
    measure(
        [Recorder().contender("a"), Recorder().contender("b")],
        ROWS,
        options=options(n_iterations=200, batch_sizes=(1, 4), batch_time_budget_s=0),
        progress=lambda done, total, text: ticks.append((done, total, text)),
    )
    assert [done for done, _, _ in ticks] == list(range(1, len(ticks) + 1))
    assert {total for _, total, _ in ticks} == {len(ticks)} == {40}
    assert {text for _, _, text in ticks} == {"a, one row", "b, one row", "a, batch of 4", "b, batch of 4"}


def test_garbage_collection_is_off_while_predicting_and_on_afterwards():
    states = []
    contender = Contender("a", lambda rows: states.append(gc.isenabled()))
    measure([contender], ROWS, options=options())
    assert set(states) == {False}
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_garbage_collection_comes_back_when_a_contender_fails():
    def fail(rows):
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        measure([Contender("a", fail)], ROWS, options=options())
    assert gc.isenabled()


def test_garbage_collection_that_was_off_stays_off():
    gc.disable()
    try:
        with garbage_held():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_native_thread_pools_are_limited_to_the_options():
    # The matrix product makes sure that BLAS is loaded before its pools are looked at.
    assert (ROWS @ ROWS.T).shape == (20, 20)
    seen = []
    contender = Contender("a", lambda rows: seen.append(threadpoolctl.threadpool_info()))
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    measure([contender], ROWS, options=options(n_iterations=1, n_threads=1))
    assert seen[0]
    assert {pool["num_threads"] for pool in seen[0]} == {1}
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == before


def test_the_record_says_what_was_measured():
    chosen = options()
    found = measure([Recorder().contender("a")], ROWS, options=chosen)
    assert found.options is chosen
    assert found.n_rows == 20
    assert found.seconds_measuring > 0
    assert found.of("a") is found.contenders[0]
    assert found.of("b") is None


def test_empty_data_is_refused():
    with pytest.raises(DataError, match="found none"):
        measure([Recorder().contender("a")], ROWS[:0], options=options())


def test_a_contender_gets_its_rows_in_the_form_it_takes_and_each_is_prepared_once():
    rows = np.arange(6.0).reshape(3, 2)
    prepared, seen = [], []

    def prepare(part):
        prepared.append(part)
        return part.astype(np.float32)

    contender = Contender("a", lambda part: seen.append(part.dtype), prepare)
    other = Contender("b", lambda part: None)
    measure([contender, other], rows, options=MeasureOptions(n_iterations=30, batch_sizes=(2,)))
    assert set(seen) == {np.dtype(np.float32)}
    assert len(prepared) <= len(rows) + 8
