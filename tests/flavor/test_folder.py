"""The saved folder: what lies in it, what does not, and how it loads elsewhere."""

from __future__ import annotations

import os
import pickletools
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
import pytest
import yaml

import flavor
from tests.flavor.pairs import Converted, Pair, assert_same
from tests.source_store import tracking_store

ROOT = Path(__file__).parents[2]
CODE = [f"code/quantized_onnx_v1/{path.name}" for path in (ROOT / "flavor/quantized_onnx_v1").glob("*.py")]
OWN = ["MLmodel", "conda.yaml", "manifest.json", "model.onnx", "python_env.yaml", "requirements.txt"]
EXAMPLE = ["input_example.json", "serving_input_example.json"]


@pytest.fixture
def folder(flowers: Converted, tmp_path: Path) -> Path:
    path = tmp_path / "model"
    flavor.save_model(
        flowers.content, str(path), manifest=flowers.manifest, input_example=flowers.features.head(2)
    )
    return path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def is_pickle(path: Path) -> bool:
    try:
        last = [opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())][-1]
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
    return bool(last == "STOP")


def test_only_the_expected_files_are_written(folder: Path):
    assert sorted(p.relative_to(folder).as_posix() for p in files(folder)) == sorted([*CODE, *OWN, *EXAMPLE])


def test_nothing_is_pickled(folder: Path):
    assert not [p.name for p in files(folder) if is_pickle(p) or zipfile.is_zipfile(p)]


def test_the_check_for_pickles_knows_one(tmp_path: Path):
    import pickle

    (tmp_path / "found").write_bytes(pickle.dumps({"a": 1}))
    assert is_pickle(tmp_path / "found")


def test_nothing_names_this_machine(folder: Path):
    words = [str(ROOT), str(Path.home()), str(folder), socket.gethostname(), sys.prefix]
    for path in files(folder):
        text = path.read_bytes().decode("utf-8", errors="replace")
        assert not [word for word in words if word in text], path


