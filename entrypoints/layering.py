"""The logged model, layer by layer: what onnxruntime, this flavor and MLflow each take of one row.

In: the model as `mlflow.pyfunc.load_model` returned it, and the inputs of the benchmark.
Out: `Layers`.
Promise: it is the model that is registered, with the code that travels inside it; what MLflow refuses is
reported with a reason, and ends no run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NO_NAMES = "MLflow takes no ndarray where the signature has named columns"


def layers_of(model: Any, inputs: Any) -> Any:
    """Return the `Layers` of the loaded `model`."""
    from optimization.measure.layers import DATAFRAME, NDARRAY, measure_layers
    from optimization.measure.records import Contender

    schema = model.metadata.get_input_schema()
    features = inputs.rows.features
    contenders, why_not = native_layers(model.get_raw_model(), inputs), {}
    forms = {DATAFRAME: lambda rows: as_frame(rows, schema), NDARRAY: lambda rows: as_array(rows, schema)}
    for name, prepare in forms.items():
        reason = refusal(model, prepare, features[:1])
        if reason:
            named = schema is not None and schema.has_input_names() and not schema.is_tensor_spec()
            why_not[name] = NO_NAMES if named and name == NDARRAY else reason
            continue
        contenders.append(Contender(name, model.predict, prepare))
        if name == DATAFRAME and schema is not None:
            contenders += inner_layers(model, schema, prepare)
    return measure_layers(contenders, features, why_not=why_not)


def native_layers(predictor: Any, inputs: Any) -> list[Any]:
    """Return the session with a ready feed, and the native predictor with a row as it takes it fastest."""
    from entrypoints.measuring import plain_rows
    from flavor.quantized_onnx_v1.feeds import to_feeds
    from optimization.measure.layers import PREDICTOR, SESSION
    from optimization.measure.records import Contender

    manifest, session = predictor.manifest, predictor.session()
    outputs = [manifest.methods[manifest.default_method].output]

    def plain(rows: Any) -> Any:
        return plain_rows(inputs.source.estimator, rows, manifest)

    return [
        Contender(
            SESSION, lambda feeds: session.run(outputs, feeds), lambda rows: to_feeds(plain(rows), manifest)
        ),
        Contender(PREDICTOR, predictor.predict, plain),
    ]


def inner_layers(model: Any, schema: Any, prepare: Callable[[Any], Any]) -> list[Any]:
    """Return MLflow's schema enforcement, and our part: what MLflow calls with the rows it has enforced.

    Nothing where MLflow, whose own functions these are, has them under other names.
    """
    try:
        from mlflow.models.utils import _enforce_params_schema, _enforce_schema
    except ImportError:
        return []

    from optimization.measure.layers import ENFORCEMENT, FLAVOR
    from optimization.measure.records import Contender

    params = _enforce_params_schema(None, model.metadata.get_params_schema())
    implementation = model._model_impl  # "a stable developer API", says MLflow
    return [
        Contender(ENFORCEMENT, lambda rows: _enforce_schema(rows, schema), prepare),
        Contender(
            FLAVOR,
            lambda rows: implementation.predict(rows, params=params),
            lambda rows: _enforce_schema(prepare(rows), schema),
        ),
    ]


def refusal(model: Any, prepare: Callable[[Any], Any], rows: Any) -> str:
    """Return why `model` does not answer `rows` in that form; "" if it does."""
    try:
        model.predict(prepare(rows))
    except Exception as error:  # whatever MLflow raises
        # MLflow's own sentence stands last; before it the row is quoted, which is the user's own.
        return " ".join(str(error).rpartition("Error: ")[2].split())[:200]
    return ""


def as_frame(rows: Any, schema: Any) -> Any:
    """Return rows as a DataFrame with the signature's column names."""
    import numpy as np
    import pandas as pd

    if not isinstance(rows, np.ndarray):
        return rows
    named = schema is not None and schema.has_input_names()
    return pd.DataFrame(rows, columns=schema.input_names() if named else None)


def as_array(rows: Any, schema: Any) -> Any:
    """Return rows as an ndarray of the signature's dtype where it has one."""
    import numpy as np

    tensor = schema is not None and schema.is_tensor_spec()
    return np.asarray(rows, dtype=schema.inputs[0].type if tensor else None)
