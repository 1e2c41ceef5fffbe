"""SVR, NuSVR and OneClassSVM → kernel matrix and one Gemm.

In: a fitted estimator; any kernel but a function of one's own.
Out: values; for OneClassSVM label, decision_function and, with the option, score_samples.
Promise: exact; OneClassSVM within t, because a row within float32 rounding of 0 may get the other label.

    value         = Σ K(x, s) coefficients + intercept
    label         = 1 where value > 0, else −1                      svm.cpp: predict_values
    score_samples = value + offset_                                 svm/_classes.py

A detector that decides some training rows by less than float32 can gets float64 rows (svm_model.py). Its
support vectors take 4 bytes a value all the same where that moves none of their own decisions by more
than a share of the smallest.

With few support vectors onnxruntime's SVMRegressor is one node for seven: it takes differences row by
row in float32, which is exact enough, and slow only where there are many.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import CODED, DOUBLE, SINGLE, Algebra, Precision
from .kernels import Expansion, Kernel
from .output_types import DETECTOR_OPTIONS, detector_parser
from .precision import SCORES, VALUES, Allowed, evaluate, finish, start, started
from .svm_model import regression_expansion
from .writer import ML_DOMAIN, Writer

FEW_VECTORS = 24
"""With more, SVMRegressor is slower in batch (4 to 30 features, onnxruntime 1.32, one thread)."""

MOVED = 1 / 16
"""Of the smallest decision on a support vector, what codes of the vectors may move any by."""


def register() -> None:
    """Replace skl2onnx's converters of the three."""
    from skl2onnx import update_registered_converter
    from sklearn.svm import SVR, NuSVR, OneClassSVM

    for kind in (SVR, NuSVR):
        update_registered_converter(kind, "SklearnSVR", declare_values, convert_regressor, overwrite=True)
    update_registered_converter(
        OneClassSVM,
        "SklearnOneClassSVM",
        declare_scores,
        convert_detector,
        overwrite=True,
        options=DETECTOR_OPTIONS,
        parser=detector_parser("SklearnOneClassSVM"),
    )


def declare_values(operator: Any) -> None:
    """Declare `(n_rows, 1)` values."""
    operator.outputs[0].type.shape = [None, 1]


def declare_scores(operator: Any) -> None:
    """Declare `(n_rows, 1)` labels and scores."""
    for output in operator.outputs:
        output.type.shape = [None, 1]


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of SVR or NuSVR."""
    algebra, values = _values(scope, operator, container, VALUES)
    finish(algebra.writer, values, algebra.dtype, operator.outputs[0])


def convert_detector(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of OneClassSVM."""
    algebra, values = _values(scope, operator, container, SCORES)
    writer = algebra.writer
    _sides(algebra, values, operator.outputs[0].full_name)
    finish(writer, values, algebra.dtype, operator.outputs[1])
    for output in operator.outputs[2:]:
        offset = algebra.number(float(np.ravel(operator.raw_operator.offset_)[0]))
        finish(writer, algebra.add("Add", [values, offset]), algebra.dtype, output)


def _sides(algebra: Algebra, values: str, label: str) -> None:
    """Write 1 where a value is > 0, else −1: where it is 0 too, and where it is not a number."""
    positive = algebra.add("Greater", [values, algebra.number(0.0)])
    algebra.writer.inlier(positive, label)


def _values(scope: Any, operator: Any, container: Any, allowed: Allowed) -> tuple[Algebra, str]:
    """Write `(n_rows, 1)` values; returns the algebra of their dtype, and their name."""
    expansion = regression_expansion(operator.raw_operator)
    if not len(expansion.points):
        points = np.zeros((1, operator.raw_operator.n_features_in_))
        expansion = Expansion(Kernel("linear"), points, np.zeros((1, 1)), expansion.bias)
    if _is_few(operator, expansion):
        writer = Writer(scope, container)
        return Algebra(writer, SINGLE), _few(writer, operator.inputs[0].full_name, expansion)
    if _is_wide(operator) and allowed == SCORES and expansion.seen is not None:
        algebra, rows = started(scope, operator, container, wide_precision(expansion))
    else:
        algebra, rows = start(
            scope, operator, container, expansion.write, points=expansion.seen, allowed=allowed
        )
    return algebra, expansion.write(algebra, rows)


def _is_wide(operator: Any) -> bool:
    from skl2onnx.common.data_types import DoubleTensorType

    return isinstance(operator.inputs[0].type, DoubleTensorType)


def _is_few(operator: Any, expansion: Expansion) -> bool:
    """Whether SVMRegressor answers in one node."""
    from skl2onnx.common.data_types import FloatTensorType

    single = isinstance(operator.inputs[0].type, FloatTensorType)
    return single and 0 < len(expansion.points) <= FEW_VECTORS and expansion.kernel.name == "rbf"


def wide_precision(expansion: Expansion) -> Precision:
    """Return CODED where it moves no decision on a support vector by more than `MOVED` of the smallest."""
    decisions, found = (evaluate(expansion.write, expansion.points, p) for p in (DOUBLE, CODED))
    return CODED if np.abs(found - decisions).max() <= MOVED * np.abs(decisions).min() else DOUBLE


def _few(writer: Writer, rows: str, expansion: Expansion) -> str:
    return writer.add(
        "SVMRegressor",
        [rows],
        domain=ML_DOMAIN,
        coefficients=np.float32(expansion.weights.ravel()).tolist(),
        kernel_params=np.array([expansion.kernel.gamma, 0.0, 0.0], np.float32).tolist(),
        kernel_type="RBF",
        n_supports=len(expansion.points),
        rho=np.float32(expansion.bias).tolist(),
        support_vectors=np.float32(expansion.points.ravel()).tolist(),
    )
