"""A model folder → a fitted estimator, through MLflow's own loader.

In: a local folder with an `MLmodel` file of flavor sklearn (skops, pickle or cloudpickle format).
Out: the fitted scikit-learn estimator, and notes on what is odd about it.
Promise: MLflow's pickle switch, the trusted types and the model's own code are honoured as
`mlflow.sklearn.load_model` honours them; whatever goes wrong is a `SourceError` that names the remedy.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from optimization.errors import SourceError
from optimization.source_uri import one_line, temporary_folder

FLAVOR = "sklearn"
SKOPS = "skops"
_SHOWN = 10
"""Files of a folder that are listed in a message."""
_SWITCH = MLFLOW_ALLOW_PICKLE_DESERIALIZATION.name


def read_mlmodel(folder: Path, uri: str) -> Model:
    """Return the folder's `MLmodel`, after checking that it describes a scikit-learn model.

    Raises:
        SourceError: no folder, no readable MLmodel, another flavor, or the serialized file is missing.
    """
    model = read_any_mlmodel(folder, uri)
    _check_flavor(folder, dict(model.flavors), uri)
    return model


def read_any_mlmodel(folder: Path, uri: str) -> Model:
    """Return the folder's `MLmodel`, whatever its flavors.

    Raises:
        SourceError: no folder, or no readable MLmodel.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise SourceError(
            f"expected an MLflow model folder at {uri}, found {found}; give models:/NAME/VERSION,"
            " models:/NAME@ALIAS, models:/m-ID, runs:/RUN/PATH, s3://… or a folder that holds an MLmodel file"
        )
    if not (folder / "MLmodel").is_file():
        raise SourceError(
            f"expected an MLmodel file in {uri}, found {_names(folder)};"
            " give the folder that mlflow.sklearn.log_model or save_model wrote"
        )
    try:
        model = Model.load(str(folder))
        dict(model.flavors)
    except (yaml.YAMLError, MlflowException, TypeError, ValueError, AttributeError, KeyError) as error:
        raise SourceError(
            f"the MLmodel file of {uri} cannot be read ({one_line(error)}); log the model again"
        ) from error
    return model


def open_estimator(
    folder: Path, model: Model, *, uri: str, trusted_types: tuple[str, ...]
) -> tuple[Any, tuple[str, ...]]:
    """Return the fitted estimator of a checked folder, and notes.

    Raises:
        SourceError: forbidden by MLflow's switch, untrusted types, a missing module, another
            scikit-learn version's file, no scikit-learn estimator, or not fitted.
    """
    conf = model.flavors[FLAVOR]
    notes: tuple[str, ...] = ()
    if trusted_types and conf.get("serialization_format") == SKOPS:
        folder = _trusting_copy(folder, trusted_types)
    elif trusted_types:
        notes = ("skops_trusted_types has no effect: the model was not saved in skops format",)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = _load(folder, conf, uri=uri, trusted_types=trusted_types)
    _check_estimator(estimator, uri)
    return estimator, notes + _version_notes(caught)


def _check_flavor(folder: Path, flavors: Mapping[str, Any], uri: str) -> None:
    if FLAVOR not in flavors:
        raise SourceError(
            f"expected a model of flavor sklearn at {uri}, found {', '.join(sorted(flavors)) or 'no flavor'};"
            " log it with mlflow.sklearn.log_model"
        )
    name = flavors[FLAVOR].get("pickled_model")
    if not name or not (folder / name).is_file():
        raise SourceError(
            f"expected the serialized model {name!r} in {uri}, found {_names(folder)};"
            " the upload was not finished or the file was deleted: log the model again"
        )


def _trusting_copy(folder: Path, trusted_types: Iterable[str]) -> Path:
    """Copy the folder and add trusted types to its MLmodel: the one place where MLflow looks for them."""
    copy = temporary_folder() / "model"
    shutil.copytree(folder, copy)
    model = Model.load(str(copy))
    conf = model.flavors[FLAVOR]
    conf["skops_trusted_types"] = sorted({*(conf.get("skops_trusted_types") or ()), *trusted_types})
    model.save(str(copy / "MLmodel"))
    return copy


