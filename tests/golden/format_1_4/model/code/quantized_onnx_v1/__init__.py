"""What travels inside every logged model: manifest, predictor and MLflow's loader.

In: a model folder that MLflow has fetched.
Out: the object that `mlflow.pyfunc.load_model` wraps.
Promise: imports nothing but the standard library, numpy, pandas and onnxruntime, and MLflow only to
refuse rows in its name; relative imports only, so that the package works under its own name inside a
model's `code` folder. A change that old models could not live with makes `quantized_onnx_v2`.
"""

from .manifest import Input, Manifest, ManifestError, Method, Session, read_model
from .predictor import Predictor
from .pyfunc import QuantizedOnnxModel, _load_pyfunc

__all__ = [
    "Input",
    "Manifest",
    "ManifestError",
    "Method",
    "Predictor",
    "QuantizedOnnxModel",
    "Session",
    "_load_pyfunc",
    "read_model",
]
