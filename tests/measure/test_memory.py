"""What a batch took, and whether ten times as much is there."""

import pytest

from optimization.measure.memory import NOISE_BYTES, Resident, available, fits, resident, taken

MB = 1024**2


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (Resident(100, 120), Resident(110, 500), 400),
        (Resident(100, 500), Resident(150, 500), 50),
        (Resident(100, 500), Resident(90, 500), 0),
        (Resident(None, None), Resident(None, None), 0),
    ],
)
def test_what_was_taken_is_the_new_peak_or_what_stayed(before, after, found):
    assert taken(before, after) == found


def test_half_of_the_free_memory_may_be_taken_and_not_a_byte_more():
    assert fits(50 * MB, growth=10, available_bytes=1000 * MB)
    assert not fits(50 * MB + 1, growth=10, available_bytes=1000 * MB)


def test_what_took_little_or_is_not_known_says_nothing():
    assert fits(NOISE_BYTES - 1, growth=1000, available_bytes=MB)
    assert fits(500 * MB, growth=1000, available_bytes=None)


def files(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"meminfo": folder / "meminfo", "group": folder / "group"}


MEMINFO = "MemTotal:  8000 kB\nMemAvailable:  4000 kB\n"


def test_a_machine_tells_what_is_free(tmp_path):
    assert available(**files(tmp_path, meminfo=MEMINFO)) == 4000 * 1024


def test_a_container_has_less_and_gets_back_the_pages_of_files(tmp_path):
    two = {"group__memory_DOT_max": "3000000\n", "group__memory_DOT_current": "2500000\n"}
    stat = {"group__memory_DOT_stat": "anon 7\ninactive_file 400000\n"}
    assert available(**files(tmp_path, meminfo=MEMINFO, **two)) == 500_000
    assert available(**files(tmp_path, meminfo=MEMINFO, **two, **stat)) == 900_000


def test_a_container_of_the_first_version_is_read_too(tmp_path):
    one = {
        "group__memory__memory_DOT_limit_in_bytes": "3000000",
        "group__memory__memory_DOT_usage_in_bytes": "2500000",
        "group__memory__memory_DOT_stat": "total_inactive_file 100000\n",
    }
    assert available(**files(tmp_path, meminfo=MEMINFO, **one)) == 600_000


def test_a_container_without_a_limit_has_what_the_machine_has(tmp_path):
    two = {"group__memory_DOT_max": "max\n", "group__memory_DOT_current": "2500000\n"}
    assert available(**files(tmp_path, meminfo=MEMINFO, **two)) == 4000 * 1024


def test_a_machine_that_does_not_tell_is_unknown(tmp_path):
    assert available(**files(tmp_path)) is None


def test_this_process_has_memory_or_the_kernel_does_not_tell():
    found = resident()
    assert (found.now is None) == (found.peak is None)
    assert found.now is None or 0 < found.now <= found.peak
