"""`Ensemble` → the attributes of TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3).

In: trees.
Out: attributes, none that says what holds without it.
Promise: lossless. float64 values go into tensors (`*_as_tensor`, ai.onnx.ml 3), float32 into lists.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.trees.ensemble import LEAF, MODES, Array, Ensemble


def write_attributes(ensemble: Ensemble) -> dict[str, Any]:
    """Return the attributes of the operator that holds `ensemble`."""
    prefix = "target" if ensemble.labels is None else "class"
    names = np.array([*MODES] + ["LEAF"] * (256 - len(MODES)), dtype=object)
    ids = np.arange(ensemble.n_nodes) - ensemble.roots[ensemble.tree]
    inner = ensemble.mode != LEAF
    owner = ensemble.owner
    attributes: dict[str, Any] = {
        "nodes_treeids": ensemble.tree.tolist(),
        "nodes_nodeids": ids.tolist(),
        "nodes_modes": names[ensemble.mode].tolist(),
        "nodes_featureids": ensemble.feature.tolist(),
        **_floats("nodes_values", ensemble.threshold),
        "nodes_truenodeids": np.where(inner, ids[ensemble.true], 0).tolist(),
        "nodes_falsenodeids": np.where(inner, ids[ensemble.false], 0).tolist(),
        f"{prefix}_treeids": ensemble.tree[owner].tolist(),
        f"{prefix}_nodeids": ids[owner].tolist(),
        f"{prefix}_ids": ensemble.target.tolist(),
        **_floats(f"{prefix}_weights", ensemble.weight),
    }
    if ensemble.missing.any():
        attributes["nodes_missing_value_tracks_true"] = ensemble.missing.astype(int).tolist()
    if len(ensemble.base):
        attributes |= _floats("base_values", ensemble.base)
    return attributes | _kind(ensemble)


def write_node(ensemble: Ensemble, node: onnx.NodeProto) -> onnx.NodeProto:
    """Return `node` with the attributes of `ensemble`; inputs, outputs and name stay."""
    written = onnx.NodeProto()
    for field in ("op_type", "domain", "name"):
        setattr(written, field, getattr(node, field))
    written.input.extend(node.input)
    written.output.extend(node.output)
    for name, value in sorted(write_attributes(ensemble).items()):
        written.attribute.append(helper.make_attribute(name, value))
    return written


def _floats(name: str, values: Array) -> dict[str, Any]:
    if values.dtype == np.float32:
        return {name: values.tolist()}
    return {f"{name}_as_tensor": numpy_helper.from_array(np.ascontiguousarray(values), "")}


def _kind(ensemble: Ensemble) -> dict[str, Any]:
    """What the operator does with the sums."""
    attributes: dict[str, Any] = {}
    if ensemble.post_transform != "NONE":
        attributes["post_transform"] = ensemble.post_transform
    if ensemble.aggregate != "SUM":
        attributes["aggregate_function"] = ensemble.aggregate
    if ensemble.labels is None:
        attributes["n_targets"] = ensemble.n_targets
    else:
        text = isinstance(ensemble.labels[0], bytes)
        attributes["classlabels_strings" if text else "classlabels_int64s"] = list(ensemble.labels)
    return attributes
