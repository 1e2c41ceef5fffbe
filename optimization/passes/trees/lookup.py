"""Trees → words of tests, each looked up in a table.

In: a model with tree operators.
Out: for each of them

    trees(x)  →  Σ over words of  table of the word [Σⱼ 2ʲ · (x ≤ t of the word's j-th test)]

which is all tests at once, one product of bytes that makes numbers of them, one GatherElements, and a sum
by target. See `words` and `tables`. Operators side by side are looked up as one.
Promise: the leaves reached are the same ones, NaN included. Their weights are those that `storage` keeps,
summed in float32 in another order: exact with float32, estimated otherwise.
Legal: sums of float32 weights. Tests are made on the transposed rows, because onnxruntime copies whole rows
far quicker than it gathers single elements (`leaf_table`).
Refused: tests other than ≤; what `leaf_table` refuses of sums and classifiers; leaves that ask for more than
`MOST_TESTS`; ensembles whose words have more than `TESTS_PER_TREE` tests for each tree, where the kernel is
hardly slower.

For boosted trees of depth 3 a batch takes a quarter to a tenth of the kernel's time, one row two to three
times as long. The idea that leaves are sets of tests on bits is QuickScorer's (Lucchese et al., SIGIR 2015);
words across trees are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from optimization.passes.build import Builder, element_type
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.boxes import Boxes, only_thresholds, read_boxes
from optimization.passes.trees.ensemble import Array, Ensemble, every_target_scored
from optimization.passes.trees.operators import all_stay, replace_nodes
from optimization.passes.trees.side_by_side import Operator, read_operators
from optimization.passes.trees.storage import Storage
from optimization.passes.trees.tables import n_cells, write_tables
from optimization.passes.trees.words import BYTE, Words, make_words

TESTS_PER_TREE = 20
"""Of all words: a word of 8 tests costs 3 to 7 ns a row, a tree in onnxruntime's kernel 7 to 24 (1.32)."""
BLOCK = 4
"""Thresholds of one column that are compared together."""
MOST_CELLS = 2**24
"""Numbers held while an operator's tables are made, 64 MB; nodes by columns, while its words are."""
MOST_WEIGHTS = 2**24
"""Of all tables of a graph, 64 MB: they stay in memory."""


@dataclass(frozen=True)
class Plan:
    """What can be looked up in a model, however its weights are stored."""

    operators: tuple[tuple[Operator, Ensemble, Boxes, Words], ...]
    kept: tuple[str, ...]
    """Sentences about the others, "… stays: reason"."""


def plan_lookups(model: onnx.ModelProto) -> Plan:
    """Return the words of every tree operator of `model` that gains by them."""
    operators = []
    kept: list[str] = []
    left = MOST_WEIGHTS
    for operator in read_operators(model):
        trees = operator.ensemble
        found = trees if isinstance(trees, str) else _words(trees, left)
        if isinstance(trees, str) or isinstance(found, str):
            kept.extend(f"{name} stays: {found}" for name in operator.titles)
        else:
            operators.append((operator, trees, *found))
            left -= _n_weights(found[1])
    return Plan(tuple(operators), tuple(kept))


def look_up_trees(model: onnx.ModelProto, plan: Plan, *, storage: Storage) -> Rewrite | Refused:
    """Write what `plan` says of `model` as tables, weights of leaves in `storage`."""
    if not plan.operators:
        return all_stay(plan.kept)
    builder = Builder(model.graph)
    written: dict[int, list[onnx.NodeProto]] = {}
    changes: list[str] = []
    turned: dict[str, str] = {}
    for operator, trees, boxes, words in plan.operators:
        if operator.rows not in turned:
            turned[operator.rows] = builder.add("Transpose", [operator.rows])
        double = element_type(model, operator.rows) == onnx.TensorProto.DOUBLE
        passed, place = _tests(builder, boxes, turned[operator.rows], double=double)
        tables = write_tables(builder, words, storage)
        numbers = _numbers(builder, passed, place[words.test], words.width)
        weights = builder.add("GatherElements", [tables, numbers], axis=1)
        _write(builder, operator, trees, words, weights)
        written |= {index: [] for index in operator.nodes} | {operator.nodes[-1]: builder.take()}
        what = f"{len(words.test)} words of {words.width} tests for {boxes.n_trees} trees"
        changes.extend(f"{name}: {what}" for name in operator.titles)
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    return Rewrite(rewritten, tuple(changes), plan.kept)


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
    words = make_words(boxes, most_tests=TESTS_PER_TREE * ensemble.n_trees)
    if isinstance(words, str):
        return words
    if _n_weights(words) > most_weights or n_cells(words) > MOST_CELLS:
        return f"the tables of {len(words.test):,} words of {words.width} tests are too large"
    return boxes, words


