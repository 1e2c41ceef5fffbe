"""What TreeEnsembleClassifier answers, from TreeEnsemble's scores.

In: a classifier's `Ensemble`.
Out: nodes for its label and its scores.
Promise: lossless (tree_ensemble_aggregator.h, onnxruntime 1.32):

    three or more classes:      label = classes[ArgMax(s)]                      scores = s
    two classes, weights of one class, one of them negative:
        s > 0   ⇔  ArgMax([−s, s]) = 1                                          scores = [−s, s]
    two classes, weights of one class, none negative:
        s > 0.5 ⇔  ArgMax([1 − s, s]) = 1                                       scores = [1 − s, s]

ArgMax takes the first of equal values, as the classifier does.
Refused: LOGISTIC, SOFTMAX, SOFTMAX_ZERO and PROBIT, whose bits no other operator reproduces; a class that
may stay without a score while a weight is negative (the classifier leaves it out of the vote); two
classes with weights for both; one class.

A division of the scores by the number of trees that follows is TreeEnsemble's AVERAGE, a classifier's where
sums are exact: quotients of different sums are then different, so the label can be told from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from optimization.passes.build import Builder
from optimization.passes.trees.ensemble import Ensemble, every_target_scored, sums_exactly
from optimization.passes.trees.write_v5 import write_attributes

SIGNS = np.array([[-1, 1]])
PARALLEL_TREES = 80
"""Up to so many trees onnxruntime sums one row in order (tree_ensemble_common.h: parallel_tree_)."""


@dataclass(frozen=True)
class Division:
    """`scores (+ half the trees) ÷ trees`: what a forest's graph does after its classifier.

    Of one tree only the sum is left.
    """

    nodes: tuple[int, ...]
    """Positions in the graph."""
    shifted: bool
    output: str


def why_not(ensemble: Ensemble) -> str:
    """Return the reason why this classifier cannot be rebuilt, or nothing."""
    if ensemble.post_transform != "NONE":
        return f"no other operator computes the bits of {ensemble.post_transform}"
    if ensemble.n_targets < 2:
        return "it knows one class only"
    if ensemble.n_targets == 2:
        simple = (ensemble.target == 0).all() and len(ensemble.base) < 2
        return "" if simple else "of two classes it has weights or base values for both"
    scored = len(ensemble.base) or every_target_scored(ensemble) or (ensemble.weight > 0).all()
    return "" if scored else "a class may stay without a score, and a weight is not positive"


def build(
    builder: Builder, ensemble: Ensemble, node: onnx.NodeProto, *, double: bool, division: Division | None
) -> None:
    """Add the nodes that replace `node`, and those of `division`, which must have been found with it."""
    label, scores = [*node.output, ""][:2]
    if division:
        averaged = replace(ensemble, aggregate="AVERAGE")
        votes = _as_votes(averaged) if division.shifted else averaged
        attributes = write_attributes(votes)
        scores = builder.add_ml("TreeEnsemble", node.input[0], attributes, division.output)
        write_label(builder, scores, ensemble, label)
    elif ensemble.n_targets == 2:
        _two_classes(builder, ensemble, node, double=double)
    else:
        raw = _sums(builder, ensemble, node.input[0], double=double, output="" if double else scores)
        write_label(builder, raw, ensemble, label)
        if double and scores:
            builder.add("Cast", [raw], scores, to=TensorProto.FLOAT)


def find_division(
    graph: onnx.GraphProto, node: onnx.NodeProto, ensemble: Ensemble, *, double: bool
) -> Division | None:
    """Find the division that AVERAGE replaces; None if there is none, or if it would change a bit."""
    classifier = ensemble.labels is not None
    if double or len(ensemble.base) or (ensemble.aggregate, ensemble.post_transform) != ("SUM", "NONE"):
        return None
    if len(node.output) < 1 + classifier or (classifier and not sums_exactly(ensemble)):
        return None
    trees, shifted = float(ensemble.n_trees), classifier and ensemble.n_targets == 2
    found, name = [], node.output[int(classifier)]
    for op_type, operand in [("Add", trees / 2)] * shifted + [("Div", trees)] * (trees > 1):
        index = _only_reader(graph, name)
        if index is None or not _is(graph, graph.node[index], op_type, name, operand):
            return None
        found.append(index)
        name = graph.node[index].output[0]
    if not found or (shifted and not (np.abs(ensemble.weight) == 0.5).all()):
        return None
    return Division(tuple(found), shifted, name)


def _as_votes(ensemble: Ensemble) -> Ensemble:
    """±½ for the second class, half the trees added → a vote for either class."""
    second = ensemble.weight > 0
    return replace(ensemble, target=second.astype(np.int64), weight=np.ones_like(ensemble.weight))


def _only_reader(graph: onnx.GraphProto, name: str) -> int | None:
    readers = [index for index, node in enumerate(graph.node) if name in node.input]
    is_output = any(value.name == name for value in graph.output)
    return readers[0] if len(readers) == 1 and not is_output else None


def _is(graph: onnx.GraphProto, node: onnx.NodeProto, op_type: str, name: str, operand: float) -> bool:
    """Whether `node` is `op_type(name, operand)` with a constant of one value."""
    if node.op_type != op_type or node.domain not in ("", "ai.onnx") or node.input[0] != name:
        return False
    constants = (numpy_helper.to_array(t) for t in graph.initializer if t.name == node.input[1])
    return any(value.size == 1 and value.ndim <= 2 and value.item() == operand for value in constants)


def _sums(builder: Builder, ensemble: Ensemble, source: str, *, double: bool, output: str = "") -> str:
    """Add the trees and their base values."""
    attributes = write_attributes(ensemble, double=double)
    if not len(ensemble.base):
        return builder.add_ml("TreeEnsemble", source, attributes, output)
    base = builder.constant(ensemble.base.astype(np.float64 if double else np.float32))
    return builder.add("Add", [builder.add_ml("TreeEnsemble", source, attributes), base], output)


def _two_classes(builder: Builder, ensemble: Ensemble, node: onnx.NodeProto, *, double: bool) -> None:
    label, scores = [*node.output, ""][:2]
    # One target is faster, but sums one row of many trees in another order: that must not show.
    ordered = ensemble.n_trees <= PARALLEL_TREES or sums_exactly(ensemble)
    raw = _sums(builder, replace(ensemble, n_targets=1 if ordered else 2), node.input[0], double=double)
    if not ordered:
        raw = builder.add("Gather", [raw, builder.constant(np.array([0]))], axis=1)
    pair = write_pair(builder, raw, ensemble, double=double, output="" if double else scores)
    write_label(builder, pair, ensemble, label)
    if double and scores:
        builder.add("Cast", [pair], scores, to=TensorProto.FLOAT)


def write_pair(builder: Builder, raw: str, ensemble: Ensemble, *, double: bool, output: str) -> str:
    """Add `output = [−s, s]`, or `[1 − s, s]`: `(n_rows, 2)` from s, the raw scores `(n_rows, 1)`."""
    kind = np.float64 if double else np.float32
    if (ensemble.weight < 0).any():
        return builder.add("Mul", [raw, builder.constant(SIGNS[0].astype(kind))], output)
    first = builder.constant(np.array([1, 0], kind))
    # One product of inner dimension 1: 1 − s is rounded once, s not at all.
    return builder.add("Gemm", [raw, builder.constant(SIGNS.astype(kind)), first], output)


def write_label(builder: Builder, scores: str, ensemble: Ensemble, output: str) -> None:
    """Add `output = classes[ArgMax(scores)]`, `(n_rows,)`."""
    labels = ensemble.labels or ()
    if not output:
        return
    if labels == tuple(range(len(labels))):
        builder.add("ArgMax", [scores], output, axis=1, keepdims=0)
        return
    text = isinstance(labels[0], bytes)
    values = builder.constant(np.array(labels, dtype=object if text else np.int64))
    builder.add("Gather", [values, builder.add("ArgMax", [scores], axis=1, keepdims=0)], output)
