"""A manifest that cannot be served faithfully is refused, with what to do about it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlflow
import onnxruntime
import pytest

from flavor.quantized_onnx_v1 import Manifest, ManifestError, Predictor, read_model
from flavor.quantized_onnx_v1.manifest import parse_manifest
from tests.flavor.pairs import Converted, Pair


@pytest.fixture
def folder(flower_pairs: Mapping[str, Pair], tmp_path: Path) -> Path:
    """A copy of a model that may be damaged."""
    return shutil.copytree(flower_pairs["columns"].folder, tmp_path / "model")


def change(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def drop(folder: Path, key: str) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))


def test_a_manifest_is_read_as_it_was_written(flowers: Converted):
    assert parse_manifest(flowers.manifest.to_json()) == flowers.manifest


def test_keys_that_came_later_have_defaults(flowers: Converted):
    content = json.loads(flowers.manifest.to_json())
    del content["positions"], content["min_onnxruntime"]
    for key in list(content["session"])[3:]:
        del content["session"][key]
    assert list(content["session"]) == ["intra_op_num_threads", "inter_op_num_threads", "providers"]
    assert parse_manifest(json.dumps(content)) == flowers.manifest


DAMAGES: Mapping[str, tuple[Callable[[Path], Any], str]] = {
    "ONNX file changed": (
        lambda f: (f / "model.onnx").write_bytes((f / "model.onnx").read_bytes()[:-1] + b"\x00"),
        "changed or damaged after it was logged; fetch the model anew",
    ),
    "ONNX file empty": (lambda f: (f / "model.onnx").write_bytes(b""), "fetch the model anew"),
    "no ONNX file": (lambda f: (f / "model.onnx").unlink(), "incomplete .*model.onnx.*; fetch it anew"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "incomplete .*manifest.json.*; fetch it anew"),
    "manifest empty": (
        lambda f: (f / "manifest.json").write_text(""),
        "found something else .*fetch the model anew",
    ),
    "manifest cut off": (
        lambda f: (f / "manifest.json").write_text((f / "manifest.json").read_text()[:200]),
        "found something else .*; fetch the model anew",
    ),
    "manifest no text": (
        lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe\x00"),
        "incomplete .*fetch it anew",
    ),
    "manifest a list": (
        lambda f: (f / "manifest.json").write_text("[]"),
        "found something else .*fetch the model",
    ),
    "another format": (
        lambda f: change(f, format="other"),
        "expected format 'quantized_onnx', found 'other'; load",
    ),
    "newer minor version": (
        lambda f: change(f, version="1.5"),
        "format 1.5, this code reads 1.0 to 1.4; load it in",
    ),
    "newer major version": (
        lambda f: change(f, version="2.0"),
        "format 2.0, this code reads 1.0 to 1.4; load it in",
    ),
    "no version": (lambda f: change(f, version="new"), "expected a version such as 1.4, found 'new'; fetch"),
    "an unknown key": (
        lambda f: change(f, extra=1),
        "damaged .*extra.*; fetch the model anew or log it again",
    ),
    "a key is missing": (
        lambda f: drop(f, "inputs"),
        "damaged .*inputs.*; fetch the model anew or log it again",
    ),
    "no SHA-256": (lambda f: change(f, sha256=""), "the manifest promises none"),
    "SHA-256 no text": (lambda f: change(f, sha256=5), "damaged .*sha256"),
    "no inputs": (lambda f: change(f, inputs=[]), "damaged .*expected inputs"),
    "inputs no list": (lambda f: change(f, inputs=7), "damaged"),
    "no such dtype": (
        lambda f: change(f, inputs=[{"name": "X", "dtype": "int3", "columns": ["a"]}]),
        "damaged .*expected inputs of dtype float32, float64, int64, str",
    ),
    "no such rounding": (
        lambda f: change(f, inputs=[{"name": "X", "dtype": "str", "columns": ["a"], "rounding": "up"}]),
        "damaged .*expected rounding nearest or down",
    ),
    "no such default": (
        lambda f: change(f, default_method="apply"),
        "damaged .*expected the default method among",
    ),
    "columns no number": (lambda f: change(f, n_columns="4"), "damaged .*whole number in n_columns"),
    "position beyond the columns": (
        lambda f: change(f, positions=[0, 1, 2, 9]),
        "damaged .*a position for each",
    ),
    "too few positions": (lambda f: change(f, positions=[0, 1]), "damaged .*a position for each"),
    "oldest onnxruntime no version": (
        lambda f: change(f, min_onnxruntime="new"),
        "damaged .*expected a version in min_onnxruntime, found 'new'",
    ),
    "rows no number": (lambda f: change(f, rows_per_thread="64"), "damaged"),
    "fewer rows than none": (lambda f: change(f, rows_per_thread=-1), "damaged"),
    "oldest onnxruntime no text": (lambda f: change(f, min_onnxruntime=1.2), "damaged"),
    "position no number": (lambda f: change(f, positions=["x"] * 4), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_refused_with_the_remedy(folder: Path, damage: str):
    act, sentence = DAMAGES[damage]
    act(folder)
    with pytest.raises(ManifestError, match=sentence):
        read_model(folder)


@pytest.mark.parametrize(
    "name", ["../model.onnx", "/etc/hostname", "code/../model.onnx", "..\\model.onnx", "a\0b"]
)
def test_the_model_file_lies_in_the_folder(folder: Path, name: str):
    change(folder, model_file=name)
    with pytest.raises(ManifestError, match="expected a file name for the model"):
        read_model(folder)


@pytest.mark.parametrize("name", ["..", ".", "", "code", 5, None])
def test_a_model_file_that_is_no_file_is_refused(folder: Path, name: Any):
    change(folder, model_file=name)
    with pytest.raises(ManifestError):
        read_model(folder)


@pytest.mark.parametrize("damage", ["ONNX file changed", "newer minor version", "no manifest"])
def test_mlflow_shows_the_refusal(folder: Path, damage: str):
    act, sentence = DAMAGES[damage]
    act(folder)
    with pytest.raises(ValueError, match=sentence) as caught:
        mlflow.pyfunc.load_model(str(folder))
    assert type(caught.value).__name__ == "ManifestError"


def test_every_refusal_is_one_line(folder: Path):
    for act, _ in DAMAGES.values():
        copy = shutil.copytree(folder, folder.with_name("copy"))
        act(copy)
        with pytest.raises(ManifestError) as caught:
            read_model(copy)
        assert "\n" not in str(caught.value)
        assert ";" in str(caught.value)
        shutil.rmtree(copy)


def test_the_golden_rule_of_the_format(flowers: Converted):
    """What format 1.4 holds; a new key needs a default and a new minor version."""
    assert isinstance(flowers.manifest, Manifest)
    assert list(json.loads(flowers.manifest.to_json())) == [
        "format",
        "version",
        "inputs",
        "named",
        "n_columns",
        "methods",
        "default_method",
        "nan_columns",
        "allow_inf",
        "sha256",
        "model_file",
        "session",
        "source",
        "quantization",
        "positions",
        "min_onnxruntime",
        "rows_per_thread",
    ]
    assert list(dataclasses.asdict(flowers.manifest.session)) == [
        "intra_op_num_threads",
        "inter_op_num_threads",
        "providers",
        "execution_mode",
        "graph_optimization_level",
        "enable_cpu_mem_arena",
        "enable_mem_pattern",
        "allow_spinning",
    ]


def test_an_onnxruntime_that_is_too_old_is_refused_with_both_versions(folder: Path):
    manifest, content = read_model(folder)
    newer = dataclasses.replace(manifest, min_onnxruntime="99.1")
    sentence = rf"needs onnxruntime 99\.1 or newer, found {re.escape(onnxruntime.__version__)}; install"
    with pytest.raises(ManifestError, match=sentence):
        Predictor(content, newer)
    change(folder, min_onnxruntime="99.1")
    with pytest.raises(ValueError, match=sentence):
        mlflow.pyfunc.load_model(str(folder))


def test_a_pickle_is_refused_as_well_where_onnxruntime_is_too_old(folder: Path):
    predictor = Predictor(*reversed(read_model(folder)))
    state = predictor.__getstate__()
    state["manifest"] = dataclasses.replace(state["manifest"], min_onnxruntime="99.1")
    with pytest.raises(ManifestError, match="needs onnxruntime 99"):
        Predictor.__new__(Predictor).__setstate__(state)


@pytest.mark.parametrize("oldest", ["", "1.14", onnxruntime.__version__])
def test_an_onnxruntime_that_is_new_enough_serves(folder: Path, oldest: str):
    change(folder, min_onnxruntime=oldest)
    assert mlflow.pyfunc.load_model(str(folder)).get_raw_model().manifest.min_onnxruntime == oldest


def test_the_oldest_onnxruntime_is_filled_in_when_a_model_is_saved(folder: Path):
    assert read_model(folder)[0].min_onnxruntime == "1.14"
