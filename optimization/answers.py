"""What an estimator answers, wherever it is asked and not timed.

In: a fitted estimator, the name of a method, rows.
Out: a dense ndarray.
Promise: no warnings about names of columns, and OpenMP gets one thread.

Threads of OpenMP wait for each other by spinning, and HistGradientBoosting starts them for every tree: where
other processes want the processors, 1,000 rows take two threads 10 to 80 times as long as one, and where
none do two thirds of its time.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


def answers_of(estimator: Any, method: str, rows: Any) -> np.ndarray[Any, Any]:
    """Return `estimator.method(rows)`, dense.

    Raises:
        Exception: what the estimator raises.
    """
    with warnings.catch_warnings(), _openmp().limit(limits=1):
        warnings.simplefilter("ignore")
        found = getattr(estimator, method)(rows)
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


@cache
def _openmp() -> Any:
    """The pools of this process; looking for them takes milliseconds."""
    return ThreadpoolController().select(user_api="openmp")