def test_the_code_that_travels_imports_little():
    """The standard library, numpy, pandas, onnxruntime and itself."""
    script = (
        "import sys, numpy, pandas, onnxruntime; before = set(sys.modules); import quantized_onnx_v1;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "flavor")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "['quantized_onnx_v1']"


def test_the_flavors_point_to_the_files(folder: Path, flowers: Converted):
    flavors = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
    assert set(flavors) == {"python_function", "quantized_onnx", "onnx"}
    own = flavors["quantized_onnx"]
    assert own["format_version"] == "1.4"
    assert own["n_bytes"] == len(flowers.content) == (folder / own["data"]).stat().st_size
    assert own["methods"] == ["predict", "predict_proba", "decision_function"]
    assert flavors["onnx"]["data"] == own["data"]
    assert flavors["python_function"]["loader_module"] == "quantized_onnx_v1"


def test_the_requirements_are_those_of_the_code_that_travels(folder: Path):
    names = ["mlflow-skinny", "numpy", "onnxruntime", "pandas"]
    expected = [f"{name}=={version(name)}" for name in names]
    assert flavor.get_default_pip_requirements() == expected
    expected[2] = "onnxruntime>=1.14"
    assert (folder / "requirements.txt").read_text().splitlines() == expected


def test_requirements_may_be_given(flowers: Converted, tmp_path: Path):
    save = {"manifest": flowers.manifest, "signature": False}
    flavor.save_model(flowers.content, str(tmp_path / "a"), extra_pip_requirements=["requests"], **save)
    flavor.save_model(flowers.content, str(tmp_path / "b"), pip_requirements=["mlflow", "numpy"], **save)
    flavor.save_model(flowers.content, str(tmp_path / "c"), conda_env={"dependencies": ["pip"]}, **save)
    assert "requests" in (tmp_path / "a" / "requirements.txt").read_text()
    assert (tmp_path / "b" / "requirements.txt").read_text() == "mlflow\nnumpy"
    assert yaml.safe_load((tmp_path / "c" / "conda.yaml").read_text())["dependencies"][0] == "pip"


def test_an_onnx_model_proto_is_saved_too(flowers: Converted, tmp_path: Path):
    proto = onnx.load_from_string(flowers.content)
    flavor.save_model(proto, str(tmp_path / "model"), manifest=flowers.manifest)
    model = flavor.load_model(str(tmp_path / "model"))
    assert_same(model.predict(flowers.features), flowers.estimator.predict(flowers.features))


def test_a_folder_that_holds_something_is_left_alone(flowers: Converted, folder: Path):
    with pytest.raises(mlflow.MlflowException, match="already exists"):
        flavor.save_model(flowers.content, str(folder), manifest=flowers.manifest)


@pytest.mark.parametrize(("signature", "has_inputs"), [(None, True), (False, False)])
def test_a_signature_comes_from_the_example_unless_it_is_refused(
    flowers: Converted, tmp_path: Path, signature: Any, has_inputs: bool
):
    flavor.save_model(
        flowers.content,
        str(tmp_path / "model"),
        manifest=flowers.manifest,
        signature=signature,
        input_example=flowers.features.head(2),
    )
    found = mlflow.models.get_model_info(str(tmp_path / "model")).signature
    assert (found.inputs is not None) is has_inputs
    assert found.params.params[0].default == "predict"


def test_metadata_and_further_code_travel(flowers: Converted, tmp_path: Path):
    (tmp_path / "quantized_onnx_extra.py").write_text("ANSWER = 42\n")
    flavor.save_model(
        flowers.content,
        str(tmp_path / "model"),
        manifest=flowers.manifest,
        metadata={"team": "perception"},
        code_paths=[str(tmp_path / "quantized_onnx_extra.py")],
    )
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert model.metadata.metadata == {"team": "perception"}
    assert (tmp_path / "model/code/quantized_onnx_extra.py").exists()
    assert len(model.predict(flowers.features)) == len(flowers.features)


def test_log_model_registers_what_load_model_loads(flowers: Converted, tmp_path: Path):
    with tracking_store(tmp_path):
        with mlflow.start_run():
            info = flavor.log_model(
                flowers.content,
                "model",
                manifest=flowers.manifest,
                input_example=flowers.features.head(2),
                registered_model_name="flowers",
                params={"kind": "test"},
                tags={"team": "perception"},
                metadata={"source": "here"},
            )
        native = flavor.load_model("models:/flowers/1", session={"intra_op_num_threads": 1})
        logged = mlflow.get_logged_model(info.model_id)
        pyfunc = mlflow.pyfunc.load_model("models:/flowers/1")
    expected = flowers.estimator.predict(flowers.features)
    assert_same(native.predict(flowers.features), expected)
    assert_same(pyfunc.predict(flowers.features), expected)
    assert logged.tags["team"] == "perception"
    assert logged.params == {"kind": "test"}


def test_another_flavors_model_is_refused(flower_pairs: Mapping[str, Pair]):
    with pytest.raises(mlflow.MlflowException, match='does not have the "quantized_onnx" flavor'):
        flavor.load_model(str(flower_pairs["columns"].folder.parent / "theirs"))


LOAD_TWO = """
import sys
import mlflow, numpy as np
first, second, rows = sys.argv[1], sys.argv[2], np.load("rows.npy")
a = mlflow.pyfunc.load_model(first)
b = mlflow.pyfunc.load_model(second)
assert np.array_equal(a.predict(rows), b.predict(rows))
module = sys.modules["quantized_onnx_v1"]
assert module.__file__.startswith(first), module.__file__
assert [path for path in sys.path if path.endswith("code")] == [second + "/code", first + "/code"], sys.path
assert not [name for name in sys.modules if name.split(".")[0] in ("flavor", "sklearn", "onnx")]
print("both answer")
"""


def test_two_models_that_ship_the_code_load_in_one_process_without_the_project(
    flower_pairs: Mapping[str, Pair], flowers: Converted, tmp_path: Path
):
    """The first model's copy of the code serves both; the project's folder is not on the path."""
    names = [str(tmp_path / name) for name in ("first", "second")]
    for name in names:
        shutil.copytree(flower_pairs["none"].folder, name)
    np.save(tmp_path / "rows.npy", flowers.features.to_numpy())
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_TWO, *names],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "both answer\n", done.stderr
