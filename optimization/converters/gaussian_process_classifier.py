"""GaussianProcessClassifier → kernel matrix, mean and variance of the latent value, probability.

In: a fitted classifier of two classes, or of more as one_vs_rest or one_vs_one.
Out: label and probabilities; one_vs_one has no probabilities in scikit-learn either, only scores.
Promise: exact, with labels within t: a row whose latent value is within rounding of 0 may get the other.

    m = K (y − π)          v = k(x, x) − Σ (K Wᵀ)²,  W = L⁻¹ diag(√w)            (_gpc.py, GPML 3.2)
    p = ½ Σ cᵢ erf(λᵢ m ÷ √(1 + 2 λᵢ² v)) + ½ Σ cᵢ                             five terms
    two classes   label by m > 0                one_vs_rest   p ÷ Σ p, label by the first largest p
    one_vs_one    votes m > 0 + c ÷ (3 (|c| + 1)), c = ± p                      (utils/multiclass.py)

The cᵢ are thousands that cancel, so erf must be right to 10⁻⁹; onnxruntime (1.32) has it in float32 only.
erf(x) = 2x ÷ √π ∫₀¹ exp(−(x u)²) du by Gauss-Legendre is right to 10⁻¹⁴ for |x| ≤ 6, beyond which it is ±1.
Most of W may be numbers like 10⁻³⁰: what cannot move v is left out (`_relevant`). Products of such numbers
are subnormal, which takes processors of Intel ten times as long, and zeros take a bit of the file.
Far from all points m is 10⁻¹⁰⁰ and p is 0.5 to the last bit, yet the sign of m is the label: float64 where
float32 loses the sign.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .gaussian_kernels import diagonal_term, kernel_term, materialized, weighted
from .kernels import summing_order
from .precision import PROBABILITIES, finish, start
from .writer import Writer

Array = np.ndarray[Any, Any]
N_NODES, ERF_END = 32, 6.0
"""Nodes of the quadrature; where erf is ±1 to the last bit."""


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from sklearn.gaussian_process import GaussianProcessClassifier

    update_registered_converter(
        GaussianProcessClassifier,
        "SklearnGaussianProcessClassifier",
        calculate_linear_classifier_output_shapes,
        convert,
        overwrite=True,
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator = operator.raw_operator
    members = getattr(estimator.base_estimator_, "estimators_", [estimator.base_estimator_])
    latents = [_Latent(member) for member in members]
    points = np.asarray(members[0].X_train_, dtype=np.float64)

    by_sign = len(latents) == 1 or estimator.multi_class == "one_vs_one"

    def decisive(algebra: Algebra, rows: str) -> str:
        means, probabilities = _all(algebra, rows, latents)
        signs = [algebra.add("Sign", [means])] if by_sign else []
        return _beside(algebra, [probabilities, *signs])

    algebra, rows = start(scope, operator, container, decisive, points=points, allowed=PROBABILITIES)
    means, probabilities = _all(algebra, rows, latents)
    answer = _binary if len(latents) == 1 else _by_vote if estimator.multi_class == "one_vs_one" else _by_rest
    double = Algebra(algebra.writer, DOUBLE)
    index, scores = answer(double, means, probabilities, len(estimator.classes_))
    algebra.writer.label(index, estimator.classes_, operator.outputs[0].full_name)
    finish(algebra.writer, scores, np.float64, operator.outputs[1])


class _Latent:
    """One binary classifier of _gpc.py (_BinaryGaussianProcessClassifierLaplace)."""

    def __init__(self, member: Any) -> None:
        order = summing_order(len(member.X_train_))
        self.kernel = member.kernel_
        self.points = np.asarray(member.X_train_, dtype=np.float64)[order]
        self.weights = np.asarray(member.y_train_ - member.pi_, dtype=np.float64)[order, None]
        # _gpc.py solves with L as a general matrix
        self.spread = np.linalg.solve(member.L_, np.diag(member.W_sr_)).T[order]

    def write(self, algebra: Algebra, rows: str) -> tuple[str, str]:
        """Write the mean and the variance of the latent value, `(n_rows, 1)` each."""
        term = kernel_term(algebra, rows, self.points, self.kernel)
        mean = weighted(algebra, rows, term, self.weights)
        axis = algebra.writer.constant(np.array([1]))
        relevant = _relevant(self.spread, self.kernel, self.points, algebra.dtype)
        spread = weighted(algebra, rows, term, relevant)
        explained = algebra.add("ReduceSumSquare", [spread, axis], keepdims=1)
        prior = materialized(algebra, diagonal_term(algebra, rows, self.kernel))
        return mean, algebra.add("Sub", [prior, explained])


def _relevant(spread: Array, kernel: Any, points: Array, dtype: Any) -> Array:
    """`spread` without the entries that together move the variance by less than rounding in `dtype` does.

    The kernel's values are c = k(x, x) at most if it is stationary, and so is Σ (K Wᵀ)². Leaving out entries
    of sum d in each of n columns moves that by 2 c √(c n) d at most: by ε c ÷ 4 for d = ε ÷ (8 √(c n)).
    """
    if not kernel.is_stationary():
        return spread
    bound = float(kernel.diag(points[:1])[0])
    rising = np.sort(np.abs(spread), axis=0)
    allowed = np.finfo(dtype).eps / (8 * np.sqrt(bound * spread.shape[1]))
    n_small = (np.cumsum(rising, axis=0) <= allowed).sum(axis=0)
    least = rising[np.minimum(n_small, len(rising) - 1), np.arange(spread.shape[1])]
    return np.where(np.abs(spread) < least, 0.0, spread)


def _all(algebra: Algebra, rows: str, latents: list[_Latent]) -> tuple[str, str]:
    """Write the means, and the probabilities of the second class: `(n_rows, n_latents)` float64 each."""
    pairs = zip(*(latent.write(algebra, rows) for latent in latents), strict=True)
    means, variances = (_beside(algebra, list(names)) for names in pairs)
    if algebra.dtype != np.float64:
        means, variances = (cast(algebra.writer, name, np.float64) for name in (means, variances))
    return means, _squashed(Algebra(algebra.writer, DOUBLE), means, variances)


def _beside(algebra: Algebra, columns: list[str]) -> str:
    return algebra.add("Concat", columns, axis=1) if len(columns) > 1 else columns[0]


def _squashed(algebra: Algebra, means: str, variances: str) -> str:
    """Write p for latent means and variances, `(n_rows, n_latents)`."""
    from sklearn.gaussian_process._gpc import COEFS, LAMBDAS

    lambdas, weights = LAMBDAS.T, COEFS * 0.5
    last = algebra.writer.constant(np.array([-1]))
    mean, variance = (algebra.add("Unsqueeze", [name, last]) for name in (means, variances))
    inside = algebra.add("Add", [algebra.scaled(variance, 2.0 * lambdas**2), algebra.number(1.0)])
    argument = algebra.add("Div", [algebra.scaled(mean, lambdas), algebra.add("Sqrt", [inside])])
    weighted_sum = algebra.add("MatMul", [_erf(algebra, argument), algebra.number(weights.ravel())])
    return algebra.add("Add", [weighted_sum, algebra.number(weights.sum())])


def _erf(algebra: Algebra, argument: str) -> str:
    """Write erf of float64 by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    ends = [algebra.number(end) for end in (-ERF_END, ERF_END)]
    argument = algebra.add("Clip", [argument, *ends])
    last = algebra.writer.constant(np.array([-1]))
    along = algebra.scaled(algebra.add("Unsqueeze", [argument, last]), (nodes + 1.0) / 2.0)
    heights = algebra.add("Exp", [algebra.add("Neg", [algebra.add("Mul", [along, along])])])
    area = algebra.add("MatMul", [heights, algebra.number(weights / np.sqrt(np.pi))])
    return algebra.add("Mul", [argument, area])


