"""What every peer is to the suite.

In: a fitted estimator.
Out: `Peer`: whether it applies, what it makes, and how that answers.
Promise: asking whether a peer applies needs nothing of it installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cases import Fitted
from benchmarks.contenders import Plain
from benchmarks.datasets import Array
from flavor.quantized_onnx_v1.manifest import Manifest
from optimization.convert.structure import final_step
from optimization.measure.records import Contender


class PeerError(Exception):
    """A peer cannot make its model; the message is for the page."""


@dataclass(frozen=True)
class Subject:
    """What a peer may start from."""

    case: str
    fitted: Fitted
    plain: Plain
    """skl2onnx's graph."""
    content: bytes
    """The file that this project registers."""
    by_objective: Mapping[str, bytes]
    """Other files of this project, by the objective they are for; those that pass the gate."""
    manifest: Manifest


@dataclass(frozen=True)
class Opened:
    """A model that is ready to answer."""

    contender: Contender
    labels: Callable[[Array], Array]
    """From rows as a user holds them, `(n_rows, n_columns)`, to labels `(n_rows,)`."""


@dataclass(frozen=True)
class Peer:
    """One other way to serve, under the name the page gives it."""

    name: str
    refuse: Callable[[Any], str]
    """From an estimator to the reason why the peer does not apply, empty where it does."""
    make: Callable[[Subject], Any]
    """What goes to the process that measures, picklable; raises `PeerError`."""
    open: Callable[[Subject, Any, int], Opened]
    """The model that `make` made, with a number of threads."""
    note: Callable[[Subject, Any], str]
    """What was fitted or made, for the page."""


def kind_of(estimator: Any) -> str:
    """Return the name of the estimator's class, or of its last step's."""
    return type(final_step(estimator)).__name__


def is_pipeline(estimator: Any) -> bool:
    """Return whether there are steps before the last one."""
    return final_step(estimator) is not estimator


def most_probable(answer: Any, classes: Array) -> Array:
    """Return labels from probabilities `(n_rows, …, n_classes)`, or `(n_rows, …, 1)` of the second class."""
    scores = np.asarray(answer)
    scores = scores.reshape(len(scores), scores.shape[-1])
    chosen = scores[:, 0] > 1 / 2 if scores.shape[1] == 1 else scores.argmax(axis=1)
    return np.asarray(classes[chosen.astype(int)])
