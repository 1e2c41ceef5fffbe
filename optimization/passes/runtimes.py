"""The oldest onnxruntime that runs a model.

In: a model, or the text of a version.
Out: a version such as "1.17".
Promise: for what this project writes; measured with onnxruntime 1.15.1, 1.16.3, 1.17.3, 1.18.1, 1.19.2,
1.20.1, 1.21.1 and 1.32.0 (a model of each operator set, domain and IR, opened). 1.14 stands for everything
older: its line is that of onnxruntime's docs/reference/compatibility.

A model runs where its operator sets, its IR and its operators are all known:

    operator set 18, ai.onnx.ml 3, IR 8 → 1.14        operator set 21, ai.onnx.ml 5, IR 10 → 1.18
    operator set 19, IR 9               → 1.15        operator set 22, TreeEnsemble        → 1.21
    operator set 20, ai.onnx.ml 4       → 1.17        anything newer → the installed one

TreeEnsemble of ai.onnx.ml 5 is newer than its operator set: 1.18 to 1.20 open the set, but answer "Could
not find an implementation for TreeEnsemble(5)".
"""

from __future__ import annotations

import re
from importlib.metadata import version

import onnx

from optimization.passes.graph import all_nodes

OLDEST = "1.14"
"""The oldest one for which anything is promised."""
OPERATOR_SETS: dict[str, tuple[tuple[int, str], ...]] = {
    "": ((18, OLDEST), (19, "1.15"), (20, "1.17"), (21, "1.18"), (22, "1.21")),
    "ai.onnx.ml": ((3, OLDEST), (4, "1.17"), (5, "1.18")),
    "com.microsoft": ((1, OLDEST),),
}
"""By domain: the newest version that runs, and from which onnxruntime on."""
IR_VERSIONS: tuple[tuple[int, str], ...] = ((8, OLDEST), (9, "1.15"), (10, "1.18"))
OPERATORS: dict[tuple[str, str], str] = {("ai.onnx.ml", "TreeEnsemble"): "1.21"}
"""Operators that are newer than the operator set that declares them."""


def oldest_onnxruntime(model: onnx.ModelProto | bytes) -> str:
    """Return the oldest onnxruntime that runs `model`."""
    if isinstance(model, bytes):
        model = onnx.load_from_string(model)
    needed = [_from(IR_VERSIONS, model.ir_version)]
    for item in model.opset_import:
        domain = "" if item.domain == "ai.onnx" else item.domain
        needed.append(_from(OPERATOR_SETS.get(domain, ()), item.version))
    needed += [OPERATORS.get((node.domain, node.op_type), OLDEST) for node in all_nodes(model.graph)]
    return max(needed, key=numbers)


def runs_on(model: onnx.ModelProto, target: str) -> bool:
    """Return whether onnxruntime `target` runs `model`; empty: the installed one."""
    return not target or numbers(oldest_onnxruntime(model)) <= numbers(target)


def installed() -> str:
    """Return the installed onnxruntime's version without its patch number."""
    return _short(version("onnxruntime"))


def check_target(text: str) -> str:
    """Return `text`, a version such as "1.17" or "1.17.3", or nothing, if a graph can be kept to it.

    Raises:
        ValueError: no version, or one outside of what can be promised; the message says what is expected.
    """
    known = not text or re.fullmatch(r"\d+\.\d+(\.\d+)?", text)
    if known and (not text or numbers(OLDEST) <= numbers(_short(text)) <= numbers(installed())):
        return text
    raise ValueError(
        f"a version of onnxruntime from {OLDEST} (the oldest that runs these graphs) to {installed()}"
        " (the installed one, which proves them), or nothing for the installed one"
    )


def numbers(text: str) -> tuple[int, ...]:
    """Return "1.17.3" as (1, 17, 3), to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _short(text: str) -> str:
    return ".".join(text.split(".")[:2])


def _from(known: tuple[tuple[int, str], ...], found: int) -> str:
    return next((release for newest, release in known if found <= newest), installed())
