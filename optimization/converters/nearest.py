"""The k nearest training rows of each query: float32 finds them, float64 decides what it leaves open.

In: float64 rows, the stored training rows, a metric, k.
Out: `(n_rows, k)` int64 indices, and float64 keys (distances.py) where they are asked for.
Promise: exact as a set; their order is that of float32 ranks. Of proposed rows equally far at the k-th
place those are taken that come first among the training rows. scikit-learn has no order of its own
there: which of them it takes depends on the number of threads and of rows per call (neighbors/_base.py:
ArgKmin), or on the tree.

    propose    c = TopK(rank(x, s), k + SPARE)     in float32 (proposals.py), rows centred on the mean
    certify    rank[j] − rank[k] ≥ twice the error of a rank
                   j = k + 1                       ⇒ the first k of c are the nearest: most rows end here
                   j = k + SPARE                   ⇒ the k nearest are in c
    repeat     the queries without the second certificate, in float64
    decide     TopK(key(x, s[c]), k)               in float64, the queries without the first certificate

No row depends on luck: many ties, and products that overflow, go the slow way. Columns of whole numbers
are centred on one, so that ranks of whole numbers are exact, and equal where distances are: ties of these
need no second look.

Memory: a query holds n_train values; without a product to rank by, n_train · n_features. Where that is
more than `blocks.FEW`, no more queries go at a time than fill `blocks.FLOATS` values.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .blocks import Carried, block_size, in_blocks, where_any
from .distances import PRODUCTS, Metric, keys, normalize
from .kernels import centre_of
from .proposals import Proposer, by_maximum, by_product
from .training_rows import Stored, code_names, decode
from .writer import Writer

SPARE = 4
"""Proposals beyond k: enough for ties to be rare beyond them, few enough for a short heap."""
SMALL = 2**8
"""Values (n_train · n_features) up to which all distances are taken in float64: fewer nodes pay more."""


def nearest(
    writer: Writer, metric: Metric, stored: Stored, rows: str, k: int, *, keyed: bool
) -> tuple[str, str]:
    """Write the search; `rows` is `(n_rows, n_features)` float64, made by a node of the caller's.

    Keys are returned if `keyed`, otherwise "".
    """
    n_train, n_features = stored.shape
    ranked = metric.name in (*PRODUCTS, "manhattan") and k + SPARE < n_train
    if ranked and n_train * n_features > SMALL:
        search, held = _among_proposed, n_train if metric.name in PRODUCTS else n_train * n_features
    else:
        search, held = _among_all, n_train * n_features
    carried = [Carried(k, TensorProto.INT64), *([Carried(k, TensorProto.DOUBLE)] if keyed else [])]

    def part(block: str) -> list[str]:
        return search(writer, metric, stored, block, k, keyed=keyed)

    found, *key = in_blocks(writer, rows, block_size(held), carried, part)
    return found, key[0] if keyed else ""


def prepared(writer: Writer, metric: Metric, rows: str) -> str:
    """Cosine compares rows of length one; for training rows onnxruntime computes them at load."""
    return normalize(writer, rows) if metric.name == "cosine" else rows


def _among_all(
    writer: Writer, metric: Metric, stored: Stored, rows: str, k: int, *, keyed: bool
) -> list[str]:
    """All distances in float64."""
    values = prepared(writer, metric, decode(writer, stored, code_names(writer, stored)))
    others = writer.add("Unsqueeze", [values, writer.constant(np.array([0]))])
    key = keys(writer, metric, _apart(writer, prepared(writer, metric, rows)), others)
    key, found = smallest(writer, key, k)
    return [found, key] if keyed else [found]


def _among_proposed(
    writer: Writer, metric: Metric, stored: Stored, rows: str, k: int, *, keyed: bool
) -> list[str]:
    """Ranks in float32; where they leave a choice open, the distances of the proposed in float64."""
    values = decode(writer, stored, code_names(writer, stored))
    centre = None if metric.name == "cosine" else writer.constant(centre_of(stored.values()))
    values, rows = prepared(writer, metric, values), prepared(writer, metric, rows)
    proposer = _proposer(writer, metric, stored, values, centre)

    def measured(rows: str, among: str) -> str:
        return keys(writer, metric, _apart(writer, rows), writer.add("Gather", [values, among], axis=0))

    moved = _moved(writer, rows, centre)
    single = writer.add("Cast", [moved], to=TensorProto.FLOAT)
    ranks, among = smallest(writer, proposer.single(single), k + SPARE)
    error = _error(writer, proposer, moved, single)
    doubtful = _doubtful(writer, ranks, error, k, k + 1)

    def decided() -> str:
        lost = _doubtful(writer, ranks, error, k, k + SPARE)
        again = proposer.double(writer.add("Compress", [moved, lost], axis=0))
        proposed = _replaced(writer, among, lost, again, k + SPARE)
        few, few_rows = (writer.add("Compress", [name, doubtful], axis=0) for name in (proposed, rows))
        few, _ = smallest(writer, few, k + SPARE)  # in the order of the training rows, for those equally far
        _, places = smallest(writer, measured(few_rows, few), k)
        chosen = writer.add("GatherElements", [few, places], axis=1)
        return _scattered(writer, _first(writer, among, k), doubtful, chosen)

    carried = Carried(k, TensorProto.INT64)
    found = where_any(writer, doubtful, carried, decided, lambda: _first(writer, among, k))
    return [found, measured(rows, found)] if keyed else [found]


def _proposer(writer: Writer, metric: Metric, stored: Stored, values: str, centre: str | None) -> Proposer:
    """Differences stay the same when all rows move by the centre; rounding does not."""
    n_train, n_features = stored.shape
    if centre is None:
        return by_product(writer, values, np.ones(n_train), n_features)
    moved = stored.values() - centre_of(stored.values())
    whole = np.array_equal(moved, np.rint(moved))
    values = _moved(writer, values, centre)
    if metric.name == "manhattan":
        return by_maximum(writer, values, np.abs(moved).sum(axis=1), n_features, whole=whole)
    return by_product(writer, values, np.sqrt((moved**2).sum(axis=1)), n_features, whole=whole)


def _replaced(writer: Writer, among: str, lost: str, again: str, count: int) -> str:
    """`(n_rows, count)`: `among`, with the rows that are lost by their ranks in float64."""
    # One row more: TopK of no rows ends the process with onnxruntime up to 1.30 (SIGFPE).
    again = writer.add("Pad", [again, writer.constant(np.array([0, 0, 1, 0]))])
    _, instead = smallest(writer, again, count)
    instead = writer.add("Slice", [instead, *(writer.constant(np.array([end])) for end in (0, -1))])
    return _scattered(writer, among, lost, instead)


def _error(writer: Writer, proposer: Proposer, rows: str, single: str) -> str:
    """`(n_rows, 1)`: two ranks that differ by as much are in the right order."""
    axis = writer.constant(np.array([1]))
    norm = writer.add(proposer.norm, [single, axis], keepdims=1)
    error = writer.add("Mul", [norm, writer.constant(np.array([proposer.factor], dtype=np.float32))])
    error = writer.add("Add", [error, writer.constant(np.array([proposer.constant], dtype=np.float32))])
    if not proposer.whole_within:
        return error
    ends = [writer.constant(np.array(end * proposer.whole_within, dtype=np.float32)) for end in (-1, 1)]
    whole = writer.add(
        "Cast", [writer.add("Round", [writer.add("Clip", [single, *ends])])], to=TensorProto.DOUBLE
    )
    rest = writer.add("ReduceL1", [writer.add("Sub", [rows, whole]), axis], keepdims=1)
    some = writer.add("Cast", [writer.add("Sign", [rest])], to=TensorProto.FLOAT)
    return writer.add("Mul", [error, some])


def _doubtful(writer: Writer, ranks: str, error: str, k: int, other: int) -> str:
    """`(n_rows,)` bool: whether float32 cannot tell the k-th from the other-th; NaN is doubt."""
    further, kth = (
        writer.add("Gather", [ranks, writer.constant(np.array([place - 1]))], axis=1) for place in (other, k)
    )
    sure = writer.add("GreaterOrEqual", [writer.add("Sub", [further, kth]), error])
    return writer.add("Reshape", [writer.add("Not", [sure]), writer.constant(np.array([-1]))])


def _scattered(writer: Writer, found: str, where: str, instead: str) -> str:
    """`found` with the rows of `instead` in place of those where the condition holds."""
    places = writer.add("Transpose", [writer.add("NonZero", [where])], perm=[1, 0])
    return writer.add("ScatterND", [found, places, instead])


def _first(writer: Writer, values: str, k: int) -> str:
    """The first k columns."""
    return writer.add("Slice", [values, *(writer.constant(np.array([end])) for end in (0, k, 1))])


def smallest(writer: Writer, values: str, k: int) -> tuple[str, str]:
    """Write the k smallest of each row, and their places; of equal ones those of lower place."""
    outputs = [writer.name("smallest"), writer.name("places")]
    count = writer.constant(np.array([k]))
    values, places = writer.add_all("TopK", [values, count], outputs, largest=0, sorted=1)
    return values, places


def _apart(writer: Writer, rows: str) -> str:
    """`(n_rows, 1, n_features)`."""
    return writer.add("Unsqueeze", [rows, writer.constant(np.array([1]))])


def _moved(writer: Writer, rows: str, centre: str | None) -> str:
    return rows if centre is None else writer.add("Sub", [rows, centre])
