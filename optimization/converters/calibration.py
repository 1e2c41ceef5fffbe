"""CalibratedClassifierCV → the members' scores, one table of calibrators for all of them, one mean.

In: a fitted classifier, whose members know all classes.
Out: label and probabilities.
Promise: exact in the calibration, which is float64; members are as exact as their own converters.

    t       = decision_function, or predict_proba where there is none                (calibration.py, 1.9)
    sigmoid   p = 1 ÷ (1 + exp(a t + b))
    isotonic  p on the line between two thresholds (isotonic.py)
    two classes: [1 − p, p]     more: p ÷ Σ p, or 1 ÷ n_classes where the sum is 0
    temperature  softmax(β s), s = t, of two classes [−t, t], or log(t + 10⁻¹²) of probabilities
    probabilities = mean over members;  label = the first largest

skl2onnx 1.20 takes the nearest threshold's y, which is off wherever y changes, and treats a member
without a decision function as if it had one.
A steep piece of an isotonic curve amplifies the rounding of t: `steepness` says when members are written
in float64.  Trees answer in float32 whatever the rows are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .isotonic import table_of, write_isotonic
from .linear import write_joined
from .members import answers_in_steps, double_rows, last_step, widened, write_member
from .output_types import PROBABILITY_OPTIONS, classifier_types
from .writer import Writer

Array = np.ndarray[Any, Any]
SMALL = 1e-12
"""Added to probabilities before their logarithm is taken (calibration.py: _convert_to_logits)."""
VISIBLE = 1e-5
"""A probability that float32 scores move by more calls for float64 scores."""
NEAR = 2.0**-20
"""A score as close to a threshold as this share of it stands on it: thresholds are scores of training
rows, trees give rows the same few scores, and two classes that are equally likely there must stay so."""


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.calibration import CalibratedClassifierCV

    update_registered_converter(
        CalibratedClassifierCV,
        "SklearnCalibratedClassifierCV",
        classifier_types,
        convert,
        overwrite=True,
        options=PROBABILITY_OPTIONS,
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator = operator.raw_operator
    folds, classes = estimator.calibrated_classifiers_, estimator.classes_
    # Before a temperature is fitted, texts become positions among the classes.
    known = [classes, np.arange(len(classes))] if folds[0].method == "temperature" else [classes]
    if any(not any(np.array_equal(fold.estimator.classes_, item) for item in known) for fold in folds):
        raise NotImplementedError("a member of CalibratedClassifierCV has not seen all classes")
    writer = Writer(scope, container)
    algebra = Algebra(writer, DOUBLE)
    if folds[0].method == "temperature":
        mean = _tempered(algebra, operator, folds)
    else:
        scores = _scores(algebra, operator, folds)
        calibrators = [calibrator for fold in folds for calibrator in fold.calibrators]
        write = _sigmoid if folds[0].method == "sigmoid" else write_isotonic
        mean = _mean(algebra, write(algebra, scores, calibrators), len(folds), len(classes))
    label, probabilities = (output.full_name for output in operator.outputs)
    writer.label(algebra.add("ArgMax", [mean], axis=1, keepdims=0), classes, label)
    writer.finish(cast(writer, mean, np.float32), probabilities)


def _scores(algebra: Algebra, operator: Any, folds: Any) -> str:
    """Write the scores of all members side by side, `(n_rows, n_calibrators)` float64.

    Of an SVC that gives a score for each pair of classes scikit-learn takes the first, one for each class
    (calibration.py: `zip` of predictions and calibrators).
    """
    writer, n_classes = algebra.writer, len(folds[0].calibrators)
    two = n_classes == 1
    wide = folds[0].method == "isotonic" and steepness(folds) > VISIBLE
    joined = write_joined(algebra, operator, [fold.estimator for fold in folds], fine=wide)
    if joined:
        return joined
    rows = double_rows(writer, operator) if wide else None
    columns = []
    for fold in folds:
        raw = hasattr(fold.estimator, "decision_function")
        _, scores = write_member(writer, operator, fold.estimator, raw=raw, inputs=rows)
        if two:
            scores = writer.add("Gather", [scores, writer.constant(np.array([1]))], axis=1)
        elif raw and getattr(last_step(fold.estimator), "decision_function_shape", "ovr") == "ovo":
            scores = writer.add("Gather", [scores, writer.constant(np.arange(n_classes))], axis=1)
        columns.append(widened(algebra, scores, fold.estimator))
    return writer.add("Concat", columns, axis=1) if len(columns) > 1 else columns[0]


def _tempered(algebra: Algebra, operator: Any, folds: Any) -> str:
    """Write the mean of the members' probabilities, each sharpened or flattened as a whole.

    The members' own scores are [−t, t] of two classes, as scikit-learn makes them of its one column.
    A probability of 10⁻¹⁰ counts for its logarithm, so those that are no shares of votes are float64.
    """
    parts, wide = [], None
    if not any(answers_in_steps(fold.estimator) for fold in folds):
        wide = double_rows(algebra.writer, operator)
    for fold in folds:
        raw = hasattr(fold.estimator, "decision_function")
        _, scores = write_member(algebra.writer, operator, fold.estimator, raw=raw, inputs=wide)
        scores = widened(algebra, scores, fold.estimator)
        if not raw:
            scores = algebra.add("Log", [algebra.add("Add", [scores, algebra.number(SMALL)])])
        heated = algebra.scaled(scores, float(fold.calibrators[0].beta_))
        parts.append(algebra.add("Softmax", [heated], axis=1))
    total = algebra.add("Sum", parts) if len(parts) > 1 else parts[0]
    return algebra.scaled(total, 1.0 / len(parts))


def steepness(folds: Any) -> float:
    """Return by how much float32 scores can move a probability."""
    tables = [table_of(calibrator) for fold in folds for calibrator in fold.calibrators]
    return max(float(np.max(np.abs(slope) * np.max(np.abs(x)))) for x, _, slope in tables) * 2.0**-23


def _sigmoid(algebra: Algebra, scores: str, calibrators: Any) -> str:
    """Not by Sigmoid: onnxruntime's is 1 − 1 ÷ (1 + exp(t)) below 0, which is 0 from −37 on (1.32).

    Far out all classes are that small, and their shares are not.
    """
    a, b = (np.array([getattr(item, name) for item in calibrators]) for name in ("a_", "b_"))
    argument = algebra.add("Mul", [scores, algebra.number(a)])
    power = algebra.add("Exp", [algebra.add("Add", [argument, algebra.number(b)])])
    return algebra.add("Reciprocal", [algebra.add("Add", [power, algebra.number(1.0)])])


def _mean(algebra: Algebra, calibrated: str, n_folds: int, n_classes: int) -> str:
    """Write normalised probabilities of all members, and their mean over these."""
    writer = algebra.writer
    if n_classes == 2:
        share = (
            algebra.add("ReduceMean", [calibrated, writer.constant(np.array([1]))], keepdims=1)
            if n_folds > 1
            else calibrated
        )
        return algebra.add("Concat", [algebra.add("Sub", [algebra.number(1.0), share]), share], axis=1)
    shape = writer.constant(np.array([-1, n_folds, n_classes]))
    grouped = algebra.add("Reshape", [calibrated, shape])
    total = algebra.add("ReduceSum", [grouped, writer.constant(np.array([2]))], keepdims=1)
    nothing = algebra.add("Equal", [total, algebra.number([[[0.0]]])])  # of one rank: broadcast at once
    uniform = algebra.number(1.0 / n_classes)
    shares = algebra.add("Where", [nothing, uniform, algebra.add("Div", [grouped, total])])
    summed = writer.sum_parts(shares, n_folds, n_classes)
    return algebra.add("Div", [summed, algebra.number(float(n_folds))])
