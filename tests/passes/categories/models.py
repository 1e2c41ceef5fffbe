"""Small graphs with columns of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.passes.helpers import constant, value

ML = "ai.onnx.ml"
WORDS = ["a", "b", "c", "d"]
UNSEEN = "?"


def encoder(source: str, output: str, *, words: Sequence[str] = WORDS, zeros: int = 1) -> onnx.NodeProto:
    """OneHotEncoder: (n_rows, 1, n_words)."""
    return helper.make_node(
        "OneHotEncoder", [source], [output], domain=ML, cats_strings=list(words), zeros=zeros
    )


def positions(source: str, output: str, places: Sequence[int], default: int) -> onnx.NodeProto:
    """LabelEncoder from `WORDS` to places."""
    return helper.make_node(
        "LabelEncoder",
        [source],
        [output],
        domain=ML,
        keys_strings=WORDS[: len(places)],
        values_int64s=list(places),
        default_int64=default,
    )


def word_model(
    nodes: Sequence[onnx.NodeProto],
    *,
    words: Sequence[str] = ("u",),
    outputs: Sequence[str] = ("y",),
    ml: int = 2,
    **constants: Any,
) -> onnx.ModelProto:
    """A model of numbers `x`, `(n_rows, 2)` float32, and of columns of words."""
    inputs = [value("x", 2), *(value(name, 1, TensorProto.STRING) for name in words)]
    found = [constant(name, item) for name, item in constants.items()]
    graph = helper.make_graph(list(nodes), "g", inputs, [value(name, None) for name in outputs], found)
    imports = [helper.make_opsetid("", 18), helper.make_opsetid(ML, ml)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def rows(*words: Sequence[str], names: Sequence[str] = ("u",)) -> dict[str, Any]:
    """Feeds: numbers with edges, and a column for each list of words."""
    n_rows = len(words[0])
    edges = np.float32([0.0, -0.0, 1e-42, 1.5, -2.0, 3.0])
    feeds = {"x": np.resize(edges, (n_rows, 2)).astype(np.float32)}
    return feeds | {
        name: np.array(item, dtype=object)[:, None] for name, item in zip(names, words, strict=True)
    }
