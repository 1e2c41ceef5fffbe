"""Trees → words of tests, each looked up in a table.

In: a model with tree operators.
Out: for each of them

    trees(x)  →  Σ over words of  table of the word [Σⱼ 2ʲ · (x ≤ t of the word's j-th test)]

which is all tests at once, one product of bytes that makes numbers of them, and one GatherElements per
target. See `words`. The file holds the leaves; onnxruntime makes the tables of them when it loads.
Promise: exact: the leaves reached are the same ones, NaN included; their weights are summed in float32, in
another order.
Legal: sums of float32 weights. Tests are made on the transposed rows, because onnxruntime copies whole rows
far quicker than it gathers single elements (`leaf_table`).
Refused: tests other than ≤; what `leaf_table` refuses of sums and classifiers; leaves that ask for more than
`MOST_TESTS`; ensembles that need more than `WORDS_PER_TREE` words for each tree, where the kernel is quicker.

For boosted trees of depth 3 a batch takes a quarter to a tenth of the kernel's time, one row two to five
times as long: this is a policy for throughput. The idea that leaves are sets of tests on bits is
QuickScorer's (Lucchese et al., SIGIR 2015); words across trees are not.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.boxes import Boxes, only_thresholds, read_boxes
from optimization.passes.trees.build import Builder, element_type
from optimization.passes.trees.ensemble import Array, Ensemble, every_target_scored
from optimization.passes.trees.operators import all_stay, replace_nodes, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.words import BYTE, Words, make_words

PROMISE = Promise.EXACT
WORDS_PER_TREE = 3
"""A word costs 3 to 7 ns a row, a tree in onnxruntime's kernel 7 to 24 (1.32)."""
MOST_CELLS = 2**23
"""Weights of an operator's tables and what they are made of, 32 MB; and nodes by columns, in making words."""
MOST_WEIGHTS = 2**24
"""Of all tables of a graph, 64 MB: they stay in memory."""


def look_up_trees(model: onnx.ModelProto) -> Rewrite | Refused:
    """Write every tree operator that gains by it as tables of words."""
    builder = Builder(model.graph)
    written: dict[int, list[onnx.NodeProto]] = {}
    changes, kept = [], []
    turned: dict[str, str] = {}
    left = MOST_WEIGHTS
    for index, node in enumerate(model.graph.node):
        if not is_tree_operator(node):
            continue
        ensemble = read_ensemble(node)
        found = ensemble if isinstance(ensemble, str) else _words(ensemble, left)
        if isinstance(ensemble, str) or isinstance(found, str):
            kept.append(f"{title(node)} stays: {found}")
            continue
        rows = node.input[0]
        if rows not in turned:
            turned[rows] = builder.add("Transpose", [rows])
        double = element_type(model, rows) == onnx.TensorProto.DOUBLE
        _write(builder, ensemble, found, node, turned[rows], double=double)
        written[index] = builder.take()
        boxes, words = found
        left -= _n_weights(boxes, words)
        changes.append(
            f"{title(node)}: {len(words.test)} words of {words.width} tests for {boxes.n_trees} trees"
        )
    if not written:
        return all_stay(kept)
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    return Rewrite(rewritten, tuple(changes), tuple(kept))


def _words(ensemble: Ensemble, most_weights: int) -> tuple[Boxes, Words] | str:
    """The ensemble's words, or the reason why it stays."""
    plain = (ensemble.aggregate, ensemble.post_transform) == ("SUM", "NONE")
    base_lost = len(ensemble.base) and not (ensemble.labels or every_target_scored(ensemble))
    features = len(np.unique(ensemble.feature[~ensemble.leaf]))
    reasons = (
        (not plain, "it does more than sum weights"),
        (not only_thresholds(ensemble), "it has tests other than ≤"),
        (
            ensemble.weight.dtype != np.float32 or not np.isfinite(ensemble.weight).all(),
            "its weights are no finite float32 numbers",
        ),
        (bool(base_lost), "onnxruntime leaves the base value out where no leaf speaks to a target"),
        (features * ensemble.n_nodes > MOST_CELLS, "its nodes and columns are too many"),
    )
    reason = next((reason for applies, reason in reasons if applies), "")
    reason = reason or ("" if ensemble.labels is None else classifier_v5.why_not(ensemble))
    if reason:
        return reason
    boxes = read_boxes(ensemble)
    words = make_words(boxes, most_words=WORDS_PER_TREE * ensemble.n_trees)
    if isinstance(words, str):
        return words
    n_weights = _n_weights(boxes, words)
    parts = len(words.test) * 2**BYTE * int(np.bincount(words.word).max())
    if n_weights > most_weights or n_weights + parts > MOST_CELLS:
        return f"the tables of {len(words.test)} words of {words.width} tests are too large"
    return boxes, words


def _n_weights(boxes: Boxes, words: Words) -> int:
    """Weights in the tables."""
    return len(words.test) * (1 << words.width) * int(boxes.weights.shape[1])


