"""The signature of the logged model, in one of two styles.

In: the source model, the rows with the original's answers, and the manifest.
Out: MLflow's `ModelSignature`.
Promise: `columns` is the source's own signature, so that the model replaces the source's; `tensor` is one
unnamed matrix, which MLflow checks at once whatever its width, and which a model of anything else refuses.
"""

from __future__ import annotations

from typing import Any

COLUMNS, TENSOR = "columns", "tensor"
STYLES = (COLUMNS, TENSOR)


def make_signature(style: str, source: Any, data: Any, manifest: Any) -> Any:
    """Return the signature in `style`, one of `STYLES`.

    Raises:
        ParameterError: a tensor was asked for, and the model takes more than one matrix of numbers.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    own = _columns(source, data, manifest)
    if style == COLUMNS:
        return own
    shape = (-1, manifest.n_columns)
    inputs = Schema([TensorSpec(matrix_dtype(data.features, manifest), shape)])
    return ModelSignature(inputs=inputs, outputs=own.outputs, params=own.params)


def matrix_dtype(features: Any, manifest: Any) -> Any:
    """Return the dtype of the rows as one matrix, which is the only one that MLflow will let through.

    Raises:
        ParameterError: the model takes more than one matrix of numbers.
    """
    import numpy as np

    from flavor.quantized_onnx_v1.manifest import FLOATS
    from optimization.errors import ParameterError

    found = ""
    dtype = np.asarray(features).dtype
    if len(manifest.inputs) > 1:
        found = f"{len(manifest.inputs)} inputs"
    elif manifest.inputs[0].dtype not in FLOATS:
        found = f"an input of {manifest.inputs[0].dtype}"
    elif manifest.positions is not None:
        found = "one that reads some of its columns only"
    elif dtype.kind not in "fiu":
        found = f"rows of {dtype}"
    if found:
        raise ParameterError(
            f"signature_style: expected a model that takes one matrix of numbers for tensor, found {found};"
            " use signature_style=columns"
        )
    return dtype


def _columns(source: Any, data: Any, manifest: Any) -> Any:
    """Return the source's signature, or one inferred from the rows and the original's answers."""
    import pandas as pd
    from mlflow.models import infer_signature

    from optimization.documents import DocumentModel, documents_of

    if source.signature is not None and source.signature.inputs is not None:
        return source.signature
    rows = data.features
    if isinstance(source.estimator, DocumentModel):
        rows = pd.Series(documents_of(rows))  # a column of strings, where an array would make it a tensor
    return infer_signature(rows, data.answers[manifest.default_method])
