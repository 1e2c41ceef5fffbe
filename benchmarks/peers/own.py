"""What the peers stand beside: scikit-learn as it is, and this project's predictor.

In: a fitted estimator; the file that this project registers, and those for one row and for batches.
Out: all as peers, so that they are measured and counted in the same way.
Promise: scikit-learn is asked as fitted and, where it has such a setting, with as many threads as the others.
"""

from __future__ import annotations

import pickle
from typing import Any

from benchmarks.contenders import method_of, of_predictor
from benchmarks.peers.peer import Opened, Peer, PeerError, Subject
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert.structure import final_step
from optimization.measure.records import Contender


def open_sklearn(subject: Subject, _: None, n_threads: int) -> Opened:
    """Return the estimator itself, as it was fitted."""
    estimator = subject.fitted.estimator
    return Opened(Contender(SKLEARN.name, getattr(estimator, method_of(estimator))), estimator.predict)


def refuse_jobs(estimator: Any) -> str:
    """Return that the estimator has no such setting, or an empty string."""
    return "" if "n_jobs" in final_step(estimator).get_params(deep=False) else "has no n_jobs"


def open_jobs(subject: Subject, _: None, n_threads: int) -> Opened:
    """Return a copy of the estimator with `n_jobs` set."""
    estimator: Any = pickle.loads(pickle.dumps(subject.fitted.estimator))  # noqa: S301  (made above)
    final_step(estimator).set_params(n_jobs=n_threads)
    return Opened(Contender(JOBS.name, getattr(estimator, method_of(estimator))), estimator.predict)


def open_predictor(subject: Subject, _: None, n_threads: int) -> Opened:
    """Return what `flavor.load_model` gives, with its checks of the rows."""
    return _opened(OURS.name, subject, subject.content, n_threads)


def _opened(name: str, subject: Subject, content: bytes, n_threads: int) -> Opened:
    contender = of_predictor(name, content, subject.manifest, n_threads=n_threads)
    predictor = Predictor(content, subject.manifest, session={"intra_op_num_threads": n_threads})
    return Opened(contender, lambda rows: predictor.predict(rows, "predict"))


def _nothing(subject: Subject) -> None:
    return None


def _for_objective(objective: str) -> Peer:
    """Return this project's predictor with the file for `objective`."""
    name = f"this project, {objective}"

    def make(subject: Subject) -> None:
        if objective not in subject.by_objective:
            raise PeerError(f"has no other file for {objective}")

    def open_file(subject: Subject, _: None, n_threads: int) -> Opened:
        return _opened(name, subject, subject.by_objective[objective], n_threads)

    return Peer(name, lambda estimator: "", make, open_file, lambda *_: f"the file for {objective}")


SKLEARN = Peer("scikit-learn", lambda estimator: "", _nothing, open_sklearn, lambda *_: "as fitted")
JOBS = Peer("scikit-learn, n_jobs", refuse_jobs, _nothing, open_jobs, lambda *_: "n_jobs set")
OURS = Peer("this project", lambda estimator: "", _nothing, open_predictor, lambda *_: "the registered file")
LATENCY, THROUGHPUT = _for_objective("latency"), _for_objective("throughput")
