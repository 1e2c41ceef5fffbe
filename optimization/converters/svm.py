"""SVC and NuSVC → kernel matrix, one Gemm for the pairs of classes, votes.

In: a fitted classifier; any kernel but a function of one's own.
Out: label, and probabilities (where it was fitted with them) or decision_function.
Promise: within t: pairwise decisions differ by float32 rounding, so a row that lies that close to a
boundary may get the other label, and a decision_function that counts votes jumps by one there.

    d[i, j]       = Σ K(x, s) coefficients + intercept              svm_model.py
    votes         = 1[d > 0] V + n                                  V[i j, i] = 1, V[i j, j] = −1
    label         = the first class with the most votes             svm.cpp: predict_values
    two classes   = the first where d > 0; scores [d, −d]           _base.py: the sign is flipped; the
                                                                    Gemm has a column for each
    ovr scores    = votes + c ÷ (3 (|c| + 1)), c = d V              utils/multiclass.py
    probabilities = libsvm's coupling of 1 ÷ (1 + exp(A d + B))

The coupling is an iteration that stops early, row by row, so its result is no closed formula.
onnxruntime's SVMClassifier contains the same iteration: it gets the decisions as rows, with a linear
kernel and unit vectors as support vectors, and hands them to the coupling unchanged.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from .algebra import SINGLE, Algebra, cast
from .kernels import Expansion
from .output_types import CLASSIFIER_OPTIONS
from .precision import SCORES, finish, start
from .svm_model import pairwise_expansion
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]


def register() -> None:
    """Replace skl2onnx's converter of the two classifiers."""
    from skl2onnx import update_registered_converter
    from sklearn.svm import SVC, NuSVC

    for kind in (SVC, NuSVC):
        update_registered_converter(
            kind, "SklearnSVC", calculate_shapes, convert, overwrite=True, options=CLASSIFIER_OPTIONS
        )


def calculate_shapes(operator: Any) -> None:
    """Declare labels and scores; scores of pairs are as many as there are pairs."""
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    if _answers_pairs(operator.raw_operator) and not _has_probabilities(operator.raw_operator):
        n_classes = len(operator.raw_operator.classes_)
        operator.outputs[1].type.shape = [None, n_classes * (n_classes - 1) // 2]


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes; the second output holds probabilities where the estimator has them."""
    estimator = operator.raw_operator
    expansion = _mirrored(pairwise_expansion(estimator))
    algebra, rows = start(scope, operator, container, expansion.write, points=expansion.seen, allowed=SCORES)
    decisions = algebra.to_single(expansion.write(algebra, rows))
    votes = _Votes(algebra.writer, estimator, decisions)
    wants_raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    coupled = _has_probabilities(estimator) and not wants_raw
    scores = _couple(algebra.writer, estimator, decisions) if coupled else votes.scores()
    algebra.writer.label(votes.winner(), estimator.classes_, operator.outputs[0].full_name)
    finish(algebra.writer, scores, np.float32, operator.outputs[1])


class _Votes:
    """What is read off the pairwise decisions, `(n_rows, n_pairs)` float32; [d, −d] of a single pair."""

    def __init__(self, writer: Writer, estimator: Any, decisions: str) -> None:
        self.algebra, self.decisions = Algebra(writer, SINGLE), decisions
        self.binary = len(estimator.classes_) == 2
        self.by_scores = estimator.break_ties and not self.binary
        self.pairs = _answers_pairs(estimator)
        self.signs = _signs(len(estimator.classes_))

    def winner(self) -> str:
        """Write the index of the winning class."""
        if self.binary:  # libsvm votes for the second class where the decision is 0
            return self.algebra.add("ArgMax", [self.scores()], axis=1, keepdims=0, select_last_index=1)
        ballot = self.scores() if self.by_scores else self._count("Greater", self.signs)
        return self.algebra.add("ArgMax", [ballot], axis=1, keepdims=0)

    def scores(self) -> str:
        """Write decision_function; for two classes its negative comes first."""
        if self.binary:
            return self.decisions
        if self.pairs:
            return self.decisions
        confidence = self.algebra.add("Softsign", [self.algebra.gemm(self.decisions, self.signs)])
        thirds = self.algebra.scaled(confidence, 1.0 / 3.0)
        against = 0.0 - self.signs  # and not −signs, whose −0.0 is no whole number
        return self.algebra.add("Add", [self._count("Less", against), thirds])

    def _count(self, comparison: str, signs: Array) -> str:
        """Write the votes: a pair's vote goes to its class with sign 1 where the comparison holds."""
        holds = self.algebra.add(comparison, [self.decisions, self.algebra.number(0.0)])
        ones = cast(self.algebra.writer, holds, np.float32)
        return self.algebra.gemm(ones, signs, (signs < 0).sum(axis=0))


def _mirrored(expansion: Expansion) -> Expansion:
    """Two classes: [d, −d] costs a column of weights and no node; float32 sums of both are bit-equal."""
    if len(expansion.bias) > 1:
        return expansion
    weights, bias = (
        np.concatenate([values, -values], axis=-1) for values in (expansion.weights, expansion.bias)
    )
    return replace(expansion, weights=weights, bias=bias)


def _couple(writer: Writer, estimator: Any, decisions: str) -> str:
    """Write libsvm's probabilities of decisions; SVMClassifier's own label is not read."""
    n_classes = len(estimator.classes_)
    pairs = list(combinations(range(n_classes), 2))
    coefficients = np.zeros((n_classes - 1, len(pairs)))
    # Vectors stand class by class: pair (i, j) is the vector that class i keeps for its row j − 1.
    for vector, (_, j) in enumerate(pairs):
        coefficients[j - 1, vector] = 1.0
    _, probabilities = writer.add_all(
        "SVMClassifier",
        [decisions],
        [writer.name("label"), writer.name("probabilities")],
        domain=ML_DOMAIN,
        classlabels_ints=list(range(n_classes)),
        coefficients=coefficients.ravel().tolist(),
        kernel_type="LINEAR",
        kernel_params=[0.0, 0.0, 0.0],
        post_transform="NONE",
        prob_a=np.float32(estimator._probA).tolist(),
        prob_b=np.float32(estimator._probB).tolist(),
        rho=[0.0] * len(pairs),
        # Of two classes' columns [d, −d] the first counts.
        support_vectors=np.eye(len(pairs), max(len(pairs), 2)).ravel().tolist(),
        vectors_per_class=[n_classes - 1 - i for i in range(n_classes)],
    )
    return probabilities


def _signs(n_classes: int) -> Array:
    """`(n_pairs, n_classes)`: 1 for a pair's first class, −1 for its second."""
    identity = np.eye(n_classes)
    return np.array([identity[i] - identity[j] for i, j in combinations(range(n_classes), 2)])


def _answers_pairs(estimator: Any) -> bool:
    return estimator.decision_function_shape == "ovo" and len(estimator.classes_) > 2


def _has_probabilities(estimator: Any) -> bool:
    return len(estimator._probA) > 0
