"""Models of any flavor that can be timed here: this project's, mlflow.sklearn's, mlflow.onnx's.

In: a model URI that MLflow resolves.
Out: an `Opened`: what it is, what it takes, and how it answers.
Promise: a model is opened by its leanest way: the native predictor, the estimator itself, a bare session;
what cannot be opened so is a `SourceError`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FLAVORS = ("quantized_onnx", "sklearn", "onnx")
"""In the order of preference: this project's models carry the flavor onnx too."""


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A model that is ready to answer."""

    uri: str
    """Permanent form of the URI."""
    what: str
    """Such as "RandomForestClassifier, flavor sklearn"."""
    n_bytes: int
    labels: bool
    """Whether it answers with labels rather than with numbers."""
    columns: tuple[str, ...] | None
    """Names of the columns it reads; None where it knows positions only."""
    n_columns: int | None
    """Columns of a row; None where any number is taken."""
    matrix: str | None
    """Dtype of the matrix that it takes, "" for any; None for a model that needs a table."""
    answer: Callable[[Any], Any]
    """Rows as they were loaded → answers."""
    contender: Callable[[str, bool], Any]
    """Name, and whether rows are a matrix → the `Contender`."""
    estimator: Any
    """What the rows are checked with: scikit-learn's estimator, or a stand-in that answers."""
    signature: Any = None
    input_example: Any = None
    notes: tuple[str, ...] = ()


def open_model(
    uri: str, *, working_dir: Path, skops_trusted_types: tuple[str, ...], n_threads: int
) -> Opened:
    """Return the model that `uri` names.

    Raises:
        SourceError: not found, of a flavor that cannot be opened here, or not readable.
        ServerError: the server or the store does not answer.
    """
    from optimization.errors import SourceError
    from optimization.source import read_example
    from optimization.source_open import read_any_mlmodel
    from optimization.source_uri import fetch, pin_uri, resolve_path

    pinned = pin_uri(resolve_path(uri, working_dir))
    folder = fetch(pinned.uri)
    model = read_any_mlmodel(folder, pinned.uri)
    flavor = next((name for name in FLAVORS if name in model.flavors), None)
    if flavor is None:
        raise SourceError(
            f"expected a model of flavor {', '.join(FLAVORS)} at {uri},"
            f" found {', '.join(sorted(model.flavors)) or 'no flavor'}; leave it out of model_uris"
        )
    if flavor == "sklearn":
        return _open_sklearn(folder, pinned, uri, skops_trusted_types, n_threads)
    example, notes = read_example(model, folder)
    opened = (_open_ours if flavor == "quantized_onnx" else _open_onnx)(folder, model, uri, n_threads)
    return dataclasses.replace(
        opened, uri=pinned.uri, signature=model.signature, input_example=example, notes=notes
    )


def _open_sklearn(folder: Path, pinned: Any, uri: str, trusted: tuple[str, ...], n_threads: int) -> Opened:
    import numpy as np
    from sklearn.base import is_regressor

    from entrypoints.inputs import of_tables
    from entrypoints.measuring import original_method
    from optimization.convert.structure import walk
    from optimization.data_columns import expected_columns
    from optimization.measure.records import Contender
    from optimization.source import read_source

    source = of_tables(read_source(folder, pinned, uri=uri, skops_trusted_types=trusted))
    estimator, method = source.estimator, source.predict_fn
    expected = expected_columns(estimator, source.signature)
    by_name = any(type(part).__name__ == "ColumnTransformer" for _, part in walk(estimator))

    def own_form(rows: Any) -> Any:
        names = list(expected.names or ())
        if hasattr(rows, "iloc") and set(names) <= set(rows.columns):
            rows = rows[names] if names else rows
        return rows if expected.as_frame else np.asarray(rows)

    def contender(name: str, as_matrix: bool) -> Any:
        timed = original_method(estimator, method, n_threads, keep_names=not as_matrix)
        return Contender(name, timed, None if as_matrix else own_form)

    return Opened(
        uri=source.pinned_uri,
        what=f"{source.estimator_name}, flavor sklearn",
        n_bytes=source.size_bytes,
        labels=method == "predict" and not is_regressor(estimator),
        columns=expected.names,
        n_columns=expected.n_features,
        matrix=None if by_name else "",
        answer=lambda rows: getattr(estimator, method)(own_form(rows)),
        contender=contender,
        estimator=estimator,
        signature=source.signature,
        input_example=source.input_example,
        notes=source.notes,
    )


