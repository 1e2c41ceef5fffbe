"""Thresholds of trees: float64 in scikit-learn, float32 in ONNX.

In: float64 thresholds t.
Out: float32 thresholds s.
Promise: lossless for float32 rows: x ≤ t ⇔ x ≤ s, because s is the largest float32 that is ≤ t.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def floor_float32(values: Array) -> Array:
    """Return the largest float32 ≤ each of `values`, `(n,)` float64 → `(n,)` float32."""
    with np.errstate(over="ignore"):
        rounded = np.asarray(values, dtype=np.float32)
        above = rounded.astype(np.float64) > values
        return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)
