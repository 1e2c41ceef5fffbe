"""OrdinalEncoder → one LabelEncoder per column.

In: a fitted encoder of text, integers, truths or floats.
Out: `(n_rows, n_columns)` codes: float32, or int64 where the encoder answers integers.
Promise: exact.

    code(category) = its place, that of its group where rare categories are grouped, or
                     `encoded_missing_value` where it is what stands for a missing value
    unknown          `unknown_value`; with handle_unknown="error" codes are read from a table that has no
                     place for the unknown: onnxruntime refuses the row as out of bounds

(preprocessing/_encoders.py, 1.9.)  skl2onnx 1.20 answers an unknown category with −1 (or 0 for floats) where
scikit-learn refuses it, and a missing text with its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .categories import split_columns, write_codes, write_positions
from .output_types import declaring
from .writer import Array, Writer

ALIAS = "SklearnOrdinalEncoder"


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.preprocessing import OrdinalEncoder

    parser = declaring(ALIAS, declare)
    update_registered_converter(OrdinalEncoder, ALIAS, declare, convert, overwrite=True, parser=parser)


def declare(operator: Any) -> None:
    """Declare float32 codes, or int64 where the encoder answers integers."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    encoder = operator.raw_operator
    kind = FloatTensorType if np.issubdtype(encoder.dtype, np.floating) else Int64TensorType
    operator.outputs[0].type = kind([None, len(encoder.categories_)])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    encoder, writer = operator.raw_operator, Writer(scope, container)
    parts = []
    for i, column in enumerate(split_columns(writer, operator.inputs)):
        categories, codes = encoder.categories_[i], codes_of(encoder, i)
        if encoder.handle_unknown == "error":
            n_known = len(categories)
            place = write_positions(writer, column, categories, np.arange(n_known), n_known)
            parts.append(writer.add("Gather", [writer.constant(codes), place]))
        else:
            parts.append(write_codes(writer, column, categories, codes, encoder.unknown_value))
    writer.add("Concat", parts, output=operator.outputs[0].full_name, axis=1)


def codes_of(encoder: Any, i: int) -> Array:
    """Return the codes of input i's categories, `(n_categories,)` float32 or int64."""
    codes = np.arange(len(encoder.categories_[i]), dtype=np.float64)
    rare = encoder._default_to_infrequent_mappings[i] if encoder._infrequent_enabled else None
    if rare is not None:
        codes[: len(rare)] = rare
    if i in encoder._missing_indices:
        codes[encoder._missing_indices[i]] = encoder.encoded_missing_value
    return codes.astype(np.float32 if np.issubdtype(encoder.dtype, np.floating) else np.int64)