def _open_ours(folder: Path, model: Any, uri: str, n_threads: int) -> Opened:
    import numpy as np

    import flavor
    from flavor.quantized_onnx_v1.manifest import FLOATS
    from optimization.errors import SourceError
    from optimization.measure.records import Contender
    from optimization.measure.turns import taking_turns

    try:
        predictor = flavor.load_model(str(folder), session=taking_turns(n_threads))
        predictor.session()
    except Exception as error:  # a damaged file, or a newer format
        raise SourceError(f"{uri} cannot be opened ({' '.join(str(error).split())})") from error
    manifest = predictor.manifest
    method = manifest.methods[manifest.default_method]
    is_matrix = (
        len(manifest.inputs) == 1 and manifest.positions is None and manifest.inputs[0].dtype in FLOATS
    )
    decides = bool({"predict_proba", "decision_function"} & set(manifest.methods))
    labels = manifest.default_method == "predict" and (
        decides or not method.dtype["float64"].startswith("float")
    )
    dtype = manifest.inputs[0].dtype
    columns = manifest.columns if manifest.named else None

    def contender(name: str, as_matrix: bool) -> Any:
        return Contender(
            name, predictor.predict, (lambda rows: np.asarray(rows, dtype)) if as_matrix else None
        )

    return Opened(
        uri=uri,
        what=f"{manifest.source.get('estimator', 'model')}, flavor quantized_onnx ({manifest.quantization})",
        n_bytes=len(predictor.content),
        labels=labels,
        columns=columns,
        n_columns=manifest.n_columns,
        matrix=dtype if is_matrix else None,
        answer=predictor.predict,
        contender=contender,
        estimator=stand_in(predictor.predict, columns, manifest.n_columns, labels=labels),
    )


def _open_onnx(folder: Path, model: Any, uri: str, n_threads: int) -> Opened:
    from optimization.measure.plain_onnx import open_plain_onnx
    from optimization.measure.records import Contender

    schema = model.signature.inputs if model.signature else None
    signed = schema.input_names() if schema is not None and schema.has_input_names() else None
    file = folder / model.flavors["onnx"]["data"]
    plain = open_plain_onnx(file, shown_as=uri, n_threads=n_threads, columns=signed)
    return Opened(
        uri=uri,
        what="flavor onnx",
        n_bytes=plain.n_bytes,
        labels=plain.labels,
        columns=plain.columns,
        n_columns=plain.n_columns,
        matrix=plain.matrix or None,
        answer=plain.answer,
        contender=lambda name, _: Contender(name, plain.run, plain.feeds),
        estimator=stand_in(plain.answer, plain.columns, plain.n_columns, labels=plain.labels),
    )


def stand_in(
    predict: Callable[[Any], Any], columns: Sequence[str] | None, n_columns: int | None, *, labels: bool
) -> Any:
    """Return what looks to the loading of rows like the estimator behind `predict`."""
    from sklearn.base import BaseEstimator

    class StandIn(BaseEstimator):  # type: ignore[misc]
        """Answers, and knows its columns."""

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.estimator_type = "classifier" if labels else "regressor"
            return tags

        def predict(self, rows: Any) -> Any:
            return predict(rows)

    found = StandIn()
    if columns is not None:
        found.feature_names_in_ = list(columns)
    if n_columns is not None:
        found.n_features_in_ = n_columns
    return found
