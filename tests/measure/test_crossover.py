"""Where the original begins to win, between two measured batches."""

import pytest

from optimization.measure.crossover import Crossover, crossover
from optimization.measure.records import Throughput


def line(*, fixed_ms, row_ms, sizes=(1, 10, 100, 1_000)):
    """A contender with a cost per call and a cost per row."""
    times = [(size, fixed_ms + row_ms * size) for size in sizes]
    return [Throughput(size, ms, rows_per_s=1e3 * size / ms, n_samples=3) for size, ms in times]


@pytest.mark.parametrize(
    ("row_ms", "above", "size"), [(0.011, 500, 1_000), (0.051, 100, 1_000), (0.251, 20, 100)]
)
def test_a_fixed_cost_and_a_cost_per_row_cross_where_their_lines_do(row_ms, above, size):
    original = line(fixed_ms=5.0, row_ms=0.001)
    variant = line(fixed_ms=0.0, row_ms=row_ms)
    assert crossover(original, variant) == Crossover(size, above)


def test_one_that_is_faster_nowhere_does_not_cross():
    assert crossover(line(fixed_ms=5.0, row_ms=0.001), line(fixed_ms=0.1, row_ms=0.001)) is None


def test_one_that_is_faster_everywhere_has_no_rows_above_which_it_is():
    found = crossover(line(fixed_ms=0.1, row_ms=0.001), line(fixed_ms=5.0, row_ms=0.001))
    assert found == Crossover(1, None)


def test_a_batch_in_the_middle_that_the_original_wins_is_no_crossover():
    original, variant = line(fixed_ms=5.0, row_ms=0.001), line(fixed_ms=0.0, row_ms=0.005)
    variant[1] = Throughput(10, 99.0, rows_per_s=101.0, n_samples=3)
    assert crossover(original, variant) is None


def test_equal_times_are_no_victory():
    assert crossover(line(fixed_ms=1.0, row_ms=0.1), line(fixed_ms=1.0, row_ms=0.1)) is None


def test_the_order_of_the_sizes_does_not_matter():
    original, variant = line(fixed_ms=5.0, row_ms=0.001), line(fixed_ms=0.0, row_ms=0.011)
    assert crossover(original[::-1], variant[::-1]) == crossover(original, variant)


def test_without_batches_nothing_crosses():
    assert crossover([], []) is None
