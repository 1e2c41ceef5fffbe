"""TfidfTransformer and TfidfVectorizer with sublinear_tf=True: 1 + log of each count that is not 0.

In: counts `(n_rows, n_features)`.
Out: weights `(n_rows, n_features)`.
Promise: exact.

    tf > 0    1 + log(tf)        (feature_extraction/text.py: TfidfTransformer.transform, 1.9)

skl2onnx 1.20 writes log(1 + tf) instead. The weights by documents and the norm are left to it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .affine import replace_converter
from .writer import Writer

ALIAS = "SklearnTfidfTransformer"


def register() -> None:
    """Replace skl2onnx's converter, which TfidfVectorizer's calls too."""
    replace_converter(ALIAS, convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the logarithms, and let skl2onnx write what comes behind them."""
    from skl2onnx.operator_converters.tfidf_transformer import convert_sklearn_tfidf_transformer

    if not operator.raw_operator.sublinear_tf:
        convert_sklearn_tfidf_transformer(scope, operator, container)
        return
    writer, counts = Writer(scope, container), operator.inputs[0]
    plain = copy.copy(operator.raw_operator)
    plain.sublinear_tf = False
    behind = scope.declare_local_operator(ALIAS, plain)
    behind.inputs.append(scope.declare_local_variable("frequencies", counts.type))
    behind.outputs.append(scope.declare_local_variable("weights", operator.outputs[0].type))
    zero, one = (writer.constant(np.array(value, dtype=np.float32)) for value in (0.0, 1.0))
    logarithm = writer.add("Add", [writer.add("Log", [counts.full_name]), one])
    found = writer.add("Greater", [counts.full_name, zero])
    writer.add("Where", [found, logarithm, zero], output=behind.inputs[0].full_name)
    writer.finish(behind.outputs[0].full_name, operator.outputs[0].full_name)
