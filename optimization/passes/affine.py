"""Scaling before and after a product, folded into its weights.

In: a model in which Scaler, or Sub, Div, Mul and Add with constant rows, stand beside Gemm or MatMul.
Out: fewer nodes.
Promise: exact: new constants are computed in float64 and rounded once.

Rewrites, repeated until none applies; f and s are rows, one number per column:
    Gemm(Gemm(x, W₁, b₁), W₂, b₂)   → Gemm(x, W₁ W₂, b₁ W₂ + b₂), where that is no more numbers
    Gemm(x, W, b) · f + s           → Gemm(x, W f, b f + s)
    Gemm(x · f + s, W, b)           → Gemm(x, f W, b + s W)
    Gemm([x · f + s, z], [V; W], b) → Gemm([x, z], [f V; W], b + s V)
Legal: x is a matrix as wide as W is high; nobody else reads what is between, nor the weights; the
dtype stays the same, so a Cast ends the search (steps that calculate in float64 on purpose stay).
Refused: a shift s far from zero against the spread of its column, because x f W + s W is then the
small difference of large numbers. The result of a scaler has spread 1, the rows before it 1 ÷ |f|:

    Σ |s W| > FAR · ‖spread · W‖       for a column of W

FAR times 2⁻²⁴ is 5e-6, half of what the table of tolerances allows a score of that size. A shift
without a scale beside it says nothing of the spread and stays, unless it is zero. So does a step whose
weights float32 could not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from optimization.passes.facts import Facts
from optimization.passes.graph import copy_model, drop_nodes
from optimization.passes.linear_map import Array, LinearMap, Step, fits, read_map, read_step, write_map
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.unused import remove_unused

PROMISE = Promise.EXACT
NOTHING = "no constant scaling stands beside a product"
FAR = 80.0
"""How many times a score's spread Σ |s W| may be."""


@dataclass(frozen=True)
class _Fold:
    """What a product becomes, between which names, and the nodes that are needless then."""

    new: LinearMap
    source: str
    result: str
    needless: tuple[onnx.NodeProto, ...]
    stays: tuple[str, str] | None = None
    """The name at which the search ended, and why."""
    part: tuple[onnx.NodeProto, int] | None = None
    """A Concat and which of its inputs becomes `source`; the product itself reads on as it did."""


def fold_affine(model: onnx.ModelProto) -> Rewrite | Refused:
    """Fold what can be folded, one product at a time."""
    facts = Facts(model)
    if not any(_product(node, facts) for node in model.graph.node):
        return Refused(NOTHING)
    folded = copy_model(model)
    changes: list[str] = []
    reasons: dict[str, str] = {}
    while names := _fold_one(folded, reasons):
        changes += [f"{name!r} is part of a product's weights" for name in names]
    made = {name for node in folded.graph.node for name in node.output}
    kept = tuple(f"{name!r} stays: {reason}" for name, reason in reasons.items() if name in made)
    if not changes:
        return Refused("; ".join(kept) or NOTHING)
    result = remove_unused(folded)
    return Rewrite(result.model if isinstance(result, Rewrite) else folded, tuple(changes), kept)


def _fold_one(model: onnx.ModelProto, reasons: dict[str, str]) -> list[str]:
    """Apply the first rule that fits, in place, and return the names that are gone.

    `reasons` gets what stays, by name; the first reason is the one that knows most of the graph.
    """
    facts = Facts(model)
    products = [(node, found) for node in model.graph.node if (found := _product(node, facts))]
    for rule in (_merge, _after, _before, _before_parts):
        for node, found in products:
            fold = rule(node, found, facts)
            if fold is None:
                continue
            if fold.stays:
                reasons.setdefault(*fold.stays)
            if not fold.needless:
                continue
            if fits(fold.new, _dtype(node, facts)):
                return _apply(model.graph, node, fold)
            name = fold.needless[0].output[0]
            reasons.setdefault(name, "the product's weights would leave the range of their type")
    return []


def _product(node: onnx.NodeProto, facts: Facts) -> LinearMap | None:
    """A product of a matrix and weights that nobody else reads."""
    found = read_map(node, facts.constants)
    legal = found is not None and node.input[0] in facts.widths and facts.is_alone(node.input[1])
    return found if legal else None


def _apply(graph: onnx.GraphProto, node: onnx.NodeProto, fold: _Fold) -> list[str]:
    """Write the fold; the order of nodes stays sound, because what goes had one reader."""
    gone = [other.output[0] for other in fold.needless]
    for other in fold.needless:
        other.op_type = ""
    if fold.part:
        joined, place = fold.part
        joined.input[place] = fold.source
    write_map(graph, node, fold.new, node.input[0] if fold.part else fold.source, fold.result)
    drop_nodes(graph, lambda other: not other.op_type)
    return gone


