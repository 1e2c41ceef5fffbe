"""FeatureUnion: its result has the type of its parts' results.

In: a FeatureUnion in a pipeline that skl2onnx parses.
Out: the same operators as skl2onnx's own parser declares.
Promise: the next step is told the dtype that the parts have.

skl2onnx 1.20 takes the rows' dtype for it: where parts turn float64 rows into float32 (arithmetic.py), a
model behind them would be written in float64.
"""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Replace skl2onnx's parser."""
    from skl2onnx import update_registered_parser
    from sklearn.pipeline import FeatureUnion

    update_registered_parser(FeatureUnion, parse)


def parse(scope: Any, union: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare the parts, their weights, and the concatenation; return its outputs."""
    from skl2onnx._parse import _parse_sklearn

    weights, results = union.transformer_weights or {}, []
    for name, part in union.transformer_list:
        result = _parse_sklearn(scope, part, inputs, custom_parsers=custom_parsers)[0]
        if name in weights:
            result = _declare(scope, "SklearnMultiply", [result], operand=weights[name])[0]
        results.append(result)
    return _declare(scope, "SklearnConcat", results)


def _declare(scope: Any, alias: str, inputs: list[Any], **attributes: Any) -> Any:
    """Declare an operator whose one output has the type of its first input."""
    operator = scope.declare_local_operator(alias)
    operator.inputs = inputs
    for name, value in attributes.items():
        setattr(operator, name, value)
    operator.outputs.append(scope.declare_local_variable("union", type(inputs[0].type)([None, None])))
    return operator.outputs
