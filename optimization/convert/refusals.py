"""What cannot be converted faithfully, refused by name.

In: a fitted estimator.
Out: nothing, or a ConversionError that names the step and a way out.
Promise: what is known to be converted wrongly by skl2onnx 1.20, and not mended, never gets as far as a graph.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import sparse

from optimization.convert.step_operations import is_calculated, operations_of
from optimization.convert.structure import is_sklearn, walk
from optimization.converters import clusterings, dummy, forest, register_converters, several_targets
from optimization.converters.distances import NAMES, metric_of
from optimization.converters.functions import FUNCTIONS
from optimization.converters.selection import NAMES as SELECTORS
from optimization.converters.transformed_target import inverse_of
from optimization.errors import ConversionError


def check_supported(estimator: Any) -> None:
    """Refuse what cannot be converted, naming the step.

    Raises:
        ConversionError: an estimator skl2onnx does not know, or a known hazard without a remedy.
    """
    known = _known_classes()
    for name, part in walk(estimator):
        for hazard in REFUSED:
            reason = hazard(part)
            if reason:
                raise ConversionError(f"{_where(name, part)} {reason}")
        mended = is_calculated(part) or any(is_sklearn(part, selector) for selector in SELECTORS)
        if type(part) not in known and not mended:
            raise ConversionError(_unsupported(name, part))


def _known_classes() -> set[type]:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    register_converters()
    return {*sklearn_operator_name_map, ColumnTransformer, FeatureUnion, Pipeline}


def _unsupported(name: str, part: Any) -> str:
    return (
        f"{_where(name, part)} of {type(part).__module__.split('.')[0]} has no ONNX converter;"
        " replace it by an estimator that skl2onnx 1.20 converts"
        " (linear models, trees and forests, boosting, SVM, neighbours, naive Bayes, MLP, clustering,"
        " PCA, scalers, encoders, imputers)"
    )


def _where(name: str, part: Any) -> str:
    kind = type(part).__name__
    return f"{name} ({kind})" if name else f"the estimator {kind}"


def _training_rows_only(part: Any) -> str:
    """Clusterings and detectors that have no answer to other rows."""
    if not hasattr(part, "fit_predict") or hasattr(part, "predict") or hasattr(part, "transform"):
        return ""
    other = "novelty=True" if hasattr(part, "novelty") else "one with predict, such as KMeans or Birch"
    return f"labels the rows that it was trained with alone; use {other}"


def _without_centers(part: Any) -> str:
    """A clustering around centers that has none."""
    if not any(is_sklearn(part, name) for name in clusterings.NAMES) or len(clusterings.centers_of(part)):
        return ""
    return "has no centers, because it did not converge or was given distances; train it with other settings"


def _not_arithmetic(part: Any) -> str:
    """What `Arithmetic` alone can write, in a setting that it cannot."""
    if not is_calculated(part) or operations_of(part) is not None:
        return ""
    if is_sklearn(part, "FunctionTransformer"):
        name = getattr(part.func, "__name__", str(part.func))
        return (
            f"applies {name}, which has no ONNX form;"
            f" use a function of NumPy without arguments, one of {', '.join(FUNCTIONS)}"
        )
    return next((reason for name, reason in NOT_ARITHMETIC.items() if is_sklearn(part, name)), NOT_MARKED)


def _way_back(part: Any) -> str:
    """TransformedTargetRegressor: the inverse of what its target went through."""
    if not is_sklearn(part, "TransformedTargetRegressor") or inverse_of(part.transformer_) is not None:
        return ""
    return (
        "transforms its target by something whose inverse has no ONNX form; use a scaler, PowerTransformer,"
        f" QuantileTransformer, or a function of NumPy, inverse_func being one of {', '.join(FUNCTIONS)}"
    )


def _several_outputs(part: Any) -> str:
    """Classifiers of several targets that are no ensemble of members, trees, or neighbours."""
    if hasattr(part, "steps") or not several_targets.has_several_targets(part):
        return ""
    if not any(is_sklearn(part, name) for name in SEVERAL):
        return (
            f"classifies {len(part.classes_)} targets at once, which is not supported;"
            " put a classifier of one target into MultiOutputClassifier"
        )
    if several_targets.is_supported(part):
        return ""
    return (
        "classifies targets of texts and of numbers, or hands on what is no number: use"
        " chain_method='predict', or train and convert one classifier per target"
    )


def _at_random(part: Any) -> str:
    if not is_sklearn(part, "DummyClassifier") or part.strategy not in dummy.RANDOM:
        return ""
    return f"draws its answers (strategy={part.strategy!r}), which a graph does not; use strategy='prior'"


def _beyond_the_ends(part: Any) -> str:
    if not is_sklearn(part, "IsotonicRegression") or part.out_of_bounds != "raise":
        return ""
    return "refuses rows beyond its thresholds, which a graph cannot do; use out_of_bounds='clip' or 'nan'"


def _own_kernel(part: Any) -> str:
    if not callable(getattr(part, "kernel", None)) or _is_gaussian_process(part):
        return ""
    return "uses a kernel of one's own, which has no ONNX counterpart; use linear, poly, rbf or sigmoid"


def _is_gaussian_process(part: Any) -> bool:
    return type(part).__name__.startswith("GaussianProcess")


def _neighbours(part: Any) -> str:
    """Nearest neighbours by a function of one's own, or of distances that are handed over."""
    if not hasattr(part, "effective_metric_") or not hasattr(part, "_fit_X"):
        return ""
    if callable(getattr(part, "weights", None)):
        return "weighs neighbours by a function of one's own; use weights='uniform' or 'distance'"
    if sparse.issparse(part._fit_X) and (n_numbers := math.prod(part._fit_X.shape)) > MOST_DENSE:
        return (
            f"keeps sparse rows of {n_numbers:,} numbers, which a graph keeps dense, up to"
            f" {MOST_DENSE:,}; choose fewer columns before it, or train it with fewer rows"
        )
    if metric_of(part) is None:
        name = getattr(part.effective_metric_, "__name__", part.effective_metric_)
        return (
            f"measures by {name!r}, which cannot be written; use a metric among {sorted(set(NAMES.values()))}"
        )
    return ""


