"""An ONNX file that knows nothing of this project, as a model that can be timed.

In: the path of an ONNX file, and the names of the columns its rows come with.
Out: a `PlainOnnx`: feeds made from rows, and the graph's first output for them.
Promise: an input that is no matrix and no column is refused when the file is opened; the first output is
the answer, as converters of scikit-learn models write labels or values there, and no other is calculated.

    one input   (n_rows, n_columns)       all columns as one matrix
    many inputs (n_rows, 1) each          a column each: by name, or by position where no name is known
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.runtime import ort
from flavor.quantized_onnx_v1.sessions import open_session
from optimization.errors import SourceError
from optimization.measure.turns import taking_turns

Array = np.ndarray[Any, Any]
Feeds = dict[str, Array]
DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
"""numpy's name of each type that an input of a scikit-learn model may have."""
FLOATS = ("float32", "float64")
LABELS = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)")
"""Types of a first output that holds labels."""


@dataclass(frozen=True, eq=False)
class PlainOnnx:
    """An open session, and how to feed it."""

    session: Any
    columns: tuple[str, ...] | None
    """Names of the columns in the order of a row; None where they are not known."""
    dtypes: tuple[str, ...]
    """Of each input."""
    names: tuple[str, ...]
    """Of each input."""
    n_columns: int | None
    """None for a matrix of any width."""
    n_bytes: int
    output: str
    labels: bool
    """Whether the answer is labels rather than numbers."""
    options: Any = field(default_factory=ort.RunOptions)

    @property
    def matrix(self) -> str:
        """Dtype of the one matrix of floats that the graph takes; "" where it takes something else."""
        return self.dtypes[0] if self._is_matrix and self.dtypes[0] in FLOATS else ""

    @property
    def _is_matrix(self) -> bool:
        return len(self.names) == 1

    def feeds(self, rows: Any) -> Feeds:
        """Return the feeds for `rows`, a DataFrame or an ndarray `(n_rows, n_columns)`."""
        if self._is_matrix:
            ordered = self._ordered(rows)
            return {self.names[0]: np.ascontiguousarray(ordered, dtype=self.dtypes[0])}
        table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows))
        by_name = self.columns is not None and set(self.columns) <= set(table.columns)
        keys = self.columns if by_name and self.columns is not None else tuple(table.columns)
        return {
            name: table[key].to_numpy().astype(dtype).reshape(-1, 1)
            for name, key, dtype in zip(self.names, keys, self.dtypes, strict=True)
        }

    def run(self, feeds: Feeds) -> Array:
        """Return the first output for `feeds`."""
        found: Array = self.session.run([self.output], feeds, self.options)[0]
        return found

    def answer(self, rows: Any) -> Array:
        """Return the answers for `rows`, `(n_rows,)` where there is one value for a row."""
        found = np.asarray(self.run(self.feeds(rows)))
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found

    def _ordered(self, rows: Any) -> Any:
        if isinstance(rows, pd.DataFrame) and self.columns and set(self.columns) <= set(rows.columns):
            return rows[list(self.columns)]
        return rows


def open_plain_onnx(
    file: Path, *, shown_as: str, n_threads: int, columns: Sequence[str] | None = None
) -> PlainOnnx:
    """Return the ONNX file as a model; `columns` are the names that its signature gives them, if any.

    Raises:
        SourceError: onnxruntime cannot open the file, or it does not take rows.
    """
    try:
        session = open_session(str(file), Session(**taking_turns(n_threads)))
        n_bytes = file.stat().st_size + sum(item.stat().st_size for item in external_files(file))
    except Exception as error:  # onnxruntime has a dozen kinds of its own
        raise SourceError(
            f"the ONNX file of {shown_as} cannot be opened ({' '.join(str(error).split())[:300]});"
            " log it again"
        ) from error
    inputs, first = session.get_inputs(), session.get_outputs()[0]
    width = _width(inputs, shown_as)
    names = tuple(item.name for item in inputs)
    if columns is not None and len(columns) != (width if len(inputs) == 1 else len(inputs)):
        columns = None
    if columns is None and len(inputs) > 1:
        columns = names
    return PlainOnnx(
        session=session,
        columns=None if columns is None else tuple(columns),
        dtypes=tuple(DTYPES[item.type] for item in inputs),
        names=names,
        n_columns=width,
        n_bytes=n_bytes,
        output=first.name,
        labels=first.type in LABELS,
    )


def external_files(file: Path) -> list[Path]:
    """Return the files beside `file` that hold its large tensors."""
    import onnx
    from onnx.external_data_helper import uses_external_data

    model = onnx.load(str(file), load_external_data=False)
    found = {
        entry.value
        for tensor in model.graph.initializer
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [file.parent / name for name in sorted(found)]


def _width(inputs: Sequence[Any], shown_as: str) -> int | None:
    """Return how many columns the inputs take together; None for a matrix of any width."""
    for item in inputs:
        is_column = len(inputs) == 1 or item.shape[-1] == 1
        if item.type not in DTYPES or len(item.shape) != 2 or not is_column:
            raise SourceError(
                f"expected one input of (rows, columns) or one of (rows, 1) for each column in {shown_as},"
                f" found {item.name!r} of {item.type} {item.shape}; log a model that takes rows"
            )
    if len(inputs) > 1:
        return len(inputs)
    return inputs[0].shape[1] if isinstance(inputs[0].shape[1], int) else None
