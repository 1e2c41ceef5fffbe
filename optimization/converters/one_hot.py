"""OneHotEncoder that groups or drops categories, reads floats or answers integers → positions, and OneHot.

In: a fitted encoder that groups rare categories, sends unknown ones to them, drops some, has categories of
floats, or columns of integers.
Out: `(n_rows, n_columns_out)` float32, or int64 where the encoder answers integers.
Promise: lossless.

    LabelEncoder(category) = its column; all columns, which is none, for what is dropped or has none
    OneHot(position)       positions out of range have no column (ONNX, OneHot-11)
    handle_unknown="error" the column is read from a table that has no place for the unknown:
                           onnxruntime refuses the row as out of bounds (ordinal_encoder.py)

(preprocessing/_encoders.py, 1.9.)  skl2onnx 1.20 refuses rows that `infrequent_if_exist` and `warn` take,
cannot drop a category where rare ones are grouped, nor group those of a matrix, and makes integers of
floats; what it drops it cuts off the finished columns. All other encoders are left to it: its OneHotEncoder
is one node a column. What reads the columns may need none of them (optimization/passes/categories).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .categories import Column, flat, split_columns, write_positions
from .output_types import declaring
from .writer import Array, Writer

ALIAS = "SklearnOneHotEncoder"
GROUPING = ("infrequent_if_exist", "warn")
"""Settings of handle_unknown that send unknown categories to the rare ones."""


def register() -> None:
    """Replace skl2onnx's converter; the other encoders are still handed to it."""
    from skl2onnx import update_registered_converter
    from sklearn.preprocessing import OneHotEncoder

    parser = declaring(ALIAS, declare)
    update_registered_converter(OneHotEncoder, ALIAS, declare, convert, overwrite=True, parser=parser)


def groups(encoder: Any) -> bool:
    """Whether an encoder groups rare categories, or unknown ones with them."""
    return bool(encoder._infrequent_enabled) or encoder.handle_unknown in GROUPING


def declare(operator: Any) -> None:
    """Declare float32 columns, or int64 where the encoder answers integers."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    encoder = operator.raw_operator
    kind = Int64TensorType if np.issubdtype(encoder.dtype, np.signedinteger) else FloatTensorType
    operator.outputs[0].type = kind([None, sum(encoder._n_features_outs)])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes, or let skl2onnx write those of an encoder with a column for each category."""
    from skl2onnx.operator_converters.one_hot_encoder import convert_sklearn_one_hot_encoder

    if not _has_positions(operator):
        convert_sklearn_one_hot_encoder(scope, operator, container)
        return
    encoder, writer = operator.raw_operator, Writer(scope, container)
    integers = np.issubdtype(encoder.dtype, np.signedinteger)
    ends = writer.constant(np.array([0, 1], dtype=np.int64 if integers else np.float32))
    parts = []
    for i, source in enumerate(split_columns(writer, operator.inputs)):
        width = encoder._n_features_outs[i]
        if width:
            position = flat(writer, _position(writer, source, encoder, i))
            depth = writer.constant(np.array([width]))
            parts.append(writer.add("OneHot", [position, depth, ends]))
    writer.add("Concat", parts, output=operator.outputs[0].full_name, axis=1)


def _has_positions(operator: Any) -> bool:
    """Whether categories and columns are not one to one, categories are floats, or columns integers."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    encoder = operator.raw_operator
    dropped, integers = encoder._drop_idx_after_grouping, np.issubdtype(encoder.dtype, np.signedinteger)
    if groups(encoder) or dropped is not None or integers:
        return True
    return any(isinstance(item.type, (DoubleTensorType, FloatTensorType)) for item in operator.inputs)


def _position(writer: Writer, source: Column, encoder: Any, i: int) -> str:
    """Write the column of each row's category."""
    categories, columns = encoder.categories_[i], columns_of(encoder, i)
    if encoder.handle_unknown != "error":
        return write_positions(writer, source, categories, columns, _unknown(encoder, i, columns))
    n_known = len(categories)
    found = write_positions(writer, source, categories, np.arange(n_known), n_known)
    return writer.add("Gather", [writer.constant(columns), found])


def columns_of(encoder: Any, i: int) -> Array:
    """Return the column of each category of input i, `(n_categories,)` int64; all columns: none."""
    columns = np.arange(len(encoder.categories_[i]))
    grouped = encoder._default_to_infrequent_mappings[i] if encoder._infrequent_enabled else None
    if grouped is not None:
        columns = np.asarray(grouped)[columns]
    drops = encoder._drop_idx_after_grouping
    dropped = None if drops is None else drops[i]
    if dropped is not None:
        columns = np.where(columns == dropped, encoder._n_features_outs[i], columns - (columns > dropped))
    return columns.astype(np.int64)


def _unknown(encoder: Any, i: int, columns: Array) -> int:
    rare = encoder._infrequent_indices[i] if encoder._infrequent_enabled else None
    if encoder.handle_unknown in GROUPING and rare is not None:
        return int(columns[rare[0]])
    return int(encoder._n_features_outs[i])