def _write(
    builder: Builder,
    ensemble: Ensemble,
    found: tuple[Boxes, Words],
    node: onnx.NodeProto,
    turned: str,
    *,
    double: bool,
) -> None:
    boxes, words = found
    classifier = ensemble.labels is not None
    label, scores = [*node.output, ""][:2] if classifier else ("", node.output[0])
    pair = classifier and ensemble.n_targets == 2
    index = _numbers(builder, _tests(builder, boxes, turned, double=double), words)
    # Of two classes there are weights for one.
    sums = _sums(builder, boxes.weights[:, :1] if pair else boxes.weights, words, index)
    output = "" if pair else scores
    if len(ensemble.base):
        raw = builder.add("Transpose", [sums])
        raw = builder.add("Add", [raw, builder.constant(ensemble.base.astype(np.float32))], output)
    else:
        raw = builder.add("Transpose", [sums], output)
    if pair:
        raw = classifier_v5.write_pair(builder, raw, ensemble, double=False, output=scores)
    if classifier:
        classifier_v5.write_label(builder, raw, ensemble, label)


def _tests(builder: Builder, boxes: Boxes, turned: str, *, double: bool) -> str:
    """`(n_tests, n_rows)` uint8: whether x ≤ t, for every threshold of every column."""
    kind = np.float64 if double else np.float32
    counts = [len(values) for values in boxes.thresholds]
    thresholds = np.concatenate(boxes.thresholds).astype(kind)
    features, passing = np.repeat(boxes.features, counts), np.repeat(boxes.missing, counts)
    parts = []
    # In the order of `Boxes`: first the tests that NaN fails.
    for missing in np.unique(passing):
        own = passing == missing
        values = builder.add("Gather", [turned, builder.constant(features[own])], axis=0)
        limits = builder.constant(thresholds[own][:, None])
        # NaN is neither ≤ nor > anything.
        passed = (
            builder.add("Not", [builder.add("Greater", [values, limits])])
            if missing
            else builder.add("LessOrEqual", [values, limits])
        )
        parts.append(_cast(builder, passed, np.uint8))
    return parts[0] if len(parts) == 1 else builder.add("Concat", parts, axis=0)


def _numbers(builder: Builder, passed: str, words: Words) -> str:
    """`(n_words, n_rows)` int32: [1, 2, 4, …] · tests of each word, by bytes."""
    n_words, width = words.test.shape
    listed = builder.add("Gather", [passed, builder.constant(words.test.T.ravel())], axis=0)
    split = builder.add("Reshape", [listed, builder.constant(np.array([width, -1]))])
    bits = np.arange(width)
    powers = np.where(bits // BYTE == np.arange(-(-width // BYTE))[:, None], 1 << bits % BYTE, 0)
    numbers = builder.add("MatMulInteger", [builder.constant(powers.astype(np.uint8)), split])
    if len(powers) > 1:
        scale = builder.constant((1 << BYTE * np.arange(len(powers), dtype=np.int32))[:, None])
        scaled = builder.add("Mul", [numbers, scale])
        numbers = builder.add("ReduceSum", [scaled, builder.constant(np.array([0]))])
    return builder.add("Reshape", [numbers, builder.constant(np.array([n_words, -1]))])


def _sums(builder: Builder, weights: Array, words: Words, index: str) -> str:
    """`(n_targets, n_rows)` float32: what all words' tables hold at `index`."""
    n_words, sums = len(words.test), []
    first = builder.constant(np.array([0]))
    for values in weights.T:
        speaks = np.unique(words.word[values != 0])
        asked = index
        if len(speaks) < n_words:
            asked = builder.add("Gather", [index, builder.constant(speaks)], axis=0)
        found = builder.add("GatherElements", [_table(builder, words, values, speaks), asked], axis=1)
        sums.append(builder.add("ReduceSum", [found, first], keepdims=1))
    return sums[0] if len(sums) == 1 else builder.add("Concat", sums, axis=0)


def _table(builder: Builder, words: Words, weights: Array, speaks: Array) -> str:
    """`(n_speaks, 2^width)` float32, for the words that speak to one target: computed from the leaves.

    A leaf's line of the table is its weight times which high bytes it takes times which low bytes.
    """
    leaves = np.flatnonzero(weights)
    leaves = leaves[np.argsort(words.word[leaves], kind="stable")]
    row = np.searchsorted(speaks, words.word[leaves])
    place = np.arange(len(leaves)) - np.searchsorted(row, row)
    shape = (len(speaks), int(place.max(initial=0)) + 1, 1)

    def spread(values: Array, dtype: type[np.generic]) -> str:
        """The values of leaves by word, `(n_speaks, most leaves of a word, 1)`; 0 where there is no leaf."""
        spread = np.zeros(shape, dtype)
        spread[row, place, 0] = values
        return builder.constant(spread)

    def takes(bits: Array) -> str:
        """Which numbers made of some bits each leaf takes: float32, in the last dimension."""
        low, count = int(bits.min(initial=BYTE)), 2 ** len(bits)
        care, wanted = (values[leaves] >> low & count - 1 for values in (words.care, words.wanted))
        numbers = builder.constant(np.arange(count, dtype=np.int32))
        asked = builder.add("BitwiseAnd", [spread(care, np.int32), numbers])
        return _cast(builder, builder.add("Equal", [asked, spread(wanted, np.int32)]), np.float32)

    bits = np.arange(words.width)
    added = builder.add("Mul", [takes(bits[BYTE:]), spread(weights[leaves], np.float32)])
    high = builder.add("Transpose", [added], perm=[0, 2, 1])
    both = builder.add("MatMul", [high, takes(bits[:BYTE])])
    return builder.add("Reshape", [both, builder.constant(np.array([len(speaks), 2 ** len(bits)]))])


def _cast(builder: Builder, source: str, dtype: type[np.generic]) -> str:
    """Return `source` as numbers of another dtype."""
    return builder.add("Cast", [source], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
