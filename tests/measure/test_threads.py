"""Pools of threads have the number they are given, and "all" is what the container may use."""

import os

import joblib
import numpy as np
import pytest
import threadpoolctl

from optimization.measure import threads
from optimization.measure.threads import all_cores


def pools():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}


def test_the_pools_have_as_many_threads_and_afterwards_as_before():
    # The matrix product makes sure that BLAS is loaded before its pools are looked at.
    assert (np.ones((2, 2)) @ np.ones((2, 2))).shape == (2, 2)
    before = pools()
    with threads.threads(1):
        assert pools() == {1}
    assert pools() == before


def test_jobs_are_threads_of_this_process_and_none_is_made_where_nobody_asked():
    with threads.threads(2):
        jobs = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4))
        assert set(jobs) == {os.getpid()}
        assert joblib.effective_n_jobs(None) == 1
        assert joblib.effective_n_jobs(2) == 2


@pytest.mark.parametrize(
    ("cpus", "n_threads", "expected"), [(1, 1, None), (2, 1, 2), (2, 2, None), (4, 2, 4), (2, 4, None)]
)
def test_all_cores_are_others_than_the_threads_or_none(monkeypatch, cpus, n_threads, expected):
    monkeypatch.setattr(threads, "available_cpus", lambda: cpus)
    assert all_cores(n_threads) == expected
