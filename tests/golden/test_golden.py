"""Models of every format there ever was load and answer as on the day they were made."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flavor.quantized_onnx_v1 import Predictor, read_model
from flavor.quantized_onnx_v1.manifest import MAJOR, MINOR
from optimization.verify.tolerances import TOLERANCES

GOLDEN = Path(__file__).parent
FORMATS = ["format_1_0", "format_1_1", "format_1_2", "format_1_3", "format_1_4"]
DIGEST = {
    "format_1_0": "49777a52d830a48d0a75efe1c104e18d59fc684a94a6a8a3b8b80db64c6b8453",
    "format_1_1": "c6db0fcebfbc1e1a59bf8a1c22e009491e4ebaee628fd84c61f9c259a900fafa",
    "format_1_2": "887e79ccef4f5d0f92ebad6ea10b3aca522079b645a3e971b54224bd2c24f856",
    "format_1_3": "874eda244a31dded85380368175014ce909fadffd3a7f4c7b7ff4f005c6bb89a",
    "format_1_4": "3f8eda575a94536454750d8a05ba78a672aad75210fdcbc59af68a730e5a1ed2",
}
"""SHA-256 over manifest and graph: a golden model that was made again is none."""


def read_answers(name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    saved = json.loads((GOLDEN / name / "answers.json").read_text(encoding="utf-8"))
    return pd.DataFrame(saved["rows"]), {k: np.asarray(v) for k, v in saved["answers"].items()}


@pytest.mark.parametrize("name", FORMATS)
def test_a_golden_model_was_never_touched(name: str):
    model = GOLDEN / name / "model"
    content = (model / "manifest.json").read_bytes() + (model / "model.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == DIGEST[name]


@pytest.mark.parametrize("name", FORMATS)
def test_todays_code_answers_as_the_estimator_did(name: str):
    manifest, content = read_model(GOLDEN / name / "model")
    rows, answers = read_answers(name)
    predictor = Predictor(content, manifest)
    assert set(predictor.methods) == set(answers)
    for method, expected in answers.items():
        found = predictor.predict(rows, method)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        if expected.dtype.kind == "f":
            assert np.abs(found - expected).max() <= TOLERANCES[method].bound(float(np.abs(expected).max()))
        else:
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", FORMATS)
def test_its_own_code_answers_through_mlflow(name: str):
    rows, answers = read_answers(name)
    script = (
        "import json, sys, mlflow, pandas as pd;"
        "model = mlflow.pyfunc.load_model(sys.argv[1], suppress_warnings=True);"
        "print(json.dumps(model.predict(pd.DataFrame(json.load(sys.stdin))).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(GOLDEN / name / "model")],
        input=json.dumps(rows.to_dict("list")),
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        | {"PYTHONDONTWRITEBYTECODE": "1"},
        cwd=GOLDEN,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == answers["predict"].tolist()


@pytest.mark.parametrize("name", FORMATS)
def test_its_own_code_refuses_a_newer_manifest_with_what_to_do(name: str):
    newer = f"{MAJOR}.{MINOR + 1}"
    content = json.loads((GOLDEN / name / "model" / "manifest.json").read_text())
    script = """
import sys
from quantized_onnx_v1.manifest import ManifestError, parse_manifest
try:
    parse_manifest(sys.stdin.read())
except ManifestError as error:
    print(error)
"""
    code = str(GOLDEN / name / "model" / "code")
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps({**content, "version": newer}),
        env=os.environ | {"PYTHONPATH": code, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    old = name.removeprefix("format_1_")
    assert f"written in format {newer}, this code reads 1.0 to 1.{old}; load it in" in done.stdout
