"""skl2onnx's graphs, joined into one whose outputs are the estimator's methods.

In: a mended estimator, its input plan and heads.
Out: one ONNX model.
Promise: equal nodes and initializers of the two conversions (plain and raw scores) appear once.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import onnx
from onnx import ModelProto, NodeProto, helper

from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.convert.hazards import options_for, strips_accents
from optimization.convert.heads import Head
from optimization.convert.inputs import InputPlan, onnx_types
from optimization.convert.structure import final_step
from optimization.converters import accents, register_converters
from optimization.converters.far_scores import write_softmax
from optimization.converters.writer import Detached

OPSET, ML_OPSET, IR_VERSION = 18, 3, 8
"""onnxruntime ≥ 1.14 runs these (its table of versioning); only strip_accents needs newer ones."""
LOCALE = "C.UTF-8"
"""onnxruntime's own default, en_US.UTF-8, is missing in slim images, where the model would not load."""
CLASSIFIER_OPTIONS = {"zipmap": False}


def build_graph(estimator: Any, plan: InputPlan, heads: Sequence[Head]) -> ModelProto:
    """Return the model with one output per head.

    Raises:
        Exception: whatever skl2onnx raises, and what onnxruntime raises for a graph it cannot run.
    """
    register_converters()
    parts = {
        kind: _prefix(to_onnx(estimator, plan, raw=kind == "raw", heads=heads), kind)
        for kind in dict.fromkeys(head.graph for head in heads)
    }
    first = next(iter(parts.values()))
    nodes, initializers, outputs = [], [], []
    writer, final = Detached("heads/"), final_step(estimator)
    for part in parts.values():
        nodes += part.graph.node
        initializers += part.graph.initializer
    for head in heads:
        source = parts[head.graph].graph.output[head.output]
        _write_head(writer, head, source.name, final)
        outputs.append(_value_info(head, source))
    nodes, initializers = nodes + writer.nodes, initializers + writer.tensors
    graph = helper.make_graph(nodes, "optimized", list(first.graph.input), outputs, initializers)
    set_locale(graph)
    _share_nodes(graph)
    _drop_unread_inputs(graph)
    functions = {(f.domain, f.name): f for part in parts.values() for f in part.functions}
    model = helper.make_model(
        graph,
        opset_imports=_imports(parts.values()),
        functions=list(functions.values()),
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    open_session(model.SerializeToString(), Session(intra_op_num_threads=1))
    return model


def to_onnx(estimator: Any, plan: InputPlan, *, raw: bool, heads: Sequence[Head] = ()) -> ModelProto:
    """Return skl2onnx's own graph of `estimator`, with raw scores in the place of probabilities if `raw`."""
    from skl2onnx import convert_sklearn

    options = options_for(estimator)
    final = final_step(estimator)
    wanted = dict(CLASSIFIER_OPTIONS) if hasattr(final, "classes_") else {}
    if raw:
        wanted["raw_scores"] = True
    if any(head.method == "score_samples" for head in heads):
        wanted["score_samples"] = True
    allowed = _allowed_options(final)
    kept = {key: value for key, value in wanted.items() if key in allowed}
    options[id(final)] = {**options.get(id(final), {}), **kept}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("skl2onnx").setLevel(logging.ERROR)
        model: ModelProto = convert_sklearn(
            estimator,
            initial_types=onnx_types(plan),
            options={key: value for key, value in options.items() if value},
            target_opset={"": accents.OPSET if strips_accents(estimator) else OPSET, "ai.onnx.ml": ML_OPSET},
        )
    _check_inputs(model, plan)
    return model


def _drop_unread_inputs(graph: onnx.GraphProto) -> None:
    """A column that no step reads need not be there, as for scikit-learn's ColumnTransformer."""
    read = set(_read_names(graph))
    kept = [value for value in graph.input if value.name in read]
    if kept:
        del graph.input[:]
        graph.input.extend(kept)


def _read_names(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            yield from _read_names(attribute.g)


def _check_inputs(model: ModelProto, plan: InputPlan) -> None:
    """skl2onnx renames inputs without a word; a predictor would not find them."""
    renamed = {value.name for value in model.graph.input} - {item.name for item in plan.inputs}
    if renamed:
        raise ValueError(f"skl2onnx renamed the inputs {sorted(renamed)}; rename these columns")


def _allowed_options(estimator: Any) -> set[str]:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool

    converter = _converter_pool.get(sklearn_operator_name_map.get(type(estimator)))
    options = getattr(converter, "_options", None)
    return set(options or ())


def _prefix(model: ModelProto, prefix: str) -> ModelProto:
    """Rename every tensor that is not a graph input, so that two graphs can be joined."""
    inputs = {value.name for value in model.graph.input}
    _rename(model.graph, lambda name: name if not name or name in inputs else f"{prefix}/{name}")
    return model


def _rename(graph: onnx.GraphProto, rename: Callable[[str], str]) -> None:
    """Apply `rename` to every tensor's name in `graph` and in the subgraphs of its nodes."""
    for node in graph.node:
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, rename)
    for named in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        named.name = rename(named.name)


def _write_head(writer: Detached, head: Head, source: str, final: Any) -> None:
    if head.activation == "FarSoftmax":
        write_softmax(writer, source, len(final.classes_), head.name)
    elif head.activation == "Softmax":
        writer.add("Softmax", [source], output=head.name, axis=1)
    elif head.activation == "DoubleSigmoid":
        writer.add("Sigmoid", [writer.add("Add", [source, source])], output=head.name)
    else:
        writer.add(head.activation or "Identity", [source], output=head.name)


def set_locale(graph: onnx.GraphProto) -> None:
    """Text is lowered by Unicode's rules in a locale that every Debian image has."""
    for node in graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("locale", LOCALE)])


