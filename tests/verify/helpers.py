"""A fitted estimator, its graph, and ways to spoil the graph."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.convert import Converted, convert
from optimization.verify import MethodParity


def spoil(converted: Converted, output: str, *, by: float) -> Converted:
    """Add `by` to what the graph answers at `output`."""
    model = onnx.ModelProto()
    model.CopyFrom(converted.model)
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name == output:
                node.output[index] = f"{output}/true"
    model.graph.initializer.append(numpy_helper.from_array(np.float32([by]), "spoiler"))
    model.graph.node.append(onnx.helper.make_node("Add", [f"{output}/true", "spoiler"], [output], "spoil"))
    return dataclasses.replace(converted, model=model)


def fitted(estimator: Any, rows: Any, target: Any) -> tuple[Any, Converted]:
    estimator.fit(rows, target)
    return estimator, convert(estimator, rows)


def parity(**changes: Any) -> MethodParity:
    """One comparison without a difference, but for `changes`."""
    values: dict[str, Any] = {
        "kind": "data",
        "method": "predict",
        "n_rows": 100,
        "mismatches": 0,
        "max_abs_difference": 0.0,
        "tolerance": 0.0,
        "is_label": True,
        "worst_row": None,
    }
    return MethodParity(**{**values, **changes})
