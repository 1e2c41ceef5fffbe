"""Clusterings that name the nearest center, or go down a tree of halves.

In: a fitted Birch, MeanShift, AffinityPropagation or BisectingKMeans.
Out: labels, and distances to the centers, where scikit-learn has them (Birch, BisectingKMeans).
Promise: exact, in float64; of centers equally far the first.

    Birch, MeanShift, AffinityPropagation    label of argmin |x − center|²
    BisectingKMeans                          x · (right − left) > (|right|² − |left|²) ÷ 2 goes right

With S = 1 for a split whose right half x is in, and 0 for others, a leaf below splits has Σ S over those
that it is to the right of, minus Σ S over those that it is to the left of, equal to the number of the
former, where x is in it; less in all other leaves.  So the leaf is the argmax of one product.

Facts: sklearn/cluster/_birch.py, _mean_shift.py, _affinity_propagation.py, _bisect_k_means.py:
_predict_recursive (scikit-learn 1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .kernels import squared_distance, unsquared
from .neighbours import double_rows
from .writer import Array, Writer

NAMES = ("Birch", "MeanShift", "AffinityPropagation", "BisectingKMeans")
ALIAS = "Optimization{}"


def register() -> None:
    """Make skl2onnx know them."""
    from skl2onnx import update_registered_converter
    from sklearn import cluster

    for name in NAMES:
        update_registered_converter(
            getattr(cluster, name), ALIAS.format(name), clustering_types, convert, overwrite=True
        )


def clustering_types(operator: Any) -> None:
    """Declare `(n_rows,)` int64 labels and `(n_rows, n_centers)` float32 distances."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    operator.outputs[0].set_type(Int64TensorType([None]))
    operator.outputs[1].set_type(FloatTensorType([None, len(centers_of(operator.raw_operator))]))


def centers_of(model: Any) -> Array:
    """Return the centers, `(n_centers, n_features)` float64; none where a clustering found none."""
    found = getattr(model, "subcluster_centers_", None)
    found = getattr(model, "cluster_centers_", np.empty((0, 0))) if found is None else found
    return np.asarray(found, dtype=np.float64)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, model = Writer(scope, container), operator.raw_operator
    algebra, rows, centers = Algebra(writer, DOUBLE), double_rows(writer, operator), centers_of(model)
    squares = squared_distance(algebra, rows, centers, factor=1.0)
    label, distances = (output.full_name for output in operator.outputs)
    if hasattr(model, "_bisecting_tree"):
        nearest, labels = _leaf(algebra, rows, model), np.arange(len(centers))
    else:
        nearest = algebra.add("ArgMin", [squares], axis=1, keepdims=0)
        labels = np.asarray(getattr(model, "subcluster_labels_", np.arange(len(centers))))
    writer.label(nearest, labels, label)
    writer.finish(cast(writer, unsquared(algebra, squares), np.float32), distances)


def _leaf(algebra: Algebra, rows: str, model: Any) -> str:
    """Write the labels of the leaves that `rows` come down to, `(n_rows,)` int64."""
    splits, paths = halves(model._bisecting_tree)
    writer, n_leaves = algebra.writer, len(centers_of(model))
    if not splits:
        zeros = algebra.gemm(rows, np.zeros((model.n_features_in_, 1)))
        return algebra.add("ArgMax", [zeros], axis=1, keepdims=0)
    mean = getattr(model, "_X_mean", 0.0)
    left, right = (np.array(side, dtype=np.float64) + mean for side in zip(*splits, strict=True))
    middle = (left + right) / 2
    offsets = -np.einsum("ij,ij->i", middle, right - left)
    further = algebra.add("Greater", [algebra.gemm(rows, (right - left).T, offsets), algebra.number(0.0)])
    signs = np.zeros((len(splits), n_leaves), dtype=np.float32)
    for leaf, path in paths.items():
        for split, is_right in path:
            signs[split, leaf] = 1.0 if is_right else -1.0
    needed = -np.maximum(signs, 0.0).sum(axis=0)
    inputs = [cast(writer, further, np.float32), writer.constant(signs), writer.constant(needed)]
    return algebra.add("ArgMax", [algebra.add("Gemm", inputs)], axis=1, keepdims=0)


def halves(tree: Any) -> tuple[list[tuple[Array, Array]], dict[int, list[tuple[int, bool]]]]:
    """Return the centers of the left and right halves of each split, and each leaf's way down.

    A way is a list of splits, by number, and whether the leaf is in the right half.
    """
    splits: list[tuple[Array, Array]] = []
    paths: dict[int, list[tuple[int, bool]]] = {}
    waiting: list[tuple[Any, list[tuple[int, bool]]]] = [(tree, [])]
    while waiting:
        node, path = waiting.pop()
        if node.left is None:
            paths[int(node.label)] = path
            continue
        split = len(splits)
        splits.append((node.left.center, node.right.center))
        waiting += [(node.left, [*path, (split, False)]), (node.right, [*path, (split, True)])]
    return splits, paths
