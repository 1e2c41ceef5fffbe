"""The manifest: what a predictor must know beside the ONNX file.

In: `manifest.json`, which lies next to the ONNX file of a model.
Out: a frozen `Manifest`.
Promise: a manifest that this code cannot serve faithfully is refused with the remedy; unknown keys of
a newer minor version never pass unnoticed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = "quantized_onnx"
MAJOR, MINOR = 1, 4
MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
FLOATS = ("float32", "float64")
INPUT_DTYPES = (*FLOATS, "int64", "str")
ROUNDINGS = ("nearest", "down")
NAN_TEXT, NONE_TEXT = "\ufdd0nan", "\ufdd0None"
"""What NaN and None enter a graph of text as: U+FDD0 is no character, and stands in no text."""


class ManifestError(ValueError):
    """The manifest or the ONNX file is missing, damaged, or newer than this code or this onnxruntime."""


@dataclass(frozen=True)
class Input:
    """One input of the graph: `(n_rows, len(columns))` values of `dtype` (a numpy name, or "str")."""

    name: str
    dtype: str
    columns: tuple[str, ...]
    """Names of the columns in the graph's order; for a model fitted without names "0", "1", …"""
    rounding: str = "nearest"
    """How float64 becomes float32: "nearest", or "down" for estimators that compare in float64."""


@dataclass(frozen=True)
class Method:
    """How one method of the estimator is read off the graph's outputs."""

    output: str
    """Name of the ONNX output."""
    dtype: Mapping[str, str]
    """Dtype of the answer by dtype of the rows: keys "float64" and "float32"."""
    shape: tuple[int, ...]
    """Shape of the answer for one row less the row axis: `()` is `(n_rows,)`, `(3,)` is `(n_rows, 3)`."""
    column: int | None = None
    """Column of the output that is the answer, where the graph holds more than is asked for."""


@dataclass(frozen=True)
class Session:
    """Settings of the onnxruntime session; `model_config` of the loaded model overrides each."""

    intra_op_num_threads: int = 0
    """0: as many as the container may use."""
    inter_op_num_threads: int = 1
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    execution_mode: str = "sequential"
    """"parallel": operators that do not wait for each other run at the same time."""
    graph_optimization_level: str = "all"
    """What onnxruntime rewrites when the session opens: "disabled", "basic", "extended" or "all"."""
    enable_cpu_mem_arena: bool = True
    """Whether memory is kept for the next call."""
    enable_mem_pattern: bool = True
    """Whether memory is laid out once for each shape of the rows."""
    allow_spinning: bool = True
    """Whether idle threads wait busily for a while."""


@dataclass(frozen=True)
class Manifest:
    """Everything that travels beside the ONNX file."""

    inputs: tuple[Input, ...]
    named: bool
    """Whether the estimator was fitted with column names."""
    n_columns: int
    """How many columns a row without names has."""
    methods: Mapping[str, Method]
    default_method: str
    nan_columns: tuple[str, ...]
    """Columns that may hold NaN (of text, since format 1.4, None too); in any other it is refused, as
    scikit-learn does."""
    allow_inf: bool
    """Whether the columns of floats may hold ±inf."""
    sha256: str = ""
    """SHA-256 of the ONNX file, hexadecimal; empty until the file is written."""
    model_file: str = MODEL_FILE
    session: Session = field(default_factory=Session)
    source: Mapping[str, str] = field(default_factory=dict)
    """Where the model comes from: model URI, digest, estimator, library versions."""
    quantization: str = "none"
    positions: tuple[int, ...] | None = None
    """Where the graph's columns stand in a row without names; None: the graph reads all, in order."""
    min_onnxruntime: str = ""
    """Oldest onnxruntime that runs the ONNX file, such as "1.21"; empty, as in format 1.0: not known."""
    rows_per_thread: int = 0
    """Rows that the graph takes at a time, for each thread; 0, as before format 1.3: all of them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the model reads, in the graph's order."""
        return tuple(column for item in self.inputs for column in item.columns)

    def to_json(self) -> str:
        """Return the manifest as indented JSON text."""
        content = {"format": FORMAT, "version": f"{MAJOR}.{MINOR}", **dataclasses.asdict(self)}
        return json.dumps(content, indent=2) + "\n"


