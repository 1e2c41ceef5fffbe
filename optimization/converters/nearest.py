"""The k nearest training rows of each query: proposed in float32, decided in float64.

In: float64 rows, the stored training rows, a metric, k.
Out: `(n_rows, k)` int64 indices and float64 keys (distances.py), nearest first.
Promise: exact. Rows equally far stand in the order of the training rows, where float32 sees them
equally far too. scikit-learn has no order of its own there: which of them it takes at the k-th place
depends on the number of threads and of rows per call (neighbors/_base.py: ArgKmin), or on the tree.

    propose    c = TopK(rank(x, s), k + SPARE)     in float32 (proposals.py), rows centred on the mean
    certify    rank[k + SPARE] − rank[k] > twice the error of a rank
                                                   ⇒ the k nearest are among the proposed
    repeat     the queries that are not certified, in float64
    decide     TopK(key(x, s[c]), k)               in float64

No row depends on luck: many ties, and products that overflow, go the slow way.

Memory: a query holds n_train values; without a product to rank by, n_train · n_features. Where that is
more than `blocks.FEW`, no more queries go at a time than fill `blocks.FLOATS` values.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .blocks import Carried, block_size, in_blocks
from .distances import PRODUCTS, Metric, keys, normalize
from .proposals import Proposer, by_maximum, by_product
from .training_rows import Stored, code_names, decode
from .writer import Writer

SPARE = 4
"""Proposals beyond k: enough for ties to be rare beyond them, few enough for a short heap."""
SMALL = 2**8
"""Values (n_train · n_features) up to which all distances are taken in float64: fewer nodes pay more."""


def nearest(writer: Writer, metric: Metric, stored: Stored, rows: str, k: int) -> tuple[str, str]:
    """Write the search; `rows` is `(n_rows, n_features)` float64, made by a node of the caller's."""
    n_train, n_features = stored.shape
    ranked = metric.name in (*PRODUCTS, "manhattan") and k + SPARE < n_train
    if ranked and n_train * n_features > SMALL:
        search, held = _among_proposed, n_train if metric.name in PRODUCTS else n_train * n_features
    else:
        search, held = _among_all, n_train * n_features
    carried = (Carried(k, TensorProto.INT64), Carried(k, TensorProto.DOUBLE))
    found, key = in_blocks(
        writer, rows, block_size(held), carried, lambda block: search(writer, metric, stored, block, k)
    )
    return found, key


def prepared(writer: Writer, metric: Metric, rows: str) -> str:
    """Cosine compares rows of length one; for training rows onnxruntime computes them at load."""
    return normalize(writer, rows) if metric.name == "cosine" else rows


def _among_all(writer: Writer, metric: Metric, stored: Stored, rows: str, k: int) -> tuple[str, str]:
    """All distances in float64."""
    values = prepared(writer, metric, decode(writer, stored, code_names(writer, stored)))
    others = writer.add("Unsqueeze", [values, writer.constant(np.array([0]))])
    key = keys(writer, metric, _apart(writer, prepared(writer, metric, rows)), others)
    key, found = _top(writer, key, k)
    return found, key


def _among_proposed(writer: Writer, metric: Metric, stored: Stored, rows: str, k: int) -> tuple[str, str]:
    """Ranks in float32, then the distances of the proposed in float64."""
    codes = code_names(writer, stored)
    centre = None if metric.name == "cosine" else writer.constant(stored.values().mean(axis=0))
    proposer = _proposer(writer, metric, stored, decode(writer, stored, codes), centre)
    rows = prepared(writer, metric, rows)
    among = _candidates(writer, proposer, _moved(writer, rows, centre), k)
    chosen = decode(writer, stored, [writer.add("Gather", [name, among], axis=0) for name in codes])
    key = keys(writer, metric, _apart(writer, rows), prepared(writer, metric, chosen))
    key, places = _top(writer, key, k)
    return writer.add("GatherElements", [among, places], axis=1), key


def _proposer(writer: Writer, metric: Metric, stored: Stored, values: str, centre: str | None) -> Proposer:
    """Differences stay the same when all rows move by the centre; rounding does not."""
    n_train, n_features = stored.shape
    if centre is None:
        return by_product(writer, prepared(writer, metric, values), np.ones(n_train), n_features)
    moved = stored.values() - stored.values().mean(axis=0)
    values = _moved(writer, values, centre)
    if metric.name == "manhattan":
        return by_maximum(writer, values, np.abs(moved).sum(axis=1), n_features)
    return by_product(writer, values, np.sqrt((moved**2).sum(axis=1)), n_features)


def _candidates(writer: Writer, proposer: Proposer, rows: str, k: int) -> str:
    """Indices of k + SPARE rows among which the k nearest are, `(n_rows, k + SPARE)`."""
    single = writer.add("Cast", [rows], to=TensorProto.FLOAT)
    ranks, among = _top(writer, proposer.single(single), k + SPARE)
    doubtful = _doubtful(writer, proposer, single, ranks, k)
    again = proposer.double(writer.add("Compress", [rows, doubtful], axis=0))
    # One row more: TopK of no rows ends the process with onnxruntime up to 1.30 (SIGFPE).
    again = writer.add("Pad", [again, writer.constant(np.array([0, 0, 1, 0]))])
    _, instead = _top(writer, again, k + SPARE)
    ends = [writer.constant(np.array([end])) for end in (0, -1)]
    instead = writer.add("Slice", [instead, *ends])
    places = writer.add("Transpose", [writer.add("NonZero", [doubtful])], perm=[1, 0])
    return writer.add("ScatterND", [among, places, instead])


def _doubtful(writer: Writer, proposer: Proposer, rows: str, ranks: str, k: int) -> str:
    """`(n_rows,)` bool: whether float32 leaves open which rows are the nearest; NaN is doubt."""
    last = writer.add("Gather", [ranks, writer.constant(np.array([k + SPARE - 1]))], axis=1)
    kth = writer.add("Gather", [ranks, writer.constant(np.array([k - 1]))], axis=1)
    norm = writer.add(proposer.norm, [rows, writer.constant(np.array([1]))], keepdims=1)
    error = writer.add("Mul", [norm, writer.constant(np.array([proposer.factor], dtype=np.float32))])
    error = writer.add("Add", [error, writer.constant(np.array([proposer.constant], dtype=np.float32))])
    sure = writer.add("Greater", [writer.add("Sub", [last, kth]), error])
    return writer.add("Reshape", [writer.add("Not", [sure]), writer.constant(np.array([-1]))])


def _top(writer: Writer, values: str, k: int) -> tuple[str, str]:
    """The k smallest of each row and their places; of equal ones those of lower place."""
    outputs = [writer.name("smallest"), writer.name("places")]
    count = writer.constant(np.array([k]))
    smallest, places = writer.add_all("TopK", [values, count], outputs, largest=0, sorted=1)
    return smallest, places


def _apart(writer: Writer, rows: str) -> str:
    """`(n_rows, 1, n_features)`."""
    return writer.add("Unsqueeze", [rows, writer.constant(np.array([1]))])


def _moved(writer: Writer, rows: str, centre: str | None) -> str:
    return rows if centre is None else writer.add("Sub", [rows, centre])
