"""GaussianProcessRegressor → kernel matrix and one Gemm.

In: a fitted regressor; kernels of gaussian_kernels.py, normalize_y, several targets.
Out: the mean of the posterior.
Promise: exact.

    mean = (K(x, X_train) α) std + mean_y        std and mean_y go into the Gemm   (_gpr.py: predict)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import Algebra
from .gaussian_kernels import count_matrices, kernel_term, weighted
from .kernels import summing_order
from .precision import OWN_VALUES, VALUES, finish, start


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.gaussian_process import GaussianProcessRegressor

    update_registered_converter(
        GaussianProcessRegressor,
        "SklearnGaussianProcessRegressor",
        declare_mean,
        convert,
        overwrite=True,
        options={"return_cov": [False], "return_std": [False]},
    )


def declare_mean(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` values."""
    alpha = getattr(operator.raw_operator, "alpha_", np.zeros(1))
    operator.outputs[0].type.shape = [None, alpha.reshape(len(alpha), -1).shape[1]]


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes.

    Raises:
        ValueError: the regressor was never fitted, or its kernel has no ONNX form.
    """
    estimator = operator.raw_operator
    if not hasattr(estimator, "X_train_"):
        raise ValueError("the Gaussian process was never fitted; fit it first")
    points = np.asarray(estimator.X_train_, dtype=np.float64)
    order = summing_order(len(points))
    alpha = estimator.alpha_.reshape(len(points), -1) * estimator._y_train_std

    def mean(algebra: Algebra, rows: str) -> str:
        term = kernel_term(algebra, rows, points[order], estimator.kernel_)
        return weighted(algebra, rows, term, alpha[order], estimator._y_train_mean)

    allowed = VALUES if count_matrices(estimator.kernel_) == 1 else OWN_VALUES
    algebra, rows = start(scope, operator, container, mean, points=points, allowed=allowed)
    finish(algebra.writer, mean(algebra, rows), algebra.dtype, operator.outputs[0])
