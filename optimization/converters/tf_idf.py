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
and ReduceSum 21; Where 99, Sign 80, Greater and Cast 18.
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
        weights = _logarithms(writer, weights, zero, one)
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


def _logarithms(writer: Writer, counts: str, zero: str, one: str) -> str:
    """Write 1 + log(tf), and 0 where tf is: log(tf + 1 − s) + s, where s is 1 or 0."""
    found = writer.add("CastLike", [writer.add("Greater", [counts, zero]), one])
    shifted = writer.add("Add", [counts, writer.add("Sub", [one, found])])
    return writer.add("Add", [writer.add("Log", [shifted]), found])
