"""FixedThresholdClassifier and TunedThresholdClassifierCV → the classifier's score against a threshold.

In: a fitted classifier of two classes.
Out: label, and the classifier's probabilities or (option raw_scores) its decision function.
Promise: exact where the classifier is: scores meet the threshold in float64, those of linear models,
kernels and networks are calculated in it, and shares of votes are k ÷ n there (members.py).

    label = the positive class where score ≥ threshold, else the other one
            (model_selection/_classification_threshold.py and utils/_response.py, 1.9)
    score = probability of the positive class, or the decision function, whose sign turns where the
            positive class is the first one

skl2onnx 1.20 compares float32 scores with a rounded threshold, and does not know the fixed one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .members import answers_in_steps, double_rows, twin, widened, write_member
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Writer

NAMES = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")


def register() -> None:
    """Replace skl2onnx's converter, and make it know the fixed threshold."""
    import sklearn.model_selection
    from skl2onnx import update_registered_converter

    for name in NAMES:
        update_registered_converter(
            getattr(sklearn.model_selection, name),
            f"Sklearn{name}",
            classifier_types,
            convert,
            overwrite=True,
            options=CLASSIFIER_OPTIONS,
        )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator, writer = operator.raw_operator, Writer(scope, container)
    algebra, classifier = Algebra(writer, DOUBLE), estimator.estimator_
    rows = None if answers_in_steps(classifier) else double_rows(writer, operator)
    wants_raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    decides_raw = response_method(estimator) == "decision_function"
    _, deciding = write_member(writer, operator, classifier, raw=decides_raw, inputs=rows)
    scores = widened(algebra, deciding, classifier)
    column, turned = _column(estimator)
    score = algebra.add("Gather", [scores, writer.constant(np.array(column))], axis=1)
    reached = algebra.add("GreaterOrEqual", [score, algebra.number(threshold_of(estimator))])
    index = cast(writer, algebra.add("Not", [reached]) if turned else reached, np.int64)
    label, answer = (output.full_name for output in operator.outputs)
    writer.label(index, estimator.classes_, label)
    if wants_raw != decides_raw:
        _, deciding = write_member(writer, operator, twin(classifier), raw=wants_raw, inputs=rows)
    writer.finish(cast(writer, deciding, np.float32), answer)


def response_method(estimator: Any) -> str:
    """Return the method whose scores meet the threshold: the first one of those wanted that exists."""
    wanted = estimator._get_response_method()
    methods = [wanted] if isinstance(wanted, str) else wanted
    return next(str(name) for name in methods if hasattr(estimator.estimator_, name))


def threshold_of(estimator: Any) -> float:
    """Return the threshold in float64."""
    tuned = getattr(estimator, "best_threshold_", None)
    value = estimator.threshold if tuned is None else tuned
    if isinstance(value, str):  # "auto"
        return 0.5 if response_method(estimator) == "predict_proba" else 0.0
    return float(value)


def _column(estimator: Any) -> tuple[int, bool]:
    """Return which column of the two scores decides, and whether the positive class is the first one."""
    positive = _positive_label(estimator)
    turned = positive is not None and bool(np.flatnonzero(estimator.classes_ == positive)[0] == 0)
    return (0 if turned else 1), turned


def _positive_label(estimator: Any) -> Any:
    scorer = getattr(estimator, "_curve_scorer", None)
    return estimator.pos_label if scorer is None else scorer._get_pos_label()
