"""Rows for static quantization.

In: rows by input name, and the model that will read them.
Out: a reader as `onnxruntime.quantization` wants it, or the reason for which the rows do not fit.
Promise: the same rows in the same order every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from optimization.quantize.candidate import Calibration, rows

# Rows per call while ranges are collected: large enough to be quick, small enough for the
# intermediate tensors of wide graphs (1,024 × 10,000 float32 are 40 MB).
ROWS_PER_CALL = 1024


class RowsReader:
    """A `CalibrationDataReader`: hands out the rows in chunks, then None.

    onnxruntime accepts any class with `get_next` (calibrate.py, `__subclasshook__`).
    """

    def __init__(self, calibration: Calibration, *, max_rows: int, whole_chunks: bool = False) -> None:
        """Spread at most `max_rows` evenly over the rows given, which may be sorted.

        `whole_chunks` leaves out what does not fill the last one: the collectors of histograms put
        tensors of equal shape together (onnxruntime/quantization/calibrate.py, 1.32).
        """
        n_rows = rows(calibration)
        n_chosen = min(n_rows, max_rows)
        if whole_chunks and n_chosen > ROWS_PER_CALL:
            n_chosen -= n_chosen % ROWS_PER_CALL
        chosen = np.unique(np.linspace(0, n_rows - 1, num=n_chosen).astype(np.int64))
        self._feeds = {name: np.asarray(values)[chosen] for name, values in calibration.items()}
        self.n_rows = len(chosen)
        self._start = 0

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next chunk by input name, or None at the end."""
        start, self._start = self._start, self._start + ROWS_PER_CALL
        if start >= self.n_rows:
            return None
        return {name: values[start : self._start] for name, values in self._feeds.items()}


def why_unfit(calibration: Calibration | None, model: onnx.ModelProto) -> str:
    """Return why `calibration` cannot serve `model`, or an empty string."""
    if not calibration:
        return "expected rows to calibrate on, found none; give data, or choose dynamic or none"
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in constants}
    if set(inputs) != set(calibration):
        return (
            f"expected calibration rows for the inputs {sorted(inputs)}, found {sorted(calibration)};"
            " give one array per input of the graph"
        )
    if not rows(calibration):
        counts = {name: np.shape(values) for name, values in calibration.items()}
        return f"expected calibration arrays with equally many rows, found {counts}; give at least one row"
    for name, values in calibration.items():
        expected = _dtype(inputs[name])
        if np.asarray(values).dtype.kind != expected.kind or (
            expected.kind != "O" and np.asarray(values).dtype != expected
        ):
            return (
                f"expected calibration rows of type {expected} for input {name!r},"
                f" found {np.asarray(values).dtype}; convert them first"
            )
    return ""


def _dtype(value: onnx.ValueInfoProto) -> np.dtype[Any]:
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
