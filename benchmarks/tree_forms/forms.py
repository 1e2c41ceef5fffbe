"""The forms by name, and how one takes the place of the tree operators of a graph.

In: a model as `convert` writes it, and the name of a form.
Out: the bytes of a model that answers the same, or the reason why the form does not apply.
Promise: rows are finite numbers: NaN has no place in these forms. Which leaves a row reaches is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import onnx

from benchmarks.tree_forms import bit_vectors, boxes, matrices, operators, perfect, words
from benchmarks.tree_forms.boxes import Boxes, read_boxes
from benchmarks.tree_forms.nested import depth, read_trees
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.operators import replace_nodes
from optimization.passes.trees.read import is_tree_operator, read_ensemble

Sums = Callable[[Builder, Ensemble, Boxes, str], str]
"""Adds nodes to the builder that sum the leaves of rows, and returns the name of the sums."""
MAX_CELLS = 2**23
"""Elements of all tables or matrices of a form: with more, its file is a hundred times the operator's."""


@dataclass(frozen=True)
class Form:
    """One way to write trees, and which trees it is for."""

    sums: Sums
    max_depth: int | None = None
    max_leaves: int | None = None
    """Of each tree."""
    max_cells: int | None = None
    """Most elements of (tests, leaves)."""
    max_tests: int | None = None
    """That a leaf may ask for."""
    parallel: bool = False
    """Whether its operators run at the same time."""
    encoded: bool = True
    """Whether the policy `lossless` writes its file; it would take out leaves that are alike."""


FORMS: Mapping[str, Form] = {
    "matrices, float32": Form(matrices.in_float32, max_cells=MAX_CELLS),
    "matrices, int8": Form(matrices.in_int8, max_cells=MAX_CELLS),
    "perfect traversal": Form(perfect.traverse, max_depth=perfect.MAX_DEPTH),
    "words of 8 tests": Form(partial(words.look_up, width=8), max_tests=8),
    "words of 14 tests": Form(partial(words.look_up, width=14), max_tests=14),
    "sets of leaves, bits": Form(bit_vectors.in_bits, max_leaves=bit_vectors.MAX_LEAVES),
    "sets of leaves, bytes": Form(bit_vectors.in_bytes, max_cells=MAX_CELLS),
    "united, 64 leaves": Form(partial(operators.united, most_leaves=64), max_leaves=64),
    "united, 512 leaves": Form(partial(operators.united, most_leaves=512), max_leaves=64),
    "two operators, parallel": Form(operators.in_halves, parallel=True),
    "padded leaves": Form(operators.padded, max_depth=operators.MAX_PADDED_DEPTH, encoded=False),
}


def write_form(model: onnx.ModelProto, form: Form) -> onnx.ModelProto | str:
    """Return a copy of `model` with its tree operators in another form, or the reason why not."""
    builder = Builder(model.graph)
    written: dict[int, list[onnx.NodeProto]] = {}
    for index, node in enumerate(model.graph.node):
        if not is_tree_operator(node):
            continue
        ensemble = read_ensemble(node)
        reason = ensemble if isinstance(ensemble, str) else why_not(ensemble, form)
        if isinstance(ensemble, str) or reason:
            return reason
        written[index] = _nodes(builder, ensemble, node, form)
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    return rewritten


def why_not(ensemble: Ensemble, form: Form) -> str:
    """Return the reason why the form does not apply, or nothing."""
    if reason := boxes.why_not(ensemble):
        return reason
    if ensemble.labels is not None and ensemble.n_targets == 2:
        return "a classifier of two classes has rules of its own"
    wants = read_boxes(ensemble).wants()
    limits = (
        ("leaves of a tree", form.max_leaves, np.bincount(ensemble.tree[ensemble.leaf]).max()),
        ("levels of a tree", form.max_depth, max(map(depth, read_trees(ensemble)))),
        ("tests of a leaf", form.max_tests, np.abs(wants).sum(axis=0).max()),
        ("pairs of a test and a leaf", form.max_cells, wants.size),
    )
    reasons = (
        f"expected at most {most:,} {what}, found {found:,}"
        for what, most, found in limits
        if most is not None and found > most
    )
    return next(reasons, "")


def _nodes(builder: Builder, ensemble: Ensemble, node: onnx.NodeProto, form: Form) -> list[onnx.NodeProto]:
    """The nodes that answer what `node` does."""
    plain = replace(ensemble, base=ensemble.base[:0], labels=None)
    sums = form.sums(builder, plain, read_boxes(ensemble), node.input[0])
    classifier = ensemble.labels is not None
    label, scores = node.output if classifier else ("", node.output[0])
    base = ensemble.base if len(ensemble.base) else np.zeros(1)
    builder.add("Add", [sums, builder.constant(base.astype(np.float32))], scores)
    if classifier:
        classifier_v5.write_label(builder, scores, ensemble, label)
    return builder.take()
