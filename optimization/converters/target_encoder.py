"""TargetEncoder → the rows of a table for each column.

In: a fitted encoder of a binary, continuous or multiclass target.
Out: `(n_rows, n_columns)` float32; of several classes `(n_rows, n_columns · n_classes)`.
Promise: exact, rounded once.

    encoded = table[position of the category]; unknown ones have the mean of the target
                                                               (preprocessing/_target_encoder.py, 1.9)

Columns of text, integers and truths may stand side by side: skl2onnx 1.20 makes texts of them all, and
"1" is not "True"; it knows no target of several classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .categories import flat, split_columns, write_codes, write_positions
from .output_types import declaring
from .writer import Array, Writer

ALIAS = "SklearnTargetEncoder"


def register() -> None:
    """Replace skl2onnx's converter, and let it keep the encoder's columns apart."""
    from skl2onnx import _parse, update_registered_converter
    from sklearn.preprocessing import TargetEncoder

    parser = declaring(ALIAS, declare)
    update_registered_converter(TargetEncoder, ALIAS, declare, convert, overwrite=True, parser=parser)
    if TargetEncoder not in _parse.do_not_merge_columns:
        _parse.do_not_merge_columns = (*_parse.do_not_merge_columns, TargetEncoder)


def declare(operator: Any) -> None:
    """Declare float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].type = FloatTensorType([None, len(operator.raw_operator.encodings_)])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    encoder, writer = operator.raw_operator, Writer(scope, container)
    parts = []
    for i, column in enumerate(split_columns(writer, operator.inputs)):
        categories, table = encoder.categories_[i], table_of(encoder, i)
        if table.shape[1] == 1:
            parts.append(write_codes(writer, column, categories, table[:-1, 0], table[-1, 0]))
            continue
        n_known = len(categories)
        position = write_positions(writer, column, categories, np.arange(n_known), n_known)
        parts.append(writer.add("Gather", [writer.constant(table), flat(writer, position)]))
    writer.add("Concat", parts, output=operator.outputs[0].full_name, axis=1)


def table_of(encoder: Any, i: int) -> Array:
    """Return what column i's categories are encoded by, `(n_categories + 1, n_columns)`; last the unknown."""
    means = np.atleast_1d(encoder.target_mean_)
    width = len(means)
    known = np.stack(encoder.encodings_[i * width : (i + 1) * width], axis=1)
    return np.vstack([known, means]).astype(np.float32)
