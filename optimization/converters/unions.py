"""FeatureUnion and ColumnTransformer: their results have the widest type of their parts' results.

In: a FeatureUnion or ColumnTransformer in a pipeline that skl2onnx parses; columns by position.
Out: the same operators as skl2onnx's own parsers declare; none that joins text and numbers.
Promise: the next step is told the dtype that it gets; a part of a ColumnTransformer gets its columns in the
order that it names.

skl2onnx 1.20 takes the rows' dtype for that of a union: where parts turn float64 rows into float32
(arithmetic.py), a model behind them would be written in float64.  Of columns it takes the first part's: what
a model answers behind one-hot columns, which are float32, and float64 numbers is declared float32 and comes
as float64, which onnxruntime does not load.  And a part that is given all columns in another order gets them
in their own (skl2onnx/_parse.py: _fetch_input_slice), and one column named again beside its first; behind
another union or a normalizer it gets none.  Text and numbers together are joined, which ONNX cannot.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from .arithmetic import Arithmetic
from .output_types import is_text


def register() -> None:
    """Replace skl2onnx's parsers."""
    from skl2onnx import update_registered_parser
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion

    update_registered_parser(FeatureUnion, parse)
    update_registered_parser(ColumnTransformer, parse_columns)


def parse(scope: Any, union: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare the parts, their weights, and the concatenation; return its outputs."""
    from skl2onnx._parse import _parse_sklearn

    weights, results = union.transformer_weights or {}, []
    for name, part in union.transformer_list:
        found = _parse_sklearn(scope, part, inputs, custom_parsers=custom_parsers)
        results += _weighted(scope, found, weights.get(name))
    return _joined(scope, results)


def parse_columns(scope: Any, transformer: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare each part on its columns, their weights, and the concatenation; return its outputs."""
    from skl2onnx._parse import _parse_sklearn

    weights, results = transformer.transformer_weights or {}, []
    for name, _, columns in transformer.transformers_:
        part = transformer.named_transformers_[name]
        if not len(columns) or (isinstance(part, str) and part == "drop"):
            continue
        found = _choose(scope, columns, inputs)
        if not (passes(part) and any(map(is_text, found))):
            if len(found) > 1 and not _takes_columns_apart(part):
                found = _declare(scope, "SklearnConcat", found)
            if not isinstance(part, str):
                found = _parse_sklearn(scope, part, found, custom_parsers=custom_parsers)
        found = _weighted(scope, found, weights.get(name))
        if len(found) == 1:
            places = transformer.output_indices_[name]
            found[0].type = type(found[0].type)([None, places.stop - places.start])
        results += found
    return _joined(scope, results)


def _weighted(scope: Any, results: list[Any], weight: float | None) -> list[Any]:
    """Declare what a part answers, times its weight."""
    if weight is None:
        return list(results)
    return [_declare(scope, "SklearnMultiply", [item], operand=weight)[0] for item in results]


def _joined(scope: Any, results: list[Any]) -> list[Any]:
    """Declare the concatenation; text beside numbers stays apart, for the next step to choose from."""
    if len(results) == 1 or len({is_text(item) for item in results}) > 1:
        return results
    joined: list[Any] = _declare(scope, "SklearnConcat", results)
    return joined


def _choose(scope: Any, columns: Any, inputs: Any) -> list[Any]:
    """Return the columns that a part is given, by position, as variables."""
    from skl2onnx.common.utils import get_column_indices

    # What steps and unions hand on has no known width, which skl2onnx would ask for.
    columns = [int(place) for place in columns]
    places = [(0, column) for column in columns]
    if len(inputs) > 1:
        found = (get_column_indices([column], inputs, multiple=True) for column in columns)
        places = [(i, place) for by_input in found for i, (place,) in by_input.items()]
    chosen: list[Any] = []
    for i, neighbours in groupby(places, key=itemgetter(0)):
        own, shape = [place for _, place in neighbours], inputs[i].type.shape
        whole = len(shape) == 2 and own == list(range(shape[1] or 0))
        chosen.append(inputs[i] if whole else _extract(scope, inputs[i], own))
    return chosen


def _extract(scope: Any, rows: Any, columns: list[int]) -> Any:
    """Declare the operator that reads `columns` of `rows`, in their order."""
    operator = scope.declare_local_operator("SklearnArrayFeatureExtractor")
    operator.inputs.append(rows)
    operator.column_indices = columns
    kind = type(rows.type)([None, len(columns)])
    operator.outputs.append(scope.declare_local_variable("extracted_feature_columns", kind))
    return operator.outputs[0]


def passes(part: Any) -> bool:
    """Whether columns stay what they are: "passthrough", or the identity by which it is kept."""
    if isinstance(part, str):
        return part == "passthrough"
    if isinstance(part, Arithmetic):
        return not part.operations
    return type(part).__name__ == "FunctionTransformer" and part.func is None


def _takes_columns_apart(part: Any) -> bool:
    from skl2onnx import _parse
    from sklearn.pipeline import Pipeline

    first = part.steps[0][1] if isinstance(part, Pipeline) else part
    return isinstance(first, _parse.do_not_merge_columns)


def _declare(scope: Any, alias: str, inputs: list[Any], **attributes: Any) -> Any:
    """Declare an operator whose one output has the widest type of its inputs."""
    operator = scope.declare_local_operator(alias)
    operator.inputs = inputs
    for name, value in attributes.items():
        setattr(operator, name, value)
    operator.outputs.append(scope.declare_local_variable("union", _widest(inputs)([None, None])))
    return operator.outputs


def _widest(variables: list[Any]) -> Any:
    """Return the type that all values fit in (skl2onnx 1.20: shape_calculators/concat.py)."""
    from skl2onnx.common import data_types

    order = ("String", "Double", "Float", "Int64", "Boolean")
    kinds = [getattr(data_types, f"{name}TensorType") for name in order]
    found = (kind for kind in kinds for item in variables if isinstance(item.type, kind))
    return next(found, type(variables[0].type))
