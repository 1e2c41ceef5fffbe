"""OrdinalEncoder(handle_unknown="error"): a category it was not fitted with is refused, as in scikit-learn.

In: skl2onnx's own converter.
Out: the same nodes, with the codes read from a table that has no place for the unknown.
Promise: exact. LabelEncoder(category) = code becomes Gather(codes, LabelEncoder(category) = position),
where the position of an unknown category is len(codes): onnxruntime refuses it as out of bounds.

skl2onnx 1.20 answers such a row with the code −1 (or 0 for floats), and the model goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

ALIAS = "SklearnOrdinalEncoder"
VALUES = {"values_int64s": TensorProto.INT64, "values_floats": TensorProto.FLOAT}


def register() -> None:
    """Wrap skl2onnx's converter; a wrapped one is left as it is."""
    from skl2onnx.common._registration import RegisteredConverter, _converter_pool

    registered = _converter_pool[ALIAS]
    if not isinstance(registered._fct, _Wrapped):
        _converter_pool[ALIAS] = RegisteredConverter(_Wrapped(registered._fct), registered._options)


class _Wrapped:
    """skl2onnx's converter, given a container that guards LabelEncoder."""

    def __init__(self, converter: Callable[[Any, Any, Any], None]) -> None:
        self.converter = converter

    def __call__(self, scope: Any, operator: Any, container: Any) -> None:
        refuses = operator.raw_operator.handle_unknown == "error"
        self.converter(scope, operator, _Guarding(scope, container) if refuses else container)


class _Guarding:
    """A container that passes everything on, with a table behind each LabelEncoder."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        if op_type != "LabelEncoder":
            self._container.add_node(op_type, inputs, outputs, **attributes)
            return
        key = next(name for name in VALUES if name in attributes)
        codes = np.asarray(attributes.pop(key)).tolist()
        kept = {name: value for name, value in attributes.items() if not name.startswith("default_")}
        table, position = (self._scope.get_unique_variable_name(name) for name in ("codes", "position"))
        self._container.add_initializer(table, VALUES[key], [len(codes)], codes)
        self._container.add_node(
            op_type, inputs, position, values_int64s=list(range(len(codes))), default_int64=len(codes), **kept
        )
        name = self._scope.get_unique_operator_name("Gather")
        self._container.add_node("Gather", [table, position], outputs, name=name, op_version=13, axis=0)
