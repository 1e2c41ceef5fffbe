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

Of many training rows the proposals are looked for in groups (smallest.py).

Memory: a query holds n_train values; without a product to rank by, n_train · n_features. Where that is
more than `blocks.FEW`, no more queries go at a time than fill `blocks.FLOATS` values.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from .blocks import Columns, block_size, in_blocks, where_any
from .distances import PRODUCTS, Metric, keys, normalize
from .kernels import centre_of
from .proposals import Proposer, by_maximum, by_product, product
from .smallest import go_in_groups, smallest, smallest_in_groups
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
    rows = prepared(writer, metric, rows)
    ranked = metric.name in (*PRODUCTS, "manhattan") and k + SPARE < n_train
    if ranked and n_train * n_features > SMALL:
        search = _Search(writer, metric, stored, k)
        found = search.found(rows)
        return found, search.measured(rows, found, k) if keyed else ""
    answers = [Columns(k, TensorProto.INT64), *([Columns(k, TensorProto.DOUBLE)] if keyed else [])]

    def part(block: str) -> list[str]:
        return _among_all(writer, metric, stored, block, k, keyed=keyed)

    given = {rows: Columns(n_features, TensorProto.DOUBLE)}
    found, *key = in_blocks(writer, given, block_size(n_train * n_features), answers, part)
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
    key = keys(writer, metric, _apart(writer, rows), others)
    key, found = smallest(writer, key, k)
    return [found, key] if keyed else [found]


class _Search:
    """Ranks in float32; where they leave a choice open, the distances of the proposed in float64.

    Where queries go in blocks, each block's body decodes the training rows for itself.
    """

    def __init__(self, writer: Writer, metric: Metric, stored: Stored, k: int) -> None:
        n_train, n_features = stored.shape
        self.writer, self.metric, self.stored, self.k = writer, metric, stored, k
        self.count = k + SPARE
        self.size = block_size(n_train if metric.name in PRODUCTS else n_train * n_features)
        self.centre = None if metric.name == "cosine" else centre_of(stored.values())
        self.proposer = self._proposer()
        self.known = "" if self.size else self._decoded()
        # Whole numbers are often equally far, and then the first of them is wanted.
        ties = self.proposer.whole_within > 0
        self.grouped = go_in_groups(n_train, self.count) and metric.name in PRODUCTS and not ties

    def found(self, rows: str) -> str:
        """`(n_rows, k)` places of the nearest of `rows`."""
        writer, k = self.writer, self.k
        moved = self._moved(rows)
        single = writer.add("Cast", [moved], to=TensorProto.FLOAT)
        given = {single: Columns(self.stored.shape[1], TensorProto.FLOAT)}
        answers = [Columns(self.count, kind) for kind in (TensorProto.FLOAT, TensorProto.INT64)]

        def proposed(block: str) -> list[str]:
            def rank(known: str) -> str:
                return self.proposer.rank(writer, known, block)

            known, n_train = self._placed(), self.stored.shape[0]
            if self.grouped:
                return list(smallest_in_groups(writer, rank, known, n_train, self.count))
            return list(smallest(writer, rank(known), self.count))

        ranks, among = in_blocks(writer, given, self.size, answers, proposed)
        error = _error(writer, self.proposer, moved, single)
        doubtful = _doubtful(writer, ranks, error, k, k + 1)

        def decided() -> str:
            lost = _doubtful(writer, ranks, error, k, self.count)
            asked = moved if self.metric.name in PRODUCTS else rows
            again = self._again(writer.add("Compress", [asked, lost], axis=0))
            better = _scattered(writer, among, lost, again)
            few, few_rows = (writer.add("Compress", [name, doubtful], axis=0) for name in (better, rows))
            few, _ = smallest(writer, few, self.count)  # as the training rows, for those equally far
            _, places = smallest(writer, self.measured(few_rows, few, self.count), k)
            chosen = writer.add("GatherElements", [few, places], axis=1)
            return _scattered(writer, _first(writer, among, k), doubtful, chosen)

        answer = Columns(k, TensorProto.INT64)
        return where_any(writer, doubtful, answer, decided, lambda: _first(writer, among, k))

    def measured(self, rows: str, among: str, count: int) -> str:
        """Keys of `rows` and the training rows at the `(n_rows, count)` places `among`."""
        writer, n_features = self.writer, self.stored.shape[1]

        def part(rows: str, among: str) -> list[str]:
            others = writer.add("Gather", [self._values(), among], axis=0)
            return [keys(writer, self.metric, _apart(writer, rows), others)]

        size = block_size(count * n_features) if self.size else 0
        given = {rows: Columns(n_features, TensorProto.DOUBLE), among: Columns(count, TensorProto.INT64)}
        return in_blocks(writer, given, size, [Columns(count, TensorProto.DOUBLE)], part)[0]

    def _again(self, rows: str) -> str:
        """`(n_rows, count)` places that float64 proposes for rows, moved for a product; they may be none."""
        writer = self.writer

        def part(block: str) -> list[str]:
            if self.metric.name in PRODUCTS:
                ranks = product(writer, self._placed(), block, double=True)
            else:
                ranks = keys(
                    writer, replace(self.metric, in_order=False), _apart(writer, block), self._values()
                )
            return [smallest(writer, ranks, self.count)[1]]

        # One row more: Scan takes no rows as an error, and TopK (smallest.py: smallest_if_any) as worse.
        some = writer.add("Pad", [rows, writer.constant(np.array([0, 0, 1, 0]))])
        # Row by row where not at once: few rows get here, and blocks are a dozen nodes more.
        given = {some: Columns(self.stored.shape[1], TensorProto.DOUBLE)}
        answers = [Columns(self.count, TensorProto.INT64)]
        (places,) = in_blocks(writer, given, min(self.size, 1), answers, part)
        return writer.add("Slice", [places, *(writer.constant(np.array([end])) for end in (0, -1))])

    def _proposer(self) -> Proposer:
        """Differences stay the same when all rows move by the centre; rounding does not."""
        n_train, n_features = self.stored.shape
        if self.centre is None:
            return by_product(np.ones(n_train), n_features)
        moved = self.stored.values() - self.centre
        whole = np.array_equal(moved, np.rint(moved))
        if self.metric.name == "manhattan":
            return by_maximum(np.abs(moved).sum(axis=1), n_features, whole=whole)
        return by_product(np.sqrt((moved**2).sum(axis=1)), n_features, whole=whole)

    def _values(self) -> str:
        return self.known or self._decoded()

    def _decoded(self) -> str:
        values = decode(self.writer, self.stored, code_names(self.writer, self.stored))
        return prepared(self.writer, self.metric, values)

    def _placed(self) -> str:
        return self._moved(self._values())

    def _moved(self, rows: str) -> str:
        if self.centre is None:
            return rows
        return self.writer.add("Sub", [rows, self.writer.constant(self.centre)])


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


def _apart(writer: Writer, rows: str) -> str:
    """`(n_rows, 1, n_features)`."""
    return writer.add("Unsqueeze", [rows, writer.constant(np.array([1]))])