def _binary(algebra: Algebra, means: str, probabilities: str, n_classes: int) -> tuple[str, str]:
    """The label's index and the probabilities of two classes."""
    positive = algebra.add("Greater", [means, algebra.number(0.0)])
    other = algebra.add("Sub", [algebra.number(1.0), probabilities])
    scores = algebra.add("Concat", [other, probabilities], axis=1)
    flat = algebra.add("Reshape", [positive, algebra.writer.constant(np.array([-1]))])
    return cast(algebra.writer, flat, np.int64), scores


def _by_rest(algebra: Algebra, means: str, probabilities: str, n_classes: int) -> tuple[str, str]:
    """The same of one_vs_rest."""
    axis = algebra.writer.constant(np.array([1]))
    total = algebra.add("ReduceSum", [probabilities, axis], keepdims=1)
    return _largest(algebra.writer, probabilities), algebra.add("Div", [probabilities, total])


def _by_vote(algebra: Algebra, means: str, probabilities: str, n_classes: int) -> tuple[str, str]:
    """The label's index and the scores of one_vs_one; a pair's second class wins where its mean is > 0."""
    identity = np.eye(n_classes)
    signs = np.array([identity[j] - identity[i] for i, j in combinations(range(n_classes), 2)])
    positive = algebra.add("Greater", [means, algebra.number(0.0)])
    votes = algebra.gemm(cast(algebra.writer, positive, np.float64), signs, (signs < 0).sum(axis=0))
    sums = algebra.gemm(probabilities, signs)
    thirds = algebra.add("Add", [algebra.scaled(algebra.add("Abs", [sums]), 3.0), algebra.number(3.0)])
    scores = algebra.add("Add", [votes, algebra.add("Div", [sums, thirds])])
    return _largest(algebra.writer, scores), scores


def _largest(writer: Writer, scores: str) -> str:
    return writer.add("ArgMax", [scores], axis=1, keepdims=0)