def _load(folder: Path, conf: Mapping[str, Any], *, uri: str, trusted_types: tuple[str, ...]) -> Any:
    try:
        return mlflow.sklearn.load_model(str(folder))
    except Exception as error:  # unpickling runs the model's own code, which may raise anything
        raise _load_error(error, folder, conf, uri=uri, trusted_types=trusted_types) from error


def _load_error(
    error: Exception, folder: Path, conf: Mapping[str, Any], *, uri: str, trusted_types: tuple[str, ...]
) -> SourceError:
    if isinstance(error, MlflowException) and _SWITCH in error.message:
        return SourceError(
            f"{_SWITCH}=false forbids opening {uri}, whose {_format(conf)} file can run code when it is"
            f" opened; if you trust its author, set {_SWITCH}=true"
        )
    if conf.get("serialization_format") == SKOPS and type(error).__name__ == "UntrustedTypesFoundException":
        return _untrusted(folder / conf["pickled_model"], conf, uri, trusted_types)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("sklearn"):
        return _missing_module(error, uri)
    if isinstance(error, AttributeError) and "__main__" in str(error):
        return SourceError(
            f"{uri} uses a class or function of the notebook or script that logged it ({error}); put it in a"
            " module and log the model again with code_paths=[…], or with serialization_format='cloudpickle'"
        )
    return _unreadable(error, conf, uri)


def _untrusted(file: Path, conf: Mapping[str, Any], uri: str, trusted_types: tuple[str, ...]) -> SourceError:
    from skops.io import get_untrusted_types  # 0.7 s, and already loaded on this path

    allowed = {*(conf.get("skops_trusted_types") or ()), *trusted_types}
    names = ",".join(name for name in get_untrusted_types(file=file) if name not in allowed)
    return SourceError(
        f"the skops file of {uri} holds types that are not trusted: {names}; if you trust the model's author,"
        f" add -P skops_trusted_types={','.join([*trusted_types, names])}"
        " or log the model again with skops_trusted_types=[…]"
    )


def _missing_module(error: ModuleNotFoundError, uri: str) -> SourceError:
    return SourceError(
        f"{uri} needs the Python module {error.name!r}, which is not installed here; install it in this"
        " environment, or log the model again with code_paths=[…] if the module is your own"
    )


def _unreadable(error: Exception, conf: Mapping[str, Any], uri: str) -> SourceError:
    saved, installed = conf.get("sklearn_version", "unknown"), version("scikit-learn")
    if saved != installed:
        return SourceError(
            f"{uri} was saved by scikit-learn {saved} and cannot be opened by {installed}"
            f" ({one_line(error)}); install scikit-learn {saved} here, or train and log the model again"
        )
    return SourceError(
        f"the {_format(conf)} file of {uri} cannot be opened ({one_line(error)});"
        " it may be damaged: log the model again"
    )


def _check_estimator(estimator: Any, uri: str) -> None:
    from sklearn.base import BaseEstimator  # the model has loaded scikit-learn by now
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, type) or not isinstance(estimator, BaseEstimator):
        raise SourceError(
            f"expected a scikit-learn estimator in {uri}, found an object of type"
            f" {type(estimator).__module__}.{type(estimator).__qualname__}; log the estimator itself"
        )
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise SourceError(
            f"the {type(estimator).__name__} in {uri} is not fitted; call fit before logging it"
        ) from error


def _version_notes(caught: Iterable[warnings.WarningMessage]) -> tuple[str, ...]:
    """Turn scikit-learn's warning per step into one note per version; pass on all other warnings."""
    from sklearn.exceptions import InconsistentVersionWarning

    saved: set[str] = set()
    for item in caught:
        if isinstance(item.message, InconsistentVersionWarning):
            saved.add(str(item.message.original_sklearn_version))
        else:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return tuple(
        f"the model was saved by scikit-learn {name} and is opened by {version('scikit-learn')},"
        " which may answer differently"
        for name in sorted(saved)
    )


def _format(conf: Mapping[str, Any]) -> str:
    return str(conf.get("serialization_format", "pickle"))


def _names(folder: Path) -> str:
    names = sorted(item.name for item in folder.iterdir())
    return (
        ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        or "nothing"
    )