def _merge(node: onnx.NodeProto, found: LinearMap, facts: Facts) -> _Fold | None:
    """Gemm(Gemm(x, W₁, b₁), W₂, b₂) → Gemm(x, W₁ W₂, b₁ W₂ + b₂)."""
    name = node.input[0]
    maker = facts.makers.get(name)
    inner = _product(maker, facts) if maker is not None and facts.is_alone(name) else None
    if maker is None or inner is None or _dtype(maker, facts) != _dtype(node, facts):
        return None
    new = LinearMap(inner.weights @ found.weights, inner.bias @ found.weights + found.bias)
    if new.n_values > inner.n_values + found.n_values:
        return _Fold(new, "", "", (), (name, "one product would hold more numbers than the two"))
    return _Fold(new, maker.input[0], node.output[0], (maker,))


def _after(node: onnx.NodeProto, found: LinearMap, facts: Facts) -> _Fold | None:
    """Gemm(x, W, b) · f + s → Gemm(x, W f, b f + s)."""
    name = node.output[0]
    followers = facts.followers.get(name)
    if followers is None or not facts.is_alone(name):
        return None
    follower = facts.model.graph.node[followers[0]]
    step = read_step(follower, facts.constants, found.weights.shape[1])
    if step is None:
        return None
    new = LinearMap(found.weights * step.factor, found.bias * step.factor + step.shift)
    return _Fold(new, node.input[0], follower.output[0], (follower,))


def _before(node: onnx.NodeProto, found: LinearMap, facts: Facts) -> _Fold | None:
    """Gemm(x · f + s, W, b) → Gemm(x, f W, b + s W), for as many steps as are legal."""
    return _fold_chain(node, node.input[0], found, facts)


def _before_parts(node: onnx.NodeProto, found: LinearMap, facts: Facts) -> _Fold | None:
    """Gemm([x · f + s, z], [V; W], b) → Gemm([x, z], [f V; W], b + s V), for the first part that changes."""
    joined = facts.makers.get(node.input[0])
    if joined is None or joined.op_type != "Concat" or not facts.is_alone(node.input[0]):
        return None
    widths = [facts.widths.get(name) for name in joined.input]
    if None in widths or sum(filter(None, widths)) != len(found.weights):
        return None
    stays, first = None, 0
    for place, (name, width) in enumerate(zip(joined.input, widths, strict=True)):
        rows = slice(first, first := first + (width or 0))
        fold = _fold_chain(node, name, LinearMap(found.weights[rows], found.bias), facts)
        if fold is not None and fold.needless:
            weights = found.weights.copy()
            weights[rows] = fold.new.weights
            return replace(fold, new=LinearMap(weights, fold.new.bias), part=(joined, place))
        stays = stays or (fold.stays if fold is not None else None)
    return _Fold(found, "", "", (), stays) if stays else None


def _fold_chain(node: onnx.NodeProto, name: str, found: LinearMap, facts: Facts) -> _Fold | None:
    """Fold the steps that lead to `name` into the weights that it meets."""
    chain = _chain(name, len(found.weights), facts)
    scaled = any((np.abs(step.factor) != 1).any() for _, step in chain)
    spread, new, needless, stays = np.ones(len(found.weights)), found, [], None
    for maker, step in chain:
        reason = _why_far(step.shift, new.weights, spread if scaled else None)
        if reason:
            stays = (maker.output[0], reason)
            break
        bias = new.bias + np.broadcast_to(step.shift, spread.shape) @ new.weights
        new = LinearMap(new.weights * step.factor.reshape(-1, 1), bias)
        with np.errstate(divide="ignore"):
            spread = spread / np.abs(step.factor)
        needless.append(maker)
    if not chain:
        return None
    source = chain[len(needless) - 1][1].source if needless else ""
    return _Fold(new, source, node.output[0], tuple(needless), stays)


def _chain(name: str, width: int, facts: Facts) -> list[tuple[onnx.NodeProto, Step]]:
    """The steps that lead to `name` for one reader each, the last one first."""
    chain: list[tuple[onnx.NodeProto, Step]] = []
    while facts.is_alone(name) and name in facts.makers:
        maker = facts.makers[name]
        step = read_step(maker, facts.constants, width)
        if step is None or facts.widths.get(step.source) != width:
            break
        chain.append((maker, step))
        name = step.source
    return chain


def _why_far(shift: Array, weights: Array, spread: Array | None) -> str:
    """Return why a shift must be added before the product, or ""."""
    if not shift.any():
        return ""
    if spread is None:
        return "without a scale nothing is known of its columns' spread"
    with np.errstate(over="ignore"):
        moved = np.broadcast_to(np.abs(shift), spread.shape) @ np.abs(weights)
        far = moved > FAR * np.sqrt(spread**2 @ weights**2)
    if far.any():
        return "its shift is so far from zero that float32 sums would show it"
    return ""


def _dtype(node: onnx.NodeProto, facts: Facts) -> np.dtype[np.generic]:
    return helper.tensor_dtype_to_np_dtype(facts.constants[node.input[1]].data_type)
