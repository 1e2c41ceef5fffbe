"""How many threads contenders get.

In: a number of threads.
Out: a context in which the pools of this process have as many, and the number that is "all".
Promise: what scikit-learn does in parallel, it does in threads of this process; never more than the
container may use.

A session of onnxruntime and an estimator's `n_jobs` have numbers of their own, which whoever makes the
contender sets: `turns`, `entrypoints.measuring`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from joblib import parallel_config
from threadpoolctl import threadpool_limits

from flavor.quantized_onnx_v1.cpu import available_cpus


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Limit BLAS and OpenMP to `n_threads`, and keep joblib from starting processes.

    A pool that changes its size is busy for some milliseconds: let the garbage be collected after this.

    Processes would take seconds to start, hold copies of the model, and be taken for somebody else's work.
    """
    with threadpool_limits(n_threads), parallel_config(backend="threading"):
        yield


def all_cores(n_threads: int) -> int | None:
    """Return the processors that the container may use; None where `n_threads` are all of them."""
    cpus = available_cpus()
    return cpus if cpus > n_threads else None
