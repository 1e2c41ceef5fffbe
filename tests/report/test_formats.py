"""Numbers are short, and rounding never changes how many digits are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.report.formats import change, compact, score, seconds, short, size, tick


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (0.0075, "0.00750"), (4.4123, "4.41"), (9.996, "10.0"), (68.44, "68.4"),
        (99.96, "100"), (999.6, "1,000"), (12345.6, "12,346"), (float("inf"), "inf"), (-0.5, "-0.500"),
    ],
)  # fmt: skip
def test_short(value, expected):
    assert short(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (219, "219"), (999.4, "999"), (999.6, "1.00k"), (4813, "4.81k"), (464_900, "465k"),
        (999_600, "1.00M"), (1.37e6, "1.37M"), (2.5e9, "2.50G"),
    ],
)  # fmt: skip
def test_compact(value, expected):
    assert compact(value) == expected


@given(st.floats(1e-4, 1e11))
def test_compact_stays_short_and_close_to_the_value(value):
    text = compact(value)
    factor = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1.0)
    assert len(text) <= 8
    assert float(text.rstrip("kMG")) * factor == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("reduction", "expected"), [(57.87, "-57.9 %"), (-1.0, "+1.0 %"), (0.0, "+0.0 %"), (0.01, "+0.0 %")]
)
def test_change_is_the_reduction_with_its_sign_turned(reduction, expected):
    assert change(reduction) == expected


def test_ticks_have_no_trailing_zeros():
    assert [tick(value) for value in (0.0, 1e-5, 1e-4, 2.5e-4, 0.001, 1, 240, 1e4, 1e6, 2.5e9)] == [
        "0",
        "1e-05",
        "1e-04",
        "2.5e-04",
        "0.001",
        "1",
        "240",
        "10k",
        "1M",
        "2.5G",
    ]


def test_sizes_scores_and_durations():
    assert (size(72.169), size(96_450_617.3)) == ("72.17", "96,450,617")
    assert (score(0.96), score(43.217)) == ("0.9600", "43.2")
    assert [seconds(value) for value in (0.04, 9.96, 59.4, 65.0, 3600.0)] == [
        "0.0 s",
        "10 s",
        "59 s",
        "1 min 05 s",
        "60 min 00 s",
    ]
