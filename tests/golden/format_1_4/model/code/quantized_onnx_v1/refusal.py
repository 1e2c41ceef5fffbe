"""A refusal that MLflow's scoring server passes on to whoever sent the rows.

In: the sentence of a `ValueError`.
Out: an error that is both MLflow's and a `ValueError`, as scikit-learn's own are.
Promise: HTTP status 400 with that sentence, where any other error says only "unexpected error".

The one module here that imports MLflow; it is imported when MLflow loads a model.
"""

from __future__ import annotations

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class RowsError(MlflowException, ValueError):
    """The rows do not fit the model, or the method is not offered."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=INVALID_PARAMETER_VALUE)
