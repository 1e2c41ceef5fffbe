"""TfidfTransformer, alone and as the second half of TfidfVectorizer.

In: counts `(n_rows, n_features)`.
Out: weights `(n_rows, n_features)`.
Promise: exact.

    sublinear_tf    tf > 0: 1 + log(tf)
    use_idf         tf · idf
    norm            w / Σ |w|, or w / √ Σ w²; rows of zeros stay

(feature_extraction/text.py: TfidfTransformer.transform, 1.9.)  skl2onnx 1.20 writes log(1 + tf), and ONNX's
Normalizer, which takes five times as long as a sum of squares and a division. Operators are chosen by their
time for 2,000 rows of 10,000 features (onnxruntime 1.32, one thread, in ms): Normalizer 169, ReduceL2 42, Mul
and ReduceSum 21; Where 99, Sign 80, Greater and Cast 18. The logarithm itself takes 120.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx.common.data_types import guess_numpy_type

from .affine import replace_converter
from .writer import Writer

ALIAS = "SklearnTfidfTransformer"


def register() -> None:
    """Replace skl2onnx's converter, which TfidfVectorizer's calls too."""
    replace_converter(ALIAS, convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, transformer = Writer(scope, container), operator.raw_operator
    counts = operator.inputs[0]
    dtype = np.float64 if guess_numpy_type(counts.type) == np.float64 else np.float32
    weights = counts.full_name
    zero, one = (writer.constant(np.array(value, dtype=dtype)) for value in (0.0, 1.0))
    if transformer.sublinear_tf:
        write = _logarithms_of_counts if _are_counts(container, weights) else _logarithms
        weights = write(writer, weights, zero, one)
    if hasattr(transformer, "idf_"):
        weights = writer.add("Mul", [weights, writer.constant(transformer.idf_.astype(dtype))])
    if transformer.norm is not None:
        parts = writer.add("Abs", [weights]) if transformer.norm == "l1" else writer.add("Mul", [weights] * 2)
        norms = writer.add("ReduceSum", [parts, writer.constant(np.array([1]))], keepdims=1)
        if transformer.norm == "l2":
            norms = writer.add("Sqrt", [norms])
        divisors = writer.add("Where", [writer.add("Equal", [norms, zero]), one, norms])
        weights = writer.add("Div", [weights, divisors])
    writer.finish(weights, operator.outputs[0].full_name)


def _are_counts(container: Any, name: str) -> bool:
    """Whether a vectorizer counted what is called `name`."""
    makers = {output: node for node in container.nodes for output in node.output}
    while name in makers:
        node = makers[name]
        if node.op_type == "TfIdfVectorizer":
            return True
        if node.op_type not in ("Identity", "Min", "Sub"):
            return False
        name = node.input[0]
    return False


def _logarithms_of_counts(writer: Writer, counts: str, zero: str, one: str) -> str:
    """Write max(0, 1 + log(tf)): of 0 it is 0, of whole numbers beyond at least 1."""
    return writer.add("Max", [writer.add("Add", [writer.add("Log", [counts]), one]), zero])


def _logarithms(writer: Writer, weights: str, zero: str, one: str) -> str:
    """Write 1 + log(tf), and 0 where tf is, of any numbers: log(tf + z) + 1 − z, where z is 1 or 0."""
    none = writer.add("CastLike", [writer.add("Equal", [weights, zero]), one])
    logarithm = writer.add("Log", [writer.add("Add", [weights, none])])
    return writer.add("Add", [logarithm, writer.add("Sub", [one, none])])
