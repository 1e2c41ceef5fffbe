"""The passes in the order in which they run.

In: an ONNX model.
Out: a smaller model, and for each pass what it did or why it did nothing.
Promise: lossless, as every pass of `PIPELINE` is; running it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx

from optimization.passes import duplicate_initializers, identity_nodes, opset_imports, texts, unused
from optimization.passes.outcome import Promise, Refused, Rewrite


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


PIPELINE: tuple[Pass, ...] = (
    Pass("opset_imports", opset_imports.PROMISE, opset_imports.merge_opset_imports),
    # Before the next two: a dead Scan would make them spare the names in its body.
    Pass("unused", unused.PROMISE, unused.remove_unused),
    Pass("identity_nodes", identity_nodes.PROMISE, identity_nodes.remove_identity_nodes),
    Pass(
        "duplicate_initializers",
        duplicate_initializers.PROMISE,
        duplicate_initializers.share_duplicate_initializers,
    ),
    Pass("texts", texts.PROMISE, texts.remove_texts),
)


def clean(model: onnx.ModelProto) -> Cleaned:
    """Run `PIPELINE` on `model`, which stays as it is."""
    applied = []
    for step in PIPELINE:
        result = step.run(model)
        if isinstance(result, Rewrite):
            model = result.model
            applied.append(PassOutcome(step.name, step.promise, True, result.changes, result.kept))
        else:
            applied.append(PassOutcome(step.name, step.promise, False, (), (result.reason,)))
    return Cleaned(model, tuple(applied))