def _value_info(head: Head, source: Any) -> Any:
    """The output's type; its dimensions are left open, because skl2onnx states some wrongly."""
    rank = len(source.type.tensor_type.shape.dim)
    return helper.make_tensor_value_info(head.name, source.type.tensor_type.elem_type, [None] * rank)


def _share_nodes(graph: onnx.GraphProto) -> None:
    """Keep one of every set of initializers and nodes that compute the same."""
    renamed = _share_initializers(graph)
    seen: dict[bytes, NodeProto] = {}
    kept = []
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        for attribute in node.attribute:
            if attribute.HasField("g"):  # a body may read outer tensors
                _rename(attribute.g, lambda name: renamed.get(name, name))
        twin = seen.setdefault(_key(node), node)
        if twin is node or node.output[0] in {value.name for value in graph.output}:
            kept.append(node)
        else:
            renamed.update(zip(node.output, twin.output, strict=True))
    for number, node in enumerate(kept):
        node.name = f"{node.op_type}_{number}"
    del graph.node[:]
    graph.node.extend(kept)


def _share_initializers(graph: onnx.GraphProto) -> dict[str, str]:
    seen: dict[bytes, str] = {}
    renamed, kept = {}, []
    for tensor in graph.initializer:
        name, tensor.name = tensor.name, ""
        twin = seen.setdefault(tensor.SerializeToString(deterministic=True), name)
        tensor.name = name
        if twin == name:
            kept.append(tensor)
        else:
            renamed[name] = twin
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return renamed


def _key(node: NodeProto) -> bytes:
    """What a node computes: everything but its own name and its outputs' names."""
    twin = NodeProto()
    twin.CopyFrom(node)
    twin.ClearField("name")
    twin.output[:] = [""] * len(node.output)
    return bytes(twin.SerializeToString(deterministic=True))


def _imports(models: Iterable[ModelProto]) -> list[Any]:
    """One opset import per domain (skl2onnx writes some twice), the newest either graph asks for."""
    versions: dict[str, int] = {}
    for model in models:
        for item in model.opset_import:
            versions[item.domain] = max(versions.get(item.domain, 1), item.version)
    versions[""] = max(versions.get("", 1), 13)
    return [helper.make_opsetid(domain, version) for domain, version in sorted(versions.items())]