def parse_manifest(text: str) -> Manifest:
    """Return the manifest that `text` holds.

    Raises:
        ManifestError: no JSON object, another format, a newer version, a missing, unknown or wrong key.
    """
    try:
        content = json.loads(text)
        found = content.pop("format"), content.pop("version")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"expected a {FORMAT} manifest, found something else ({error!r}); fetch the model anew"
        ) from error
    _check_version(*found)
    try:
        manifest = Manifest(
            **{
                **content,
                "nan_columns": tuple(content["nan_columns"]),
                "positions": _positions(content.get("positions")),
                "inputs": tuple(_build(Input, item) for item in content["inputs"]),
                "methods": {name: _build(Method, item) for name, item in content["methods"].items()},
                "session": _build(Session, content["session"]),
            }
        )
        _check_content(manifest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ManifestError(
            f"the manifest is damaged ({error}); fetch the model anew or log it again"
        ) from error
    return manifest


def read_model(folder: Path) -> tuple[Manifest, bytes]:
    """Return manifest and ONNX bytes of a model folder, after checking the file's SHA-256.

    Raises:
        ManifestError: a file is missing, or the ONNX file is not the one that was registered.
    """
    try:
        manifest = parse_manifest((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        content = (folder / manifest.model_file).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"the model is incomplete ({error}); fetch it anew from the registry") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise ManifestError(
            f"{manifest.model_file} has SHA-256 {digest}, the manifest promises {manifest.sha256 or 'none'}:"
            " the file was changed or damaged after it was logged; fetch the model anew"
        )
    return manifest, content


def _check_version(name: Any, version: Any) -> None:
    if name != FORMAT:
        raise ManifestError(f"expected format {FORMAT!r}, found {name!r}; load it with the flavor it names")
    try:
        major, minor = (int(part) for part in str(version).split("."))
    except ValueError as error:
        raise ManifestError(
            f"expected a version such as {MAJOR}.{MINOR}, found {version!r}; fetch the model anew"
        ) from error
    if major != MAJOR or minor > MINOR:
        raise ManifestError(
            f"the model was written in format {version}, this code reads {MAJOR}.0 to {MAJOR}.{MINOR};"
            " load it in a process that has not yet loaded an older quantized_onnx model, or log it again"
        )


def _check_content(manifest: Manifest) -> None:
    """Refuse what would fail, or answer wrongly, only once rows arrive."""
    name = manifest.model_file
    if Path(name).name != name or "\\" in name or "\0" in name:
        raise ValueError(f"expected a file name for the model, found {name!r}")
    if not manifest.inputs or any(item.dtype not in INPUT_DTYPES for item in manifest.inputs):
        raise ValueError(f"expected inputs of dtype {', '.join(INPUT_DTYPES)}")
    if any(item.rounding not in ROUNDINGS for item in manifest.inputs):
        raise ValueError(f"expected rounding {' or '.join(ROUNDINGS)}")
    if manifest.default_method not in manifest.methods:
        raise ValueError(f"expected the default method among {list(manifest.methods)}")
    if type(manifest.n_columns) is not int or type(manifest.sha256) is not str:
        raise ValueError("expected a whole number in n_columns and text in sha256")
    if not re.fullmatch(r"(\d+(\.\d+)*)?", manifest.min_onnxruntime):
        raise ValueError(f"expected a version in min_onnxruntime, found {manifest.min_onnxruntime!r}")
    if type(manifest.rows_per_thread) is not int or manifest.rows_per_thread < 0:
        raise ValueError(f"expected a whole number of rows_per_thread, found {manifest.rows_per_thread!r}")
    read = manifest.positions or range(len(manifest.columns))
    if len(read) != len(manifest.columns) or any(not 0 <= i < manifest.n_columns for i in read):
        raise ValueError("expected a position for each column")


def _positions(found: Any) -> tuple[int, ...] | None:
    return None if found is None else tuple(int(position) for position in found)


def _build(kind: type[Any], item: Mapping[str, Any]) -> Any:
    """Build a dataclass from JSON, with lists as tuples."""
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in item.items()})
