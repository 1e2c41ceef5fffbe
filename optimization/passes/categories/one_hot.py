"""One-hot columns that products and trees read, replaced by what these make of them.

In: a model in which OneHotEncoder, or OneHot of looked-up positions, stands before Gemm, MatMul or trees.
Out: one column for each column of categories: its weight, its row of weights, or its position.
Promise: exact (products.py); trees take the same branches (ensembles.py).

A column of a thousand categories is a thousand columns of zeros and ones otherwise, written, joined and
multiplied for every row.

Legal: all that read the joined columns can do without; words are looked up as before, so that unknown ones
have no column, or are refused (lookups.py).  Words that fill missing ones become further keys (sources.py).
Refused, reader by reader: few columns; columns that something else reads, so that they would stay: another
node, an output of the graph, a body.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from optimization.passes.build import Builder
from optimization.passes.categories.ensembles import read_trees, write_rows
from optimization.passes.categories.joins import Join, read_join
from optimization.passes.categories.products import Product, read_product, write_product
from optimization.passes.facts import Facts
from optimization.passes.graph import ML_DOMAIN
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.operators import replace_nodes, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.write_v3 import write_node
from optimization.passes.unused import remove_unused

PROMISE = Promise.EXACT
PRODUCTS = ("Gemm", "MatMul")
MIN_OPSET = 13
"""Split takes its sizes as an input from there on."""
ML_VERSION = 2
"""LabelEncoder makes numbers of words and of integers from there on; older operators mean the same."""


@dataclass(frozen=True)
class _Reader:
    """A product or trees, and what they become."""

    node: onnx.NodeProto
    join: Join
    plan: Product | Ensemble


def look_up_categories(model: onnx.ModelProto) -> Rewrite | Refused:
    """Rewrite what reads one-hot columns, where all that reads them can do without."""
    if all(node.op_type not in ("OneHot", "OneHotEncoder") for node in model.graph.node):
        return Refused("no column of categories has one-hot columns")
    versions = {item.domain: item.version for item in model.opset_import}
    if versions.get("", 0) < MIN_OPSET:
        return Refused(f"expected operator set {MIN_OPSET} or newer, found {versions.get('', 0)}")
    facts = Facts(model)
    readers, kept = _readers(facts)
    _leave_shared(readers, kept, facts)
    if not readers:
        return Refused("; ".join(kept) or "no product and no tree reads one-hot columns")
    changes = [
        f"{title(item.node)}: {item.join.n_one_hot} one-hot columns are looked up"
        for item in readers.values()
    ]
    rewritten = _rewritten(model, readers)
    result = remove_unused(rewritten)
    return Rewrite(result.model if isinstance(result, Rewrite) else rewritten, tuple(changes), tuple(kept))


def _readers(facts: Facts) -> tuple[dict[int, _Reader], list[str]]:
    """Return what can do without one-hot columns, by position, and why the others cannot."""
    readers: dict[int, _Reader] = {}
    kept: list[str] = []
    for i, node in enumerate(facts.model.graph.node):
        join = read_join(node.input[0], facts) if node.op_type in PRODUCTS or is_tree_operator(node) else None
        if join is None:
            continue
        plan = _plan(node, join, facts)
        if isinstance(plan, str):
            kept.append(f"{title(node)} stays: {plan}")
        else:
            readers[i] = _Reader(node, join, plan)
    return readers, kept


def _plan(node: onnx.NodeProto, join: Join, facts: Facts) -> Product | Ensemble | str:
    if not is_tree_operator(node):
        return read_product(node, join.parts, facts)
    ensemble = read_ensemble(node)
    return ensemble if isinstance(ensemble, str) else read_trees(ensemble, join.parts)


def _leave_shared(readers: dict[int, _Reader], kept: list[str], facts: Facts) -> None:
    """Take readers out, in place, whose one-hot columns stay for something else."""
    while True:
        inner = set().union(*(reader.join.inner for reader in readers.values()))
        needed = {name: why for name in inner if (why := _who_else(name, inner, readers, facts))}
        shared = [i for i, reader in readers.items() if reader.join.inner & needed.keys()]
        if not shared:
            return
        for i in shared:
            reader = readers.pop(i)
            why = needed[min(reader.join.inner & needed.keys())]
            kept.append(
                f"{title(reader.node)} stays: {why} reads its {reader.join.n_one_hot} one-hot columns"
            )


def _who_else(name: str, inner: set[str], readers: dict[int, _Reader], facts: Facts) -> str:
    """Return who reads a tensor besides `readers`; empty for nobody."""
    followers = facts.followers.get(name, [])
    if facts.readers[name] > sum(list(facts.model.graph.node[i].input).count(name) for i in followers):
        return "an output or a body"
    others = [facts.model.graph.node[i] for i in followers if i not in readers]
    return next((title(node) for node in others if not inner.intersection(node.output)), "")


def _rewritten(model: onnx.ModelProto, readers: dict[int, _Reader]) -> onnx.ModelProto:
    builder = Builder(model.graph)
    rows: dict[str, str] = {}
    written: dict[int, list[onnx.NodeProto]] = {}
    for i, reader in readers.items():
        if isinstance(reader.plan, Product):
            write_product(builder, reader.plan, reader.node.output[0])
            written[i] = builder.take()
            continue
        name = reader.node.input[0]
        # Trees of one matrix share their rows.
        rows[name] = rows.get(name) or write_rows(builder, reader.join.parts)
        trees = write_node(reader.plan, reader.node)
        trees.input[0] = rows[name]
        written[i] = [*builder.take(), trees]
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    for item in rewritten.opset_import:
        if item.domain == ML_DOMAIN:
            item.version = max(item.version, ML_VERSION)
    return rewritten
