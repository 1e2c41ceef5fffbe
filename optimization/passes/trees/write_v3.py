"""`Ensemble` → the attributes of TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3).

In: trees.
Out: attributes, none that says what holds without it.
Promise: lossless. float64 values go into tensors (`*_as_tensor`, ai.onnx.ml 3), float32 into lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.build import LISTS, add_attributes
from optimization.passes.trees.ensemble import LEAF, MODES, Array, Ensemble

MODE_NAMES = np.array([name.encode() for name in MODES] + [b"LEAF"] * (256 - len(MODES)), dtype=object)
"""The name of each code."""


def write_attributes(ensemble: Ensemble) -> dict[str, Any]:
    """Return the attributes of the operator that holds `ensemble`; lists are arrays."""
    prefix = "target" if ensemble.labels is None else "class"
    ids = np.arange(ensemble.n_nodes) - ensemble.roots[ensemble.tree]
    inner = ensemble.mode != LEAF
    owner = ensemble.owner
    attributes: dict[str, Any] = {
        "nodes_treeids": ensemble.tree,
        "nodes_nodeids": ids,
        "nodes_modes": MODE_NAMES[ensemble.mode],
        "nodes_featureids": ensemble.feature,
        **_floats("nodes_values", ensemble.threshold),
        "nodes_truenodeids": np.where(inner, ids[ensemble.true], 0),
        "nodes_falsenodeids": np.where(inner, ids[ensemble.false], 0),
        f"{prefix}_treeids": ensemble.tree[owner],
        f"{prefix}_nodeids": ids[owner],
        f"{prefix}_ids": ensemble.target,
        **_floats(f"{prefix}_weights", ensemble.weight),
    }
    if ensemble.missing.any():
        attributes["nodes_missing_value_tracks_true"] = ensemble.missing.astype(np.int64)
    if len(ensemble.base):
        attributes |= _floats("base_values", ensemble.base)
    return attributes | _kind(ensemble)


def write_node(ensemble: Ensemble, node: onnx.NodeProto) -> onnx.NodeProto:
    """Return `node` with the attributes of `ensemble`, or `node` itself if it has these already.

    Inputs, outputs and name stay.
    """
    attributes = write_attributes(ensemble)
    if _has(node, attributes):
        return node
    written = onnx.NodeProto()
    for field in ("op_type", "domain", "name"):
        setattr(written, field, getattr(node, field))
    written.input.extend(node.input)
    written.output.extend(node.output)
    add_attributes(written, attributes)
    return written


def _has(node: onnx.NodeProto, attributes: Mapping[str, Any]) -> bool:
    """Whether these are the attributes of `node`, in order too."""
    return [attribute.name for attribute in node.attribute] == sorted(attributes) and all(
        _is(attribute, attributes[attribute.name]) for attribute in node.attribute
    )


def _is(attribute: onnx.AttributeProto, value: Any) -> bool:
    if not isinstance(value, np.ndarray):
        return bool(attribute == helper.make_attribute(attribute.name, value))
    field, kind = LISTS[value.dtype.kind]
    found = getattr(attribute, field)
    if attribute.type != kind or len(found) != len(value):
        return False
    if field == "strings":
        return bool(found[:] == value.tolist())
    return np.array(found, dtype=value.dtype).tobytes() == value.tobytes()


def _floats(name: str, values: Array) -> dict[str, Any]:
    if values.dtype == np.float32:
        return {name: values}
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
