"""MLflow's view of a predictor.

In: the folder of a logged model and MLflow's `model_config`.
Out: an object with `predict(data, params)`.
Promise: answers as `mlflow.sklearn`'s pyfunc of the source model does; the ONNX file's SHA-256 is
checked before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .manifest import read_model
from .predictor import Predictor


class QuantizedOnnxModel:
    """The implementation behind `mlflow.pyfunc.PyFuncModel`."""

    def __init__(self, predictor: Predictor) -> None:
        # Now, not when rows are refused: by then the folder of this code may be gone.
        from .refusal import RowsError

        self.predictor = predictor
        self._refusal = RowsError

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the answer for the rows of `data`; `params["predict_method"]` chooses the method.

        Raises:
            RowsError: as `Predictor.predict`'s ValueError, and a ValueError too.
        """
        try:
            return self.predictor.predict(data, params.get("predict_method") if params else None)
        except ValueError as error:
            raise self._refusal(str(error)) from error

    def get_raw_model(self) -> Predictor:
        """Return the native predictor, which is faster than the pyfunc wrapper."""
        return self.predictor


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> QuantizedOnnxModel:
    """Return the model of the folder `path`; MLflow calls this by name.

    Raises:
        ManifestError: the model is damaged or newer than this code.
        ValueError: a session setting in `model_config` is not known.
    """
    manifest, content = read_model(Path(path))
    return QuantizedOnnxModel(Predictor(content, manifest, session=model_config))