MOST_DENSE = 2**26
"""Numbers of training rows that a graph may hold: 256 MB in float32."""
NOT_MARKED = (
    "indicates missing values of columns that are not all numbers with some value, missing being NaN;"
    " use missing_values=np.nan, and drop columns without any value before training"
)
NOT_ARITHMETIC = {
    "QuantileTransformer": (
        "has less than two quantiles, or a column without any value; drop such columns before training"
    ),
    "SplineTransformer": (
        "refuses rows beyond its knots, which a graph cannot do; use another extrapolation than 'error'"
    ),
    "FeatureAgglomeration": "pools by something else than np.mean, which has no ONNX form; use np.mean",
    "KNNImputer": (
        "measures or weighs in a way that has no ONNX form, or keeps columns without any value; use"
        " missing_values=np.nan, metric='nan_euclidean', weights 'uniform' or 'distance', and drop such"
        " columns before training"
    ),
    "IterativeImputer": (
        "imputes in a way that has no ONNX form, or keeps columns without any value; use"
        " missing_values=np.nan, a linear model such as BayesianRidge, sample_posterior=False, and drop such"
        " columns before training"
    ),
}
"""scikit-learn's class → why an instance that is not arithmetic is refused."""
SEVERAL = (
    "MultiOutputClassifier",
    "ClassifierChain",
    "KNeighborsClassifier",
    *(name for name in forest.NAMES if not name.startswith("Bagging")),
)
"""Classifiers of several targets that are converted."""
REFUSED = (
    _training_rows_only,
    _without_centers,
    _not_arithmetic,
    _way_back,
    _several_outputs,
    _at_random,
    _beyond_the_ends,
    _own_kernel,
    _neighbours,
)
"""Each returns why it refuses a part, or ""."""
