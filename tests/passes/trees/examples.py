"""Random trees and the rows that tell them apart: thresholds and their neighbours, NaN, infinities, zeros."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optimization.passes.trees.ensemble import LEAF, Ensemble
from optimization.passes.trees.write_v3 import write_attributes

WIDTH = 3
THRESHOLDS = np.float32([-1.5, -0.0, 0.0, 1e-42, 0.1, 2.0, np.inf, 3.4e38])
WEIGHTS = np.float32([0.0, -0.0, 0.25, 1.0, 1 / 3, -0.7, 3.5e-8, 100.0])


def ensemble(
    rng: np.random.Generator,
    *,
    n_trees: int,
    depth: int,
    n_targets: int = 1,
    weights: Any = WEIGHTS,
    several: bool = False,
    missing: float = 0.0,
    stumps: bool = False,
    **fields: Any,
) -> Ensemble:
    """Trees of random shape; `several` leaves hold a weight for every target."""
    columns: dict[str, list[Any]] = {n: [] for n in ("tree", "mode", "feature", "threshold", "true", "false")}
    flags, first, target, weight = [], [0], [], []

    def grow(tree: int, level: int) -> int:
        here = len(columns["tree"])
        split = level < depth and (stumps or rng.random() < 0.8)
        row = [tree, 0 if split else LEAF, rng.integers(WIDTH), rng.choice(THRESHOLDS), 0, 0]
        for column, value in zip(columns.values(), row if split else [tree, LEAF, 0, 0.0, 0, 0], strict=True):
            column.append(value)
        flags.append(split and rng.random() < missing)
        chosen = [] if split else [*range(n_targets)] if several else [rng.integers(n_targets)]
        target.extend(chosen)
        weight.extend(rng.choice(weights) for _ in chosen)
        first.append(len(weight))
        if split:
            columns["true"][here] = grow(tree, level + 1)
            columns["false"][here] = grow(tree, level + 1)
        return here

    for tree in range(n_trees):
        grow(tree, 0)
    kinds = {"mode": np.uint8, "threshold": np.float32}
    return Ensemble(
        **{name: np.array(values, kinds.get(name, np.int64)) for name, values in columns.items()},
        missing=np.array(flags, bool),
        first=np.array(first),
        target=np.array(target, np.int64),
        weight=np.array(weight, np.float32),
        n_targets=n_targets,
        **{"base": np.zeros(0, np.float32), **fields},
    )


@st.composite
def ensembles(draw: Any, **fixed: Any) -> Ensemble:
    """Random ensembles, seeds drawn by Hypothesis; options may be strategies."""
    options = {k: draw(v) if isinstance(v, st.SearchStrategy) else v for k, v in fixed.items()}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = {"n_trees": draw(st.integers(1, 9)), "depth": draw(st.integers(0, 4))}
    return ensemble(rng, **{**shape, "missing": draw(st.sampled_from([0.0, 0.5, 1.0])), **options})


def as_double(trees: Ensemble) -> Ensemble:
    return replace(trees, threshold=trees.threshold.astype(np.float64))


def by_tree(trees: Ensemble, n_targets: int) -> Ensemble:
    """The same trees, the k-th of them for target k modulo `n_targets`."""
    target = (trees.tree % n_targets)[trees.owner]
    return replace(trees, target=target, n_targets=n_targets)


def model_of(
    trees: Ensemble, *extra: onnx.NodeProto, output: str = "y", constants: Any = ()
) -> onnx.ModelProto:
    """A model of one tree operator, rows in `x`, answers in `y` (and `label`)."""
    classifier = trees.labels is not None
    kind = TensorProto.DOUBLE if trees.threshold.dtype == np.float64 else TensorProto.FLOAT
    op_type = "TreeEnsembleClassifier" if classifier else "TreeEnsembleRegressor"
    outputs = ["label", "y"] if classifier else ["y"]
    node = helper.make_node(op_type, ["x"], outputs, domain="ai.onnx.ml", **write_attributes(trees))
    rows = helper.make_tensor_value_info("x", kind, [None, WIDTH])
    values = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, trees.n_targets])]
    if classifier:
        text = isinstance(trees.labels[0], bytes)
        label_kind = TensorProto.STRING if text else TensorProto.INT64
        values.insert(0, helper.make_tensor_value_info("label", label_kind, [None]))
    graph = helper.make_graph([node, *extra], "g", [rows], values, list(constants))
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def rows_of(trees: Ensemble, n_rows: int = 60) -> np.ndarray:
    """`(n_rows, WIDTH)` rows on and beside thresholds, and every special value."""
    kind = trees.threshold.dtype.type
    cuts = np.unique(trees.threshold[~trees.leaf])
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4028235e38, 0.5], kind)
    down, up = np.nextafter(cuts, kind(-np.inf)), np.nextafter(cuts, kind(np.inf))
    pool = np.concatenate([cuts, down, up, special])
    rows = np.random.default_rng(len(pool)).choice(pool, (n_rows, WIDTH))
    rows[: len(special)] = special[:, None]
    return rows
