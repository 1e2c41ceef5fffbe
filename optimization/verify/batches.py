"""A batch of no rows, given to the graph itself.

In: a predictor.
Out: "" if every method's output has no rows and the right width, else what happened.
Promise: none of the predictor: it refuses no rows with a sentence, as scikit-learn does. Programs that run
the ONNX file themselves may meet an empty batch.
"""

from __future__ import annotations

import numpy as np

from flavor.quantized_onnx_v1.predictor import Predictor
from flavor.quantized_onnx_v1.runtime import ort


def empty_batch(predictor: Predictor) -> str:
    """Return what is wrong with the graph's answer to no rows, "" if nothing is."""
    feeds = {
        item.name: np.empty((0, len(item.columns)), dtype=object if item.dtype == "str" else item.dtype)
        for item in predictor.manifest.inputs
    }
    outputs = {name: method.output for name, method in predictor.manifest.methods.items()}
    options = ort.RunOptions()
    options.log_severity_level = 4  # a failure is reported here, not on the terminal
    try:
        answers = predictor.session().run(list(outputs.values()), feeds, options)
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        return f"the graph fails on an empty batch ({str(error).strip().splitlines()[0][:160]})"
    wrong = [f"{name} {found.shape}" for name, found in zip(outputs, answers, strict=True) if found.shape[0]]
    return f"the graph answers an empty batch with rows: {', '.join(wrong)}" if wrong else ""
