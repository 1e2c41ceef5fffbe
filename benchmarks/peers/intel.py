"""The Intel extension for scikit-learn: its own estimators, or its reading of boosted trees.

In: an estimator of the suite.
Out: for forests, SVMs, neighbours and logistic regression, the extension's estimator of the same name,
fitted with the same settings on the same rows; for boosted trees, which it does not fit, the same
trees in its inference engine (`daal4py.mb`), read by treelite.
Promise: the page says which of the two it was, and whether the extension answers itself or hands over to
scikit-learn.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
from typing import Any

import numpy as np

from benchmarks.cases import CASES, fit
from benchmarks.contenders import method_of
from benchmarks.datasets import Array
from benchmarks.peers.peer import Opened, Peer, Subject, is_pipeline, kind_of, most_probable
from optimization.convert.structure import final_step
from optimization.measure.records import Contender

FITTED = {
    "RandomForestClassifier": "ensemble",
    "ExtraTreesClassifier": "ensemble",
    "SVC": "svm",
    "KNeighborsClassifier": "neighbors",
    "LogisticRegression": "linear_model",
}
"""Estimators that the extension fits, and where they are in `sklearnex`."""
READ = ("GradientBoostingClassifier", "HistGradientBoostingClassifier")
"""Estimators whose trees it reads."""
RANDOM = ("RandomForestClassifier", "ExtraTreesClassifier")
"""Estimators that come out otherwise: the extension draws its own random numbers."""


def refuse(estimator: Any) -> str:
    """Return why the extension does not apply, or an empty string."""
    kind = kind_of(estimator)
    if kind in READ and is_pipeline(estimator):
        return "reads no Pipeline"
    return "" if kind in FITTED or kind in READ else f"has no {kind}"


def make(subject: Subject) -> Any:
    """Return the extension's fitted estimator; None for trees that are read when they are opened."""
    if kind_of(subject.fitted.estimator) in READ:
        return None
    case = next(item for item in CASES if item.name == subject.case)
    family = dataclasses.replace(case.family, make=lambda: _of_extension(case.family.make()))
    return fit(dataclasses.replace(case, family=family)).estimator


def _of_extension(estimator: Any) -> Any:
    """Return the unfitted estimator with its last step of the extension, settings kept."""
    last = final_step(estimator)
    module = importlib.import_module(f"sklearnex.{FITTED[kind_of(estimator)]}")
    own = getattr(module, kind_of(estimator))(**last.get_params(deep=False))
    if not is_pipeline(estimator):
        return own
    estimator.steps[-1] = (estimator.steps[-1][0], own)
    return estimator


def open_estimator(subject: Subject, model: Any, n_threads: int) -> Opened:
    """Return the extension's estimator or reading, with `n_threads` threads."""
    import daal4py

    daal4py.daalinit(n_threads)
    if model is None:
        return _open_trees(subject.fitted.estimator)
    # Not set_params: estimators without such a setting in scikit-learn have it here.
    final_step(model).n_jobs = n_threads
    return Opened(Contender(PEER.name, getattr(model, method_of(model))), model.predict)


def _open_trees(estimator: Any) -> Opened:
    import treelite
    from daal4py.mb import convert_model

    model = convert_model(treelite.sklearn.import_model(estimator))

    def labels(rows: Array) -> Array:
        return most_probable(model.predict_proba(rows), estimator.classes_)

    return Opened(Contender(PEER.name, model.predict_proba), labels)


def note(subject: Subject, model: Any) -> str:
    """Say what was fitted or read, and who answers."""
    if model is None:
        return "the same trees, read by its inference engine"
    kind = kind_of(model)
    what = (
        "another forest of the same settings" if kind in RANDOM else f"its own {kind}, same settings and rows"
    )
    return f"{what}{'; it hands over to scikit-learn' if _hands_over(model, subject.fitted.features) else ''}"


class _Listener(logging.Handler):
    """Remembers what the extension says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _hands_over(model: Any, rows: Array) -> bool:
    """Return whether scikit-learn answers in the extension's place, by what the extension itself logs."""
    logger, listener = logging.getLogger("sklearnex"), _Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        getattr(model, method_of(model))(np.asarray(rows))
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
    return not any("accelerated" in line for line in listener.said)


PEER = Peer("Intel extension", refuse, make, open_estimator, note)
