"""The passes in the order in which they run.

In: an ONNX model.
Out: a smaller model, and for each pass what it did or why it did nothing.
Promise: `clean` is lossless, as every pass of `PIPELINE` is; `simplify` is exact, as those of `EXACT`
are; `encode` is lossless, as those of `ENCODING`; running any again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import onnx

from optimization.passes import (
    affine,
    bit_constants,
    casts,
    constant_folding,
    duplicate_initializers,
    gemm,
    identity_nodes,
    names,
    narrow_constants,
    near_units,
    opset_imports,
    single_values,
    sparse_constants,
    table_constants,
    texts,
    unused,
)
from optimization.passes.categories import filled_texts, one_hot
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.runtimes import oldest_onnxruntime, runs_on
from optimization.passes.trees import base_values, collapse, compact, encode_v5, stumps, targets


@dataclass(frozen=True)
class Pass:
    """A named function from model to model and its promise."""

    name: str
    promise: Promise
    run: Callable[[onnx.ModelProto], Rewrite | Refused]


@dataclass(frozen=True)
class PassOutcome:
    """What one pass did."""

    name: str
    promise: Promise
    changed: bool
    changes: tuple[str, ...]
    reasons: tuple[str, ...]
    """Why parts, or all, of the graph were left alone."""


@dataclass(frozen=True)
class Cleaned:
    """The model after all passes."""

    model: onnx.ModelProto
    applied: tuple[PassOutcome, ...]


UNUSED = Pass("unused", unused.PROMISE, unused.remove_unused)
DUPLICATES = Pass(
    "duplicate_initializers",
    duplicate_initializers.PROMISE,
    duplicate_initializers.share_duplicate_initializers,
)

PIPELINE: tuple[Pass, ...] = (
    Pass("opset_imports", opset_imports.PROMISE, opset_imports.merge_opset_imports),
    # Before the next two: a dead Scan would make them spare the names in its body.
    UNUSED,
    Pass("identity_nodes", identity_nodes.PROMISE, identity_nodes.remove_identity_nodes),
    Pass("constant_folding", constant_folding.PROMISE, constant_folding.fold_constants),
    Pass("filled_texts", filled_texts.PROMISE, filled_texts.look_up_filled_texts),
    Pass("collapse", collapse.PROMISE, collapse.collapse_equal_leaves),
    Pass("compact", compact.PROMISE, compact.compact_trees),
    DUPLICATES,
    Pass("texts", texts.PROMISE, texts.remove_texts),
)

EXACT: tuple[Pass, ...] = (
    Pass("gemm", gemm.PROMISE, gemm.fuse_products),
    Pass("affine", affine.PROMISE, affine.fold_affine),
    Pass("one_hot", one_hot.PROMISE, one_hot.look_up_categories),
    # Before `targets`: merged stumps leave too few trees to split.
    Pass("stumps", stumps.PROMISE, stumps.merge_stumps),
    Pass("targets", targets.PROMISE, targets.one_ensemble_per_target),
    Pass("base_values", base_values.PROMISE, base_values.fold_base_values),
    # After `affine`, which looks for factors.
    Pass("near_units", near_units.PROMISE, near_units.keep_near_units),
)
"""Passes that change roundings, in the graph or in what onnxruntime makes of it: what they make must be
verified against the estimator."""


SPARSE = Pass("sparse_constants", sparse_constants.PROMISE, sparse_constants.store_sparsely)
ENCODING: tuple[Pass, ...] = (
    Pass("encode_v5", encode_v5.PROMISE, encode_v5.encode_v5),
    Pass("casts", casts.PROMISE, casts.join_casts),
    # A division that became part of the trees leaves its operand behind.
    UNUSED,
    Pass("single_values", single_values.PROMISE, single_values.match_ranks),
    # Sparse first: its values may be narrow, and again: of few large numbers the upper bits are zeros.
    SPARSE,
    Pass("table_constants", table_constants.PROMISE, table_constants.store_tables),
    Pass("narrow_constants", narrow_constants.PROMISE, narrow_constants.narrow_constants),
    Pass("bit_constants", bit_constants.PROMISE, bit_constants.store_bits),
    SPARSE,
    DUPLICATES,
    Pass("names", names.PROMISE, names.shorten_names),
)
"""Passes that keep every bit, for an onnxruntime that knows newer operator sets."""


def simplify(model: onnx.ModelProto) -> Cleaned:
    """Run `PIPELINE` and `EXACT` on `model`, which stays as it is, and `PIPELINE` again on what is new."""
    cleaned = clean(model)
    exact = _run(EXACT, cleaned.model)
    applied = (*cleaned.applied, *exact.applied)
    if not any(item.changed for item in exact.applied):
        return Cleaned(exact.model, applied)
    again = clean(exact.model)
    return Cleaned(again.model, (*applied, *again.applied))


def clean(model: onnx.ModelProto) -> Cleaned:
    """Run `PIPELINE` on `model`, which stays as it is."""
    return _run(PIPELINE, model)


def encode(model: onnx.ModelProto, *, target: str = "") -> Cleaned:
    """Run `ENCODING` on a cleaned `model`, which stays as it is: the same bits out of fewer bytes.

    Passes whose result onnxruntime `target` (empty: the installed one) does not run are left out.
    """
    if not target:
        return _run(ENCODING, model)
    return _run(tuple(replace(step, run=_kept_to(target, step.run)) for step in ENCODING), model)


def _kept_to(
    target: str, run: Callable[[onnx.ModelProto], Rewrite | Refused]
) -> Callable[[onnx.ModelProto], Rewrite | Refused]:
    """Return `run` that refuses what onnxruntime `target` would."""

    def kept(model: onnx.ModelProto) -> Rewrite | Refused:
        result = run(model)
        if isinstance(result, Refused) or runs_on(result.model, target):
            return result
        oldest = oldest_onnxruntime(result.model)
        return Refused(f"the result needs onnxruntime {oldest}, target_onnxruntime is {target}")

    return kept


def _run(steps: tuple[Pass, ...], model: onnx.ModelProto) -> Cleaned:
    applied = []
    for step in steps:
        result = step.run(model)
        if isinstance(result, Rewrite):
            model = result.model
            applied.append(PassOutcome(step.name, step.promise, True, result.changes, result.kept))
        else:
            applied.append(PassOutcome(step.name, step.promise, False, (), (result.reason,)))
    return Cleaned(model, tuple(applied))
