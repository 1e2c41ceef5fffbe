"""Asking an estimator, without its warnings and with one thread of OpenMP."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from optimization.answers import answers_of


def n_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]


class Counting(BaseEstimator):  # type: ignore[misc]
    """Answers with the threads that OpenMP has."""

    def predict(self, rows: Any) -> Any:
        return n_threads()


def test_openmp_has_one_thread_while_it_is_asked() -> None:
    with threadpoolctl.threadpool_limits(2, user_api="openmp"):
        assert set(answers_of(Counting(), "predict", None).tolist()) == {1}
        assert set(n_threads()) == {2}


def test_sparse_answers_are_dense() -> None:
    encoder = OneHotEncoder().fit([["a"], ["b"]])
    assert answers_of(encoder, "transform", [["b"], ["a"]]).tolist() == [[0, 1], [1, 0]]


def test_an_answer_keeps_its_own_dtype() -> None:
    rows = np.array([[1.0], [2.0]], np.float32)
    assert answers_of(StandardScaler().fit(rows), "transform", rows).dtype == np.float32


def test_names_are_not_warned_about() -> None:
    model = LinearRegression().fit(pd.DataFrame({"x": [0.0, 1.0]}), [0.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers_of(model, "predict", np.array([[3.0]])) == pytest.approx([6.0])


def test_what_the_estimator_raises_comes_through_and_threads_are_as_before() -> None:
    before = n_threads()
    with pytest.raises(ValueError, match="features"):
        answers_of(LinearRegression().fit([[0.0]], [0.0]), "predict", [[1.0, 2.0]])
    assert n_threads() == before
