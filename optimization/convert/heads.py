"""Which methods an estimator answers to, and where a graph holds each answer.

In: a fitted estimator.
Out: `Head`s: method, conversion ("plain" or "raw" scores), output, activation.
Promise: where scikit-learn defines probabilities as a function of the decision function, the graph
does so too: one copy of the parameters serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from optimization.convert.structure import final_step, is_sklearn
from optimization.converters.far_scores import are_far
from optimization.converters.several_targets import has_several_targets
from optimization.errors import ConversionError

SCORES_FIRST = (
    "LogisticRegression",
    "LogisticRegressionCV",
    "LinearDiscriminantAnalysis",
    "QuadraticDiscriminantAnalysis",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
)
"""predict_proba = sigmoid (two classes) or softmax of decision_function, in scikit-learn 1.9:
sklearn/linear_model/_logistic.py, discriminant_analysis.py, ensemble/_gb.py (with the exponential
loss: sigmoid of twice that)."""
PREDICTS_FROM_SCORES = ("SGDClassifier", "OneVsRestClassifier")
"""predict = argmax of decision_function while the probabilities saturate (linear_model/_base.py,
multiclass.py); not where each row has several labels."""
NAMES = {
    "predict": "label",
    "predict_proba": "probabilities",
    "decision_function": "decision_function",
    "transform": "transformed",
    "score_samples": "score_samples",
}
"""Method → name of the ONNX output; a regressor's `predict` is called "variable"."""


@dataclass(frozen=True)
class Head:
    """One method and its place in a graph that skl2onnx writes."""

    method: str
    output: int
    """Index among skl2onnx's outputs."""
    graph: str = "plain"
    """"plain" or "raw": converted with the option raw_scores."""
    activation: str = ""
    """"Sigmoid", "Softmax", "DoubleSigmoid" (of twice the score) or "FarSoftmax" (converters/far_scores.py)
    on that output, or "" for none."""
    name: str = ""
    """Name of the ONNX output."""


def plan_heads(estimator: Any, answering: Any = None) -> tuple[Head, ...]:
    """Return the heads of `estimator`, the default method first.

    Args:
        estimator: mended, as it will be written.
        answering: whose methods there are, the user's own; None: `estimator`.

    Raises:
        ConversionError: the estimator has no method that a graph could answer.
    """
    final, answering = final_step(estimator), estimator if answering is None else answering
    heads = tuple(head for head in _kind_heads(estimator, final) if hasattr(answering, head.method))
    if not heads:
        raise ConversionError(
            f"expected an estimator with predict or transform, found {type(final).__name__} without either"
        )
    return heads


def _kind_heads(estimator: Any, final: Any) -> tuple[Head, ...]:
    if is_classifier(estimator):
        return _classifier_heads(estimator, final)
    if is_regressor(estimator):
        return (Head("predict", 0, name="variable"),)
    if is_outlier_detector(estimator):
        return (_head("predict", 0), _head("decision_function", 1), _head("score_samples", 2))
    if type(final).__name__.endswith("GaussianMixture"):
        return (_head("predict", 0), _head("predict_proba", 1), _head("score_samples", 2))
    if is_clusterer(estimator):
        return (_head("predict", 0), _head("transform", 1))
    return (_head("transform", 0),)


def _classifier_heads(estimator: Any, final: Any) -> tuple[Head, ...]:
    probabilities, scores = (hasattr(estimator, m) for m in ("predict_proba", "decision_function"))
    if _decides_by_pairs(final) or _answers_with_lists(final):
        return (_head("predict", 0),)
    if probabilities and scores and _scores_first(final):
        activation = _activation(final)
        return (
            _head("predict", 0, "raw"),
            _head("predict_proba", 1, "raw", activation),
            _head("decision_function", 1, "raw"),
        )
    from_scores = type(final).__name__ in PREDICTS_FROM_SCORES and not getattr(final, "multilabel_", False)
    if probabilities and scores and from_scores:
        return (_head("predict", 0, "raw"), _head("predict_proba", 1), _head("decision_function", 1, "raw"))
    if probabilities:
        return (_head("predict", 0), _head("predict_proba", 1), _head("decision_function", 1, "raw"))
    return (_head("predict", 0, "raw"), _head("decision_function", 1, "raw"))


def _answers_with_lists(final: Any) -> bool:
    """Of several targets predict_proba is a list of arrays, but for a chain's."""
    return has_several_targets(final) and not is_sklearn(final, "ClassifierChain")


def _decides_by_pairs(final: Any) -> bool:
    """GaussianProcessClassifier: predict_proba exists but raises (gaussian_process/_gpc.py)."""
    return is_sklearn(final, "GaussianProcessClassifier") and (
        final.multi_class == "one_vs_one" and final.n_classes_ > 2
    )


def _scores_first(final: Any) -> bool:
    if type(final).__name__ not in SCORES_FIRST or not type(final).__module__.startswith("sklearn."):
        return False
    return getattr(final, "loss", "log_loss") in ("log_loss", "exponential")


def _activation(final: Any) -> str:
    """sklearn/_loss/loss.py: ExponentialLoss.predict_proba is expit(2 · raw)."""
    if getattr(final, "loss", "") == "exponential":
        return "DoubleSigmoid"
    if len(final.classes_) == 2:
        return "Sigmoid"
    return "FarSoftmax" if are_far(final) else "Softmax"


def _head(method: str, output: int, graph: str = "plain", activation: str = "") -> Head:
    return Head(method, output, graph, activation, NAMES[method])
