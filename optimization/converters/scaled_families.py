"""Which estimators take a scaler into their thresholds.

In: a fitted estimator.
Out: whether its converter heeds `scaled_trees.SCALING`.
Promise: False where any part of it would be left to skl2onnx, which knows nothing of scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import ada_boost, ada_boost_regressor, averages, forest, gradient_boosting, hist_gradient_boosting


def _always(estimator: Any) -> bool:
    return True


FAMILIES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(forest.NAMES, forest.is_supported),
    **dict.fromkeys(averages.NAMES, averages.is_supported),
    "GradientBoostingClassifier": gradient_boosting.takes_scaling,
    "GradientBoostingRegressor": gradient_boosting.takes_scaling,
    "HistGradientBoostingClassifier": hist_gradient_boosting.takes_scaling,
    "HistGradientBoostingRegressor": hist_gradient_boosting.takes_scaling,
    "AdaBoostClassifier": ada_boost.is_supported,
    "AdaBoostRegressor": ada_boost_regressor.is_supported,
    "IsolationForest": _always,
}
"""scikit-learn's class → whether this instance is converted by us."""


def takes_scaling(estimator: Any) -> bool:
    """Whether `estimator` is one of scikit-learn's own, and converted by us."""
    supported = FAMILIES.get(type(estimator).__name__)
    return bool(supported and type(estimator).__module__.startswith("sklearn.") and supported(estimator))
