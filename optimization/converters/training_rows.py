"""Training rows as small codes that give every float64 value back.

In: the rows that a nearest-neighbour estimator keeps, `(n_train, n_features)`.
Out: `Stored`: the codes and how they are decoded; nodes that decode all rows or some.
Promise: lossless for `whole numbers`, `decimals`, `float32` and `tables`; `steps`, for the values of
no other kind, is within half a step, 2⁻³³ of a column's range: 1/256 of what float32 would lose.

    whole numbers   value = code
    decimals        value = code ÷ 10^d, d by column         5.1 = 51 ÷ 10: one division rounds as the
                                                             reading of "5.1" does
    float32         value = code
    tables          value = table[start of column + code]    scaled columns of few distinct values
    steps           value = middle + code · step

A file holds 4 bytes for a value at most, as skl2onnx's does, which rounds to float32. That is too
coarse: a row half-way between two neighbours moves to the other side. Decoding all rows is a constant
that onnxruntime folds when it loads the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto
from scipy import sparse

from .writer import Writer

Array = np.ndarray[Any, Any]
MAX_DIGITS = 9
"""Digits behind the point: with more, codes of values around 1 pass 32 bits."""
LARGEST = 2**31 - 1
"""Largest code: onnxruntime's Gather and Cast know int32."""
STEPS = 2**32 - 2
"""Steps of a column's range, from −(2³¹ − 1) to 2³¹ − 1."""


WORTH = 1000
"""Bytes that a second matrix must save: it takes five nodes and a permutation."""


@dataclass(frozen=True)
class Stored:
    """Codes of all rows, and what decodes them."""

    kind: str
    codes: tuple[Array, ...]
    """Matrices `(n_train, some of the features)`, those of one dtype together, each in its smallest."""
    order: Array
    """`(n_features,)` int64: where among the columns of all matrices a feature stands."""
    factor: Array | None = None
    """`(n_features,)` float64: the divisor of decimals, the step of steps."""
    offset: Array | None = None
    """`(n_features,)`: float64 middles of steps, or int64 starts of columns in `table`."""
    table: Array | None = None
    """`(n_values,)` float64."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_train, n_features)."""
        return len(self.codes[0]), len(self.order)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (*self.codes, self.factor, self.offset, self.table)
        return sum(array.nbytes for array in arrays if array is not None)

    def values(self) -> Array:
        """Return what the graph decodes, `(n_train, n_features)` float64."""
        codes = np.concatenate([part.astype(np.float64) for part in self.codes], axis=1)[:, self.order]
        if self.table is not None and self.offset is not None:
            return np.asarray(self.table[codes.astype(np.int64) + self.offset])
        if self.kind == "decimals":
            return np.asarray(codes / self.factor)
        return np.asarray(codes * self.factor + self.offset) if self.kind == "steps" else codes


def store(values: Any) -> Stored:
    """Return the smallest lossless form of `values` that needs no more than float32 would, or steps.

    `values`: `(n_rows, n_features)`, dense or sparse.
    """
    values = np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)
    forms = [form for form in (_decimals(values), _single(values), _tables(values)) if form is not None]
    small = [form for form in forms if form.n_bytes <= 4 * values.size]
    return min(small, key=lambda form: form.n_bytes) if small else _steps(values)


def code_names(writer: Writer, stored: Stored) -> list[str]:
    """Write the matrices of codes as constants."""
    return [writer.constant(codes) for codes in stored.codes]


def decode(writer: Writer, stored: Stored, codes: list[str]) -> str:
    """Write the nodes that decode `codes`, `(…, some of the features)` each, in float64."""
    kind = TensorProto.DOUBLE if stored.table is None else TensorProto.INT64
    parts = [writer.add("Cast", [name], to=kind) for name in codes]
    values = parts[0]
    if len(parts) > 1:
        together = writer.add("Concat", parts, axis=-1)
        values = writer.add("Gather", [together, writer.constant(stored.order)], axis=-1)
    if stored.kind == "decimals" and stored.factor is not None:
        return writer.add("Div", [values, writer.constant(stored.factor)])
    if stored.kind == "steps" and stored.factor is not None:
        values = writer.add("Mul", [values, writer.constant(stored.factor)])
    if stored.offset is not None:
        values = writer.add("Add", [values, writer.constant(stored.offset)])
    if stored.table is not None:
        return writer.add("Gather", [writer.constant(stored.table), values], axis=0)
    return values


def _decimals(values: Array) -> Stored | None:
    """Whole numbers, by column divided by a power of ten."""
    codes, digits = np.empty_like(values), np.zeros(values.shape[1])
    for column in range(values.shape[1]):
        found = _digits(values[:, column])
        if found is None:
            return None
        codes[:, column], digits[column] = found
    parts, order = _split(codes)
    if not digits.any():
        return Stored("whole numbers", parts, order)
    return Stored("decimals", parts, order, factor=10.0**digits)


def _digits(column: Array) -> tuple[Array, int] | None:
    """The codes of one column and its digits behind the point; −0 becomes 0, which is as far from any row."""
    for digits in range(MAX_DIGITS + 1):
        codes = np.rint(column * 10.0**digits)
        if np.abs(codes).max(initial=0) > LARGEST:
            return None
        if np.array_equal(codes / 10.0**digits, column):
            return codes, digits
    return None


def _single(values: Array) -> Stored | None:
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    same = np.array_equal(single, values)
    return Stored("float32", (single,), np.arange(values.shape[1])) if same else None


def _tables(values: Array) -> Stored:
    """The distinct values of each column, one column after the other."""
    tables, codes = [], np.empty(values.shape, dtype=np.int64)
    for column in range(values.shape[1]):
        table, codes[:, column] = np.unique(values[:, column], return_inverse=True)
        tables.append(table)
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    return Stored("tables", *_split(codes), offset=starts.astype(np.int64), table=np.concatenate(tables))


def _steps(values: Array) -> Stored:
    low, high = values.min(axis=0), values.max(axis=0)
    step = np.where(high > low, (high / STEPS - low / STEPS), 1.0)
    middle = low / 2 + high / 2
    codes = np.rint((values - middle) / step).clip(-LARGEST, LARGEST)
    order = np.arange(values.shape[1])
    return Stored("steps", (codes.astype(np.int32),), order, factor=step, offset=middle)


def _split(codes: Array) -> tuple[tuple[Array, ...], Array]:
    """The columns of each smallest dtype, and where each column went; one matrix if little is saved."""
    dtypes = [_smallest(codes[:, column]) for column in range(codes.shape[1])]
    sizes = [np.dtype(dtype).itemsize for dtype in dtypes]
    widest = _smallest(codes)
    if len(codes) * (codes.shape[1] * np.dtype(widest).itemsize - sum(sizes)) < WORTH:
        return (codes.astype(widest),), np.arange(codes.shape[1])
    chosen = sorted(set(dtypes), key=lambda dtype: np.dtype(dtype).str)
    columns = [[i for i, own in enumerate(dtypes) if own == dtype] for dtype in chosen]
    parts = tuple(codes[:, own].astype(dtype) for own, dtype in zip(columns, chosen, strict=True))
    return parts, np.argsort(np.concatenate(columns)).astype(np.int64)


def _smallest(codes: Array) -> type[Any]:
    """The smallest integer dtype that holds all `codes`."""
    low, high = codes.min(initial=0), codes.max(initial=0)
    for dtype in (np.uint8, np.int8, np.uint16, np.int16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return np.int32
