"""Every tree operator of a graph → TreeEnsemble (ai.onnx.ml 5).

In: a model with TreeEnsembleClassifier or TreeEnsembleRegressor.
Out: the same trees as TreeEnsemble, with shared leaves and shared subtrees, and a label from ArgMax.
Promise: lossless.

Rewrite: TreeEnsembleRegressor(x) → TreeEnsemble(x) (+ base values, narrowed for float64 rows);
TreeEnsembleClassifier(x) → the same with the nodes of `classifier_v5`.
Legal: all tree operators at once, since ai.onnx.ml 5 knows the old ones no more; every other operator of
that domain means the same under it.
Refused, with the first reason for each operator: leaves with several weights (TreeEnsemble has one per
leaf; see `leaf_table`); nodes that are shared within a tree; rows that are neither float32 nor
float64; base values next to a post_transform; what `classifier_v5` refuses; operators inside bodies of
Scan, Loop or If; a model with functions; operator set < 13, whose ArgMax and Gather are older.

onnxruntime turns TreeEnsemble into the old operator when it loads: fewer bytes, the same speed.
onnxruntime ≥ 1.21 is needed (pull request 22333).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto

from optimization.passes.build import Builder, element_type
from optimization.passes.graph import ML_DOMAIN, all_nodes, copy_without_nodes
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.classifier_v5 import Division
from optimization.passes.trees.collapse import collapse
from optimization.passes.trees.compact import compact
from optimization.passes.trees.ensemble import Ensemble, every_target_scored, is_forest
from optimization.passes.trees.operators import NO_TREES, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.write_v5 import write_attributes

PROMISE = Promise.LOSSLESS
ML_VERSION = 5
ROWS: dict[int, type] = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64}


@dataclass(frozen=True)
class _Plan:
    """One operator, read and found encodable."""

    ensemble: Ensemble
    double: bool
    division: Division | None


def encode_v5(model: onnx.ModelProto) -> Rewrite | Refused:
    """Encode all tree operators, or none."""
    positions = [index for index, node in enumerate(model.graph.node) if is_tree_operator(node)]
    if not positions:
        return Refused(NO_TREES)
    if reason := _graph_reason(model, len(positions)):
        return Refused(reason)
    plans = {index: _plan(model, model.graph.node[index]) for index in positions}
    reasons = [f"{title(model.graph.node[i])}: {plan}" for i, plan in plans.items() if isinstance(plan, str)]
    if reasons:
        return Refused("; ".join(reasons))
    encoded = _encoded(model, {i: plan for i, plan in plans.items() if isinstance(plan, _Plan)})
    return Rewrite(encoded, tuple(f"{title(model.graph.node[i])} is TreeEnsemble" for i in positions))


def _graph_reason(model: onnx.ModelProto, n_operators: int) -> str:
    if model.functions or sum(is_tree_operator(node) for node in all_nodes(model.graph)) > n_operators:
        return "a tree operator may stand in a function or in a body of Scan, Loop or If"
    versions = {item.domain: item.version for item in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    return f"operator set {version} is older than 13" if version < 13 else ""


def _plan(model: onnx.ModelProto, node: onnx.NodeProto) -> _Plan | str:
    ensemble = read_ensemble(node)
    if isinstance(ensemble, str):
        return ensemble
    ensemble = compact(collapse(ensemble))
    kind = element_type(model, node.input[0])
    if reason := _why_not(ensemble, kind):
        return reason
    double = kind == TensorProto.DOUBLE
    division = classifier_v5.find_division(model.graph, node, ensemble, double=double)
    return _Plan(ensemble, double, division)


def _why_not(ensemble: Ensemble, kind: int) -> str:
    if kind not in ROWS:
        return "its rows are neither float32 nor float64"
    widest = np.result_type(ensemble.threshold, ensemble.weight, ROWS[kind])
    reasons = (
        (widest != ROWS[kind], "its values are wider than its rows"),
        (not ensemble.one_weight_per_leaf, "a leaf has several weights, and TreeEnsemble has one per leaf"),
        (not is_forest(ensemble), "nodes are shared within a tree"),
        (_largest_sum(ensemble) > float(np.finfo(ensemble.weight.dtype).max), "its sums may overflow"),
    )
    general = next((reason for applies, reason in reasons if applies), "")
    return general or (_regressor_reason if ensemble.labels is None else classifier_v5.why_not)(ensemble)


def _largest_sum(ensemble: Ensemble) -> float:
    with np.errstate(over="ignore"):
        return float(np.abs(ensemble.weight.astype(np.float64)).sum())


def _regressor_reason(ensemble: Ensemble) -> str:
    if len(ensemble.base) and ensemble.post_transform != "NONE":
        return f"base values come before {ensemble.post_transform}, and TreeEnsemble has none"
    if len(ensemble.base) and not every_target_scored(ensemble):
        return "onnxruntime leaves the base value out where no leaf speaks to a target"
    return ""


def _encoded(model: onnx.ModelProto, plans: dict[int, _Plan]) -> onnx.ModelProto:
    encoded, builder = copy_without_nodes(model), Builder(model.graph)
    replaced = {index for plan in plans.values() if plan.division for index in plan.division.nodes}
    for index, node in enumerate(model.graph.node):
        if index in plans:
            _build(builder, plans[index], node)
            encoded.graph.node.extend(builder.take())
        elif index not in replaced:
            encoded.graph.node.append(node)
    encoded.graph.initializer.extend(builder.constants)
    for item in encoded.opset_import:
        if item.domain == ML_DOMAIN:
            item.version = ML_VERSION
    return encoded


def _build(builder: Builder, plan: _Plan, node: onnx.NodeProto) -> None:
    ensemble, double = plan.ensemble, plan.double
    if ensemble.labels is not None:
        classifier_v5.build(builder, ensemble, node, double=double, division=plan.division)
        return
    if plan.division:
        averaged = write_attributes(replace(ensemble, aggregate="AVERAGE"))
        builder.add_ml("TreeEnsemble", node.input[0], averaged, plan.division.output)
        return
    output = "" if double or len(ensemble.base) else node.output[0]
    value = builder.add_ml("TreeEnsemble", node.input[0], write_attributes(ensemble, double=double), output)
    if len(ensemble.base):
        base = builder.constant(ensemble.base.astype(np.float64 if double else np.float32))
        value = builder.add("Add", [value, base], "" if double else node.output[0])
    if double:
        builder.add("Cast", [value], node.output[0], to=TensorProto.FLOAT)
