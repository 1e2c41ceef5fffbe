"""One function from trees to trees, applied to every tree operator of a graph.

In: a model, and a function `Ensemble → (Ensemble, sentence) | reason`.
Out: a `Rewrite` with the operators that changed, or `Refused` with every operator's reason.
Promise: the function's; operators inside bodies of Scan, Loop and If are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx

from optimization.passes.graph import copy_without_nodes
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.write_v3 import write_node

NO_TREES = "the graph has no tree operator"
Step = Callable[[Ensemble], tuple[Ensemble, str] | str]


def rewrite_operators(model: onnx.ModelProto, step: Step) -> Rewrite | Refused:
    """Apply `step` to each tree operator of the graph."""
    written: dict[int, onnx.NodeProto] = {}
    changes, kept = [], []
    for index, node in enumerate(model.graph.node):
        if not is_tree_operator(node):
            continue
        ensemble = read_ensemble(node)
        result = ensemble if isinstance(ensemble, str) else step(ensemble)
        new = node if isinstance(result, str) else write_node(result[0], node)
        if new is node:
            reason = result if isinstance(result, str) else "every number is needed"
            kept.append(f"{title(node)} stays: {reason}")
        else:
            written[index] = new
            changes.append(f"{title(node)}: {result[1]}")
    if not written:
        return all_stay(kept)
    return Rewrite(
        replace_nodes(model, {i: [node] for i, node in written.items()}), tuple(changes), tuple(kept)
    )


def all_stay(kept: Sequence[str]) -> Refused:
    """Return the refusal of all operators, from sentences "… stays: reason"."""
    return Refused("; ".join(said_once(kept)) or NO_TREES)


def said_once(sentences: Sequence[str]) -> list[str]:
    """Return sentences "title: what" and "title stays: reason"; what is said of several is said once."""
    titles: dict[tuple[str, bool], list[str]] = {}
    for sentence in sentences:
        title, _, what = sentence.partition(": ")
        stays = title.endswith(" stays")
        titles.setdefault((what, stays), []).append(title.removesuffix(" stays"))
    return [
        f"{found[0]}{' stays' * stays}: {what}"
        if len(found) == 1
        else f"{found[0]} and {len(found) - 1} more{' stay' * stays}: {what}"
        for (what, stays), found in titles.items()
    ]


def replace_nodes(model: onnx.ModelProto, written: dict[int, list[onnx.NodeProto]]) -> onnx.ModelProto:
    """Return a copy of `model` in which other nodes stand at some positions."""
    rewritten = copy_without_nodes(model)
    for index, node in enumerate(model.graph.node):
        rewritten.graph.node.extend(written.get(index, [node]))
    return rewritten


def title(node: onnx.NodeProto) -> str:
    """Return the words that stand for `node` in reports."""
    return f"{node.op_type} {node.name or node.output[0]!r}"
