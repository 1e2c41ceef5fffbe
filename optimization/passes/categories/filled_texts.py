"""Words that are filled in and then looked up, looked up at once.

In: a model in which LabelEncoder reads a column out of texts whose missing words were filled.
Out: the same numbers from LabelEncoder on the column itself; the fill's number stands for missing words too.
Promise: lossless.

    LabelEncoder(Gather(Where(missing, fills, X), [i]))  →  LabelEncoder(Xᵢ), a key more for each missing word
    LabelEncoder(Gather(Concat(…, xᵢ, …), [i]))          →  LabelEncoder(xᵢ)

Each node that hands texts on copies every word (onnxruntime 1.32).
Legal: what sources.py reads; words that the imputer refuses keep it.
"""

from __future__ import annotations

import onnx
from onnx import helper

from optimization.passes.categories.sources import Source, source_of
from optimization.passes.facts import Facts, settings
from optimization.passes.graph import copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.unused import remove_unused

PROMISE = Promise.LOSSLESS
NOTHING = "no filled texts are looked up"
DEFAULTS = {
    "values_floats": "default_float",
    "values_int64s": "default_int64",
    "values_strings": "default_string",
}


def look_up_filled_texts(model: onnx.ModelProto) -> Rewrite | Refused:
    """Let every LabelEncoder of words read the column that they come from."""
    if not any(_looks_up_words(node) for node in model.graph.node):
        return Refused(NOTHING)
    facts, changes = Facts(model), []
    rewritten = copy_model(model)
    for node in rewritten.graph.node:
        source = source_of(node.input[0], facts) if _looks_up_words(node) else None
        if source is None or source.name == node.input[0]:
            continue
        changes.append(f"{node.input[0]!r} is read at {source.name!r}")
        _read_at(node, source)
    if not changes:
        return Refused(NOTHING)
    result = remove_unused(rewritten)
    return Rewrite(result.model if isinstance(result, Rewrite) else rewritten, tuple(changes))


def _looks_up_words(node: onnx.NodeProto) -> bool:
    found = settings(node) if node.op_type == "LabelEncoder" else {}
    return bool(found.get("keys_strings")) and any(
        found.get(values) and default in found for values, default in DEFAULTS.items()
    )


def _read_at(node: onnx.NodeProto, source: Source) -> None:
    """Let `node` look the source's words up, in place."""
    found = settings(node)
    values, default = next(item for item in DEFAULTS.items() if found.get(item[0]))
    known = dict(zip(found["keys_strings"], found[values], strict=True))
    known |= {word: known.get(fill, found[default]) for word, fill in source.means.items()}
    node.input[0] = source.name
    del node.attribute[:]
    found |= {"keys_strings": list(known), values: list(known.values())}
    node.attribute.extend(helper.make_attribute(name, found[name]) for name in sorted(found))
