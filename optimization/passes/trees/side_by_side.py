"""Tree operators of a graph, those that a Concat puts side by side read as one.

In: a model.
Out: `Operator`s: the trees, and which nodes of the graph they are.
Promise: exact: one operator of K targets answers what the K operators and their Concat do; a target without
a base value gets 0.

It undoes `targets`, for passes that gain by seeing all trees of a model at once. Operators are joined that
read the same rows, only sum, have one target each, and are read by one Concat along the columns alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from optimization.passes.graph import all_nodes
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.operators import title
from optimization.passes.trees.read import is_tree_operator, read_ensemble


@dataclass(frozen=True)
class Operator:
    """Trees of a graph."""

    titles: tuple[str, ...]
    """What reports call its nodes."""
    nodes: tuple[int, ...]
    """Positions in the graph, rising: the last one is where all that is read is known."""
    rows: str
    """Name of the tensor that the trees read."""
    label: str
    """Name of a classifier's labels; empty where there are none."""
    scores: str
    """Name of the sums; empty if nothing reads a classifier's."""
    ensemble: Ensemble | str
    """The trees, or the reason why they cannot be read."""


def read_operators(model: onnx.ModelProto) -> list[Operator]:
    """Return the tree operators in the order of the graph, joined where they can be."""
    nodes = list(enumerate(model.graph.node))
    single = {index: _read(index, node) for index, node in nodes if is_tree_operator(node)}
    joined = {}
    for index, node in nodes:
        if node.op_type == "Concat" and (parts := _parts(model.graph, node, single)):
            joined[index] = _join(index, node, parts)
            for part in parts:
                del single[part.nodes[0]]
    return [operator for _, operator in sorted((single | joined).items())]


def _read(index: int, node: onnx.NodeProto) -> Operator:
    ensemble = read_ensemble(node)
    classifier = node.op_type == "TreeEnsembleClassifier"
    label, scores = [*node.output, ""][:2] if classifier else ("", node.output[0])
    return Operator((title(node),), (index,), node.input[0], label, scores, ensemble)


def _parts(graph: onnx.GraphProto, concat: onnx.NodeProto, operators: dict[int, Operator]) -> list[Operator]:
    """The operators that `concat` joins; none if it joins anything else."""
    by_output = {operator.scores: operator for operator in operators.values() if not operator.label}
    parts = [by_output[name] for name in concat.input if name in by_output]
    readers = Counter(name for node in all_nodes(graph) for name in node.input)
    readers.update(value.name for value in graph.output)
    alone = all(readers[name] == 1 for name in concat.input)
    if len(parts) < len(concat.input) or not alone or concat.attribute[0].i not in (1, -1):
        return []
    kinds = {_kind(part) for part in parts}
    return parts if len(kinds) == 1 and None not in kinds else []


def _kind(part: Operator) -> tuple[str, str] | None:
    """What must be equal for operators to be joined; None if one cannot be."""
    trees = part.ensemble
    if isinstance(trees, str) or trees.n_targets != 1 or not trees.n_nodes:
        return None
    plain = (trees.aggregate, trees.post_transform) == ("SUM", "NONE") and trees.labels is None
    return (part.rows, str(trees.threshold.dtype)) if plain else None


def _join(index: int, concat: onnx.NodeProto, parts: list[Operator]) -> Operator:
    ensembles = [part.ensemble for part in parts if isinstance(part.ensemble, Ensemble)]
    trees = np.cumsum([0, *(item.n_trees for item in ensembles)])
    nodes = np.cumsum([0, *(item.n_nodes for item in ensembles)])
    weights = np.cumsum([0, *(len(item.weight) for item in ensembles)])
    moved = [
        replace(
            item,
            tree=item.tree + trees[k],
            true=np.where(item.leaf, 0, item.true + nodes[k]),
            false=np.where(item.leaf, 0, item.false + nodes[k]),
            first=item.first + weights[k],
            target=item.target + k,
            base=item.base if len(item.base) else np.zeros(1, item.weight.dtype),
        )
        for k, item in enumerate(ensembles)
    ]
    based = any(len(item.base) for item in ensembles)
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(item, name) for item in moved])
        for name in ("tree", "mode", "feature", "threshold", "missing", "true", "false", "target", "weight")
    }
    ensemble = replace(
        moved[0],
        **joined,
        first=np.concatenate([*(item.first[:-1] for item in moved), weights[-1:]]),
        base=np.concatenate([item.base for item in moved]) if based else moved[0].base[:0],
        n_targets=len(moved),
    )
    return Operator(
        sum((part.titles for part in parts), ()),
        (*sorted(part.nodes[0] for part in parts), index),
        parts[0].rows,
        "",
        concat.output[0],
        ensemble,
    )
