"""One import per operator set.

In: a model whose `opset_import` may name a domain twice (skl2onnx 1.20 writes `''` twice for trees
and linear models).
Out: each domain once, in order of first appearance.
Promise: lossless.

Rewrite: imports (d, v1), …, (d, vn) → (d, vn); `ai.onnx` is another name of `''`.
Legal: always. The last one is the one in force: onnxruntime 1.32 and `onnx.checker` 1.23 overwrite
earlier ones (tests/passes/test_opset_imports.py shows it on Softmax, which changed with version 13).
Refused: no domain is named twice.

`onnxruntime.quantization` fails on the duplicate with "Failed to find proper ai.onnx domain".
"""

from __future__ import annotations

import onnx

from optimization.passes.graph import copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def merge_opset_imports(model: onnx.ModelProto) -> Rewrite | Refused:
    """Keep one import per domain: the last, which is the one that runtimes use."""
    versions: dict[str, int] = {}
    for item in model.opset_import:
        versions[_canonical(item.domain)] = item.version
    if len(versions) == len(model.opset_import):
        return Refused("no operator set is imported twice")
    counts = {domain: sum(_canonical(i.domain) == domain for i in model.opset_import) for domain in versions}
    merged = copy_model(model)
    del merged.opset_import[:]
    merged.opset_import.extend(onnx.helper.make_opsetid(*item) for item in versions.items())
    return Rewrite(
        merged,
        tuple(
            f"{count} imports of {domain or 'ai.onnx'!r} merged to version {versions[domain]}"
            for domain, count in counts.items()
            if count > 1
        ),
    )


def _canonical(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain
