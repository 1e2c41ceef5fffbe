"""Files for an older onnxruntime answer there as they do here; files that are too new are refused there.

The files are made here, and run by an interpreter of another environment with onnxruntime 1.17.3.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import Birch
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

import flavor
from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters.text_filling import as_text
from optimization.passes.pipeline import simplify
from optimization.passes.runtimes import numbers, oldest_onnxruntime
from optimization.quantize.candidate import Candidate, QuantizeOptions
from optimization.quantize.policies import apply_policy

VERSION = "1.17.3"
PACKAGES = (f"onnxruntime=={VERSION}", "numpy<2", "pandas<3")


def load_words(*, return_X_y: bool) -> tuple[Any, Any]:
    """Two columns of text with holes."""
    draw = np.random.default_rng(0)
    rows = draw.choice(["Bonn", "Köln", "Ulm"], (120, 2)).astype(object)
    labels = (rows[:, 0] == "Köln").astype(int)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    return rows, labels


def load_tenths(*, return_X_y: bool) -> tuple[Any, Any]:
    """Few different numbers in each column, with holes."""
    rows, labels = load_iris(return_X_y=return_X_y)
    rows = np.where(np.random.default_rng(0).random(rows.shape) < 0.1, np.nan, rows)
    return rows, labels


def load_measured(*, return_X_y: bool) -> tuple[Any, Any]:
    """So many rows of float64 that bodies decode them."""
    rows = np.random.default_rng(0).normal(size=(3000, 5))
    return rows, (rows[:, 0] > 0).astype(int)


def load_many_words(*, return_X_y: bool) -> tuple[Any, Any]:
    """Two columns of 400 words each, and three classes."""
    places = np.random.default_rng(0).integers(0, 400, (1500, 2))
    places[:400] = np.arange(400)[:, None]
    words = np.array([f"word {i}" for i in range(400)], dtype=object)
    return words[places], places.sum(axis=1) % 3


def load_texts(*, return_X_y: bool) -> tuple[Any, Any]:
    """A column of short texts."""
    draw = np.random.default_rng(0)
    words = ["café", "Zoë", "of", "the", "cafe\u0301", "½", "tree", "a", "한국"]
    texts = [" ".join(draw.choice(words, n)) for n in draw.integers(0, 9, 120)]
    return np.array(texts, dtype=object)[:, None], draw.integers(0, 2, 120)


MODELS: dict[str, tuple[Any, Any, str]] = {
    "forest": (RandomForestClassifier(random_state=0), load_iris, "lossless"),
    "forest of mixed leaves": (
        RandomForestClassifier(20, max_depth=5, random_state=0),
        load_digits,
        "leaf_table_12",
    ),
    "forest of few kinds of leaves": (
        RandomForestClassifier(max_depth=5, random_state=0),
        load_iris,
        "leaf_table",
    ),
    "boosting": (GradientBoostingClassifier(n_estimators=20, random_state=0), load_digits, "lossless"),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=20), load_breast_cancer, "lossless"),
    "boosting, looked up": (
        GradientBoostingClassifier(n_estimators=20, random_state=0),
        load_digits,
        "tree_lookup_12",
    ),
    "histogram boosting, looked up": (
        HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=18),
        load_breast_cancer,
        "tree_lookup",
    ),
    "isolation forest": (IsolationForest(n_estimators=50, random_state=0), load_breast_cancer, "lossless"),
    "support vectors": (SVC(), load_digits, "lossless"),
    # No row is doubtful in most batches, and TopK of no rows would end the process there.
    "neighbours": (KNeighborsClassifier(), load_digits, "lossless"),
    "neighbours in blocks": (KNeighborsClassifier(metric="manhattan"), load_digits, "lossless"),
    "radius neighbours in blocks": (
        RadiusNeighborsClassifier(25.0, outlier_label="most_frequent"),
        load_digits,
        "lossless",
    ),
    "neighbours, 12 bits": (KNeighborsClassifier(), load_breast_cancer, "weight_only_12"),
    "neighbours in blocks, 14 bits": (KNeighborsClassifier(), load_measured, "weight_only_14"),
    "outlier factor": (LocalOutlierFactor(novelty=True), load_breast_cancer, "lossless"),
    "centers": (Birch(n_clusters=4), load_breast_cancer, "weight_only_16"),
    # Nothing is missing, and TopK of no rows would end the process there too.
    "imputer with nothing to do": (make_pipeline(KNNImputer(), LogisticRegression()), load_iris, "lossless"),
    "scaler and regression": (make_pipeline(StandardScaler(), LogisticRegression()), load_iris, "lossless"),
    "filled words": (
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(), LogisticRegression()),
        load_words,
        "lossless",
    ),
    "weights of many words": (
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        load_many_words,
        "lossless",
    ),
    "trees of many words": (
        make_pipeline(OneHotEncoder(), RandomForestClassifier(5, max_depth=6, random_state=0)),
        load_many_words,
        "lossless",
    ),
    "floats as categories": (make_pipeline(OneHotEncoder(), LogisticRegression()), load_tenths, "lossless"),
    "codes of floats": (
        make_pipeline(OrdinalEncoder(), HistGradientBoostingClassifier(max_iter=5)),
        load_tenths,
        "lossless",
    ),
    "pairs of words without accents": (
        make_pipeline(
            ColumnTransformer(
                [("t", TfidfVectorizer(ngram_range=(1, 2), stop_words=["of"], strip_accents="unicode"), 0)]
            ),
            LogisticRegression(),
        ),
        load_texts,
        "lossless",
    ),
    "boosting from a regression": (
        GradientBoostingClassifier(init=LogisticRegression(max_iter=500), n_estimators=5, random_state=0),
        load_iris,
        "lossless",
    ),
    "network, dynamic": (MLPClassifier((64,), max_iter=30, random_state=0), load_digits, "dynamic"),
    "network, static": (MLPClassifier((64,), max_iter=30, random_state=0), load_digits, "static"),
    "network, 12 bits": (MLPClassifier((64,), max_iter=30, random_state=0), load_digits, "weight_only_12"),
    "network, rounded together": (
        MLPClassifier((64,), max_iter=30, random_state=0),
        load_digits,
        "gptq_mixed",
    ),
    "network, 4 bits": (MLPClassifier((64,), max_iter=30, random_state=0), load_digits, "int4"),
}

SCRIPT = """
import json, pathlib, sys
import numpy as np
from quantized_onnx_v1 import ManifestError, Predictor, read_model

report = {}
for folder in map(pathlib.Path, sys.argv[1:]):
    try:
        manifest, content = read_model(folder)
        predictor = Predictor(content, manifest, session={"intra_op_num_threads": 1})
    except ManifestError as error:
        report[folder.name] = {"refused": str(error)}
        continue
    with np.load(folder / "answers.npz") as saved:
        rows = saved["rows"]
        report[folder.name] = {
            method: float(np.abs(predictor.predict(rows, method).astype(float) - saved[method]).max())
            for method in manifest.methods
        }
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with `PACKAGES`."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("older")
    python = folder / "env" / "bin" / "python"
    for command in (
        ["uv", "venv", "--quiet", "--python", "3.11", str(folder / "env")],
        ["uv", "pip", "install", "--quiet", "--python", str(python), *PACKAGES],
    ):
        subprocess.run(command, check=True, env=os.environ, timeout=300)
    return python


def make(name: str, folder: Path, *, target: str) -> str:
    """Write the model's file, manifest and answers to `folder`; return the oldest onnxruntime for it."""
    estimator, load, policy = MODELS[name]
    rows, labels = load(return_X_y=True)
    converted = convert(estimator.fit(rows, labels), rows)
    content = simplify(converted.model).model.SerializeToString()
    if rows.dtype == object:
        rows = np.vectorize(as_text)(rows)  # what a graph is fed with, and a file of arrays can hold
    feeds = {converted.manifest.inputs[0].name: rows.astype(converted.manifest.inputs[0].dtype)}
    options = QuantizeOptions(target_onnxruntime=target)
    candidate = apply_policy(policy, content, calibration=feeds, options=options)
    assert isinstance(candidate, Candidate), candidate
    assert candidate.changed or policy == "lossless"
    folder.mkdir(parents=True)
    manifest = flavor.write_files(folder, candidate.model, converted.manifest)
    predictor = Predictor(candidate.model, manifest, session={"intra_op_num_threads": 1})
    answers = {method: predictor.predict(rows, method) for method in manifest.methods}
    np.savez(folder / "answers.npz", rows=rows, **answers)
    assert manifest.min_onnxruntime == oldest_onnxruntime(candidate.model)
    return manifest.min_onnxruntime


def ask(python: Path, folders: list[Path], work: Path) -> Any:
    """Return what `SCRIPT` reports under `python`, with the code that travels in models on its path."""
    code = work / "code"
    shutil.copytree(Path(flavor.__file__).parent / "quantized_onnx_v1", code / "quantized_onnx_v1")
    done = subprocess.run(
        [str(python), "-c", SCRIPT, *map(str, folders)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_every_kind_of_file_answers_as_it_does_here(older: Path, tmp_path: Path) -> None:
    folders = {name: tmp_path / "models" / name for name in MODELS}
    for name, folder in folders.items():
        assert numbers(make(name, folder, target="1.17")) <= numbers("1.17")
    report = ask(older, list(folders.values()), tmp_path)
    assert set(report) == set(MODELS)
    for name, methods in report.items():
        assert "refused" not in methods, methods
        for method, difference in methods.items():
            # Kernels of other versions add in another order.
            assert difference <= (0.0 if method == "predict" else 1e-4), f"{name}: {method} differs"


def test_a_file_that_is_too_new_is_refused_with_both_versions(older: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "forest"
    assert make("forest", folder, target="") == "1.21"
    report = ask(older, [folder], tmp_path)
    assert report["forest"]["refused"].startswith(
        f"the model needs onnxruntime 1.21 or newer, found {VERSION}; "
    )


def test_without_the_manifest_onnxruntime_itself_would_refuse_it(older: Path, tmp_path: Path) -> None:
    """What the table of versions says of TreeEnsemble is what that onnxruntime does."""
    folder = tmp_path / "forest"
    make("forest", folder, target="")
    command = "import onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1])"
    arguments = [str(older), "-c", command, str(folder / "model.onnx")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert "domain ai.onnx.ml is till opset 4" in done.stderr
