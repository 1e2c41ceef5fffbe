"""Inner nodes whose answer does not depend on the test, made leaves.

In: a model with tree operators.
Out: fewer nodes.
Promise: lossless.

Rewrite: node(test, leaf L, leaf L) → leaf L, again until none is left.
Legal: the two leaves hold bit-equal weights for the same targets in the same order; then it does not
matter how a row, or NaN, answers. What decides onnxruntime's rules for binary classifiers (is a weight
negative, which classes have weights) stays, because one of the two leaves does.
Refused: no such node.

Isolation forests are full of them: two leaves of one depth with one sample each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import LEAF, Ensemble, keep_nodes, leaf_kinds, reachable
from optimization.passes.trees.operators import rewrite_operators

PROMISE = Promise.LOSSLESS


def collapse_equal_leaves(model: onnx.ModelProto) -> Rewrite | Refused:
    """Collapse in every tree operator of the graph."""
    return rewrite_operators(model, _step)


def _step(ensemble: Ensemble) -> tuple[Ensemble, str] | str:
    collapsed = collapse(ensemble)
    if collapsed.n_nodes == ensemble.n_nodes:
        return "no node has two equal leaves"
    return collapsed, f"{ensemble.n_nodes} nodes became {collapsed.n_nodes}"


def collapse(ensemble: Ensemble) -> Ensemble:
    """Return `ensemble` without nodes that have two equal leaves."""
    kind, weights_of = leaf_kinds(ensemble), np.arange(ensemble.n_nodes)
    inner = np.flatnonzero(~ensemble.leaf)
    while len(inner):
        true, false = ensemble.true[inner], ensemble.false[inner]
        equal = (kind[true] >= 0) & (kind[true] == kind[false])
        if not equal.any():
            break
        kind[inner[equal]], weights_of[inner[equal]] = kind[true[equal]], weights_of[true[equal]]
        inner = inner[~equal]
    gone = (kind >= 0) & ~ensemble.leaf
    if not gone.any():
        return ensemble
    cut = replace(
        ensemble,
        mode=np.where(gone, np.uint8(LEAF), ensemble.mode),
        threshold=np.where(gone, ensemble.threshold.dtype.type(0), ensemble.threshold),
        feature=np.where(gone, 0, ensemble.feature),
        missing=ensemble.missing & ~gone,
    )
    return keep_nodes(cut, reachable(cut), weights_of=weights_of)