def _n_weights(words: Words) -> int:
    """Weights in the tables."""
    return len(words.test) << words.width


def _write(builder: Builder, operator: Operator, trees: Ensemble, words: Words, weights: str) -> None:
    """Sum `weights`, `(n_words, n_rows)`, by target, and answer what the operator answered."""
    pair = trees.labels is not None and trees.n_targets == 2
    # Of two classes there are weights for one.
    sums = _sums(builder, words, weights, n_targets=1 if pair else trees.n_targets)
    output = "" if pair else operator.scores
    raw = builder.add("Transpose", [sums], "" if len(trees.base) else output)
    if len(trees.base):
        raw = builder.add("Add", [raw, builder.constant(trees.base.astype(np.float32))], output)
    if pair:
        raw = classifier_v5.write_pair(builder, raw, trees, double=False, output=operator.scores)
    if trees.labels is not None:
        classifier_v5.write_label(builder, raw, trees, operator.label)


def _tests(builder: Builder, boxes: Boxes, turned: str, *, double: bool) -> tuple[str, Array]:
    """`(n_passed, n_rows)` uint8: whether x ≤ t; and where each test of `boxes` stands among them.

    A column's thresholds stand in blocks of `BLOCK`, the last one filled up, so that its values are fetched
    once for each block: a fetch takes onnxruntime's Gather 8 ns of a single row, and a copy of all rows.
    """
    kind = np.float64 if double else np.float32
    parts = []
    counts = np.array([len(values) for values in boxes.thresholds])
    n_blocks = -(-counts // BLOCK)
    starts = np.cumsum(n_blocks) - n_blocks
    # In the order of `Boxes`: first the tests that NaN fails.
    for missing in np.unique(boxes.missing):
        own = np.flatnonzero(boxes.missing == missing)
        filled = [np.pad(boxes.thresholds[i], (0, n_blocks[i] * BLOCK - counts[i]), mode="edge") for i in own]
        limits = np.concatenate(filled).astype(kind).reshape(-1, BLOCK).T[:, :, None]
        features = np.repeat(boxes.features[own], n_blocks[own]).astype(np.int32)
        values = builder.add("Gather", [turned, builder.constant(features)], axis=0)
        # NaN is neither ≤ nor > anything.
        passed = (
            builder.add("Not", [builder.add("Greater", [values, builder.constant(limits)])])
            if missing
            else builder.add("LessOrEqual", [values, builder.constant(limits)])
        )
        parts.append(_cast(builder, passed, np.uint8))
    blocks = parts[0] if len(parts) == 1 else builder.add("Concat", parts, axis=1)
    total = int(n_blocks.sum())
    line = builder.add("Reshape", [blocks, builder.constant(np.array([BLOCK * total, -1]))])
    within = np.concatenate([np.arange(n) for n in counts])
    return line, within % BLOCK * total + np.repeat(starts, counts) + within // BLOCK


def _numbers(builder: Builder, passed: str, tests: Array, width: int) -> str:
    """`(n_words, n_rows)` int32: [1, 2, 4, …] · tests of each word, by bytes."""
    listed = builder.add("Gather", [passed, builder.constant(tests.T.ravel().astype(np.int32))], axis=0)
    split = builder.add("Reshape", [listed, builder.constant(np.array([width, -1]))])
    bits = np.arange(width)
    powers = np.where(bits // BYTE == np.arange(-(-width // BYTE))[:, None], 1 << bits % BYTE, 0)
    numbers = builder.add("MatMulInteger", [builder.constant(powers.astype(np.uint8)), split])
    if len(powers) > 1:
        scale = builder.constant((1 << BYTE * np.arange(len(powers), dtype=np.int32))[:, None])
        scaled = builder.add("Mul", [numbers, scale])
        numbers = builder.add("ReduceSum", [scaled, builder.constant(np.array([0]))])
    return builder.add("Reshape", [numbers, builder.constant(np.array([len(tests), -1]))])


def _sums(builder: Builder, words: Words, weights: str, *, n_targets: int) -> str:
    """`(n_targets, n_rows)` float32."""
    if n_targets == 1:
        return builder.add("ReduceSum", [weights, builder.constant(np.array([0]))], keepdims=1)
    targets = builder.constant(np.arange(n_targets, dtype=np.int32)[:, None])
    speaks = builder.add("Equal", [targets, builder.constant(words.target.astype(np.int32))])
    return builder.add("MatMul", [_cast(builder, speaks, np.float32), weights])


def _cast(builder: Builder, source: str, dtype: type[np.generic]) -> str:
    """Return `source` as numbers of another dtype."""
    return builder.add("Cast", [source], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
