"""Reference models: trained on scikit-learn's own data, for a run without `model_uri`.

In: a name of `REFERENCES` and one of `DATASETS`.
Out: a model logged in MLflow, and the held-out rows.
Promise: the same names and library versions give the same model; one that was logged before is found
again without training, and without importing scikit-learn.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import mlflow

from optimization.data import Rows, make_rows
from optimization.errors import ParameterError

SEED = 42
TEST_SIZE = 0.3
"""Share of the rows that is held out for comparing the models."""
EXAMPLE_ROWS = 5
"""Rows of the input example."""
TAG = "reference_key"
"""Tag of a logged reference model that says what it was made from."""
_LIBRARIES = ("scikit-learn", "numpy", "scipy", "mlflow-skinny")
_Item = TypeVar("_Item")
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Kind:
    """One scikit-learn class and its arguments."""

    path: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    scaled: bool = False
    """Whether a StandardScaler goes before it."""


@dataclass(frozen=True)
class Family:
    """What a name of `REFERENCES` trains on labels and on numbers; None where it cannot."""

    classifier: Kind | None
    regressor: Kind | None


@dataclass(frozen=True)
class Dataset:
    """A data set that comes with scikit-learn."""

    loader: str
    labels: bool


_FOREST = {"n_estimators": 100, "random_state": SEED}
_SEEDED = {"random_state": SEED}
_MLP = {"hidden_layer_sizes": (64,), "max_iter": 1000, "random_state": SEED}
# Without an early stop it learns the 309 rows of diabetes by heart and does not converge.
_MLP_NUMBERS = {**_MLP, "early_stopping": True, "learning_rate_init": 0.01}

REFERENCES: Mapping[str, Family] = {
    "random_forest": Family(
        Kind("sklearn.ensemble.RandomForestClassifier", _FOREST),
        Kind("sklearn.ensemble.RandomForestRegressor", _FOREST),
    ),
    "gradient_boosting": Family(
        Kind("sklearn.ensemble.GradientBoostingClassifier", _SEEDED),
        Kind("sklearn.ensemble.GradientBoostingRegressor", _SEEDED),
    ),
    "hist_gradient_boosting": Family(
        Kind("sklearn.ensemble.HistGradientBoostingClassifier", _SEEDED),
        Kind("sklearn.ensemble.HistGradientBoostingRegressor", _SEEDED),
    ),
    "logistic_regression": Family(
        Kind("sklearn.linear_model.LogisticRegression", {"max_iter": 1000}, scaled=True), None
    ),
    "svc": Family(Kind("sklearn.svm.SVC", scaled=True), Kind("sklearn.svm.SVR", {"C": 100.0}, scaled=True)),
    "knn": Family(
        Kind("sklearn.neighbors.KNeighborsClassifier", scaled=True),
        Kind("sklearn.neighbors.KNeighborsRegressor", scaled=True),
    ),
    "mlp": Family(
        Kind("sklearn.neural_network.MLPClassifier", _MLP, scaled=True),
        Kind("sklearn.neural_network.MLPRegressor", _MLP_NUMBERS, scaled=True),
    ),
    "regressor": Family(None, Kind("sklearn.ensemble.RandomForestRegressor", _FOREST)),
}
"""The values of `reference_model`; the data set decides between classifier and regressor."""

DATASETS: Mapping[str, Dataset] = {
    "iris": Dataset("load_iris", labels=True),
    "wine": Dataset("load_wine", labels=True),
    "breast_cancer": Dataset("load_breast_cancer", labels=True),
    "digits": Dataset("load_digits", labels=True),
    "diabetes": Dataset("load_diabetes", labels=False),
}
"""The values of `dataset`."""


def choose_dataset(reference_model: str, dataset: str = "") -> str:
    """Return `dataset`, or the default of the reference model if it is empty: iris, diabetes for a regressor.

    Raises:
        ParameterError: an unknown name, or a pair that does not go together.
    """
    family = _look_up(REFERENCES, "reference_model", reference_model)
    if not dataset:
        return "iris" if family.classifier else "diabetes"
    _choose_kind(reference_model, dataset)
    return dataset


def find_reference(reference_model: str, dataset: str, *, experiment_id: str | None = None) -> str | None:
    """Return the URI of an equal reference model logged before, None if there is none to use.

    Args:
        reference_model: a name of `REFERENCES`.
        dataset: a name of `DATASETS`.
        experiment_id: where to look; None is MLflow's active experiment.

    Raises:
        ParameterError: as `choose_dataset`.
    """
    _choose_kind(reference_model, dataset)
    models = mlflow.search_logged_models(
        experiment_ids=None if experiment_id is None else [experiment_id],
        filter_string=f"tags.{TAG} = '{reference_key(reference_model, dataset)}'",
        output_format="list",
    )
    return next((model.model_uri for model in models if _is_complete(model.model_uri)), None)


def log_reference(reference_model: str, dataset: str) -> str:
    """Train a reference model, log it to the active run (if there is one) and return its URI.

    It is logged in pickle format: this process made it, and skops costs 0.7 s more in every process
    that opens the model.

    Raises:
        ParameterError: as `choose_dataset`.
    """
    estimator, rows = train_reference(reference_model, dataset)
    example = rows.features.head(EXAMPLE_ROWS)
    with _without_pickle_warning():
        info = mlflow.sklearn.log_model(
            estimator,
            name=f"reference_{reference_model}_{dataset}",
            serialization_format="pickle",
            signature=mlflow.models.infer_signature(example, estimator.predict(example)),
            input_example=example,
            # Named here, MLflow need not load the model in a second process to find them out.
            pip_requirements=[f"{name}=={version(name)}" for name in ("scikit-learn", "numpy", "pandas")],
            tags={TAG: reference_key(reference_model, dataset)},
        )
    return str(info.model_uri)


def train_reference(reference_model: str, dataset: str) -> tuple[Any, Rows]:
    """Return the fitted estimator and the held-out rows.

    Raises:
        ParameterError: as `choose_dataset`.
    """
    kind = _choose_kind(reference_model, dataset)
    train, target, rows = _split(dataset)
    estimator = _build(kind).fit(train, target)
    return estimator, rows


def reference_rows(dataset: str) -> Rows:
    """Return the held-out rows of a data set.

    Raises:
        ParameterError: an unknown name.
    """
    return _split(dataset)[2]


def reference_key(reference_model: str, dataset: str) -> str:
    """Return a digest of all that a reference model is made from."""
    parts = [reference_model, dataset, *(f"{name}=={version(name)}" for name in _LIBRARIES)]
    code = Path(__file__).read_bytes()
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + code).hexdigest()


def _choose_kind(reference_model: str, dataset: str) -> Kind:
    family = _look_up(REFERENCES, "reference_model", reference_model)
    labels = _look_up(DATASETS, "dataset", dataset).labels
    if kind := family.classifier if labels else family.regressor:
        return kind
    fitting = [name for name, item in DATASETS.items() if item.labels != labels]
    others = [name for name, item in REFERENCES.items() if (item.classifier if labels else item.regressor)]
    raise ParameterError(
        f"reference_model={reference_model} cannot be trained on dataset={dataset}, whose target is"
        f" {'a class' if labels else 'a number'}: choose dataset={' or '.join(fitting)},"
        f" or reference_model={' or '.join(others)}"
    )


def _look_up(table: Mapping[str, _Item], parameter: str, value: str) -> _Item:
    if value not in table:
        raise ParameterError(
            f"expected {parameter} to be one of {', '.join(table)}, found {value!r}; choose one of them"
        )
    return table[value]


def _split(dataset: str) -> tuple[Any, Any, Rows]:
    """Return training features, training target and the held-out rows."""
    kind = _look_up(DATASETS, "dataset", dataset)
    # Only when they are needed: 0.7 s with SciPy.
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    features, target = getattr(datasets, kind.loader)(return_X_y=True, as_frame=True)
    train, test, train_target, test_target = train_test_split(
        features,
        target.to_numpy(),
        test_size=TEST_SIZE,
        random_state=SEED,
        stratify=target if kind.labels else None,
    )
    name = f"{dataset}, held-out {TEST_SIZE:.0%}"
    rows = make_rows(
        test.reset_index(drop=True), test_target, name=name, uri=f"sklearn.datasets.{kind.loader}"
    )
    return train, train_target, rows


def _build(kind: Kind) -> Any:
    """Return the unfitted estimator; imports its family only."""
    module, _, name = kind.path.rpartition(".")
    estimator = getattr(import_module(module), name)(**kind.parameters)
    if not kind.scaled:
        return estimator
    from sklearn.pipeline import make_pipeline  # as above
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def _is_complete(uri: str) -> bool:
    """Return whether the model's files are still there; MLflow keeps the record when they are not."""
    try:
        return any(item.path.rpartition("/")[2] == "MLmodel" for item in mlflow.artifacts.list_artifacts(uri))
    except Exception:  # each store has its own kind of error; training anew is right in every case
        return False


@contextmanager
def _without_pickle_warning() -> Iterator[None]:
    """Keep MLflow from warning of a pickle that this process has just made."""
    logger = logging.getLogger("mlflow.sklearn")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
