"""Threads, providers and telemetry: what a session runs with and who may change it."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flavor
from flavor.quantized_onnx_v1 import Predictor, Session, sessions
from flavor.quantized_onnx_v1.cpu import available_cpus
from flavor.quantized_onnx_v1.manifest import parse_manifest
from tests.flavor.pairs import Converted, Pair, assert_same

CODE = Path(__file__).parents[2] / "flavor"


@pytest.fixture
def folder(flower_pairs: Mapping[str, Pair]) -> str:
    return str(flower_pairs["columns"].folder)


def options(predictor: Predictor) -> Any:
    return predictor.session().get_session_options()


def test_the_default_is_as_many_threads_as_the_container_may_use(flowers: Converted):
    session = options(Predictor(flowers.content, flowers.manifest))
    assert session.intra_op_num_threads == available_cpus()
    assert session.inter_op_num_threads == 1


def test_model_config_overrides_threads_and_providers(folder: str, flowers: Converted):
    config = {"intra_op_num_threads": 3, "inter_op_num_threads": 2, "providers": ["CPUExecutionProvider"]}
    model = mlflow.pyfunc.load_model(folder, model_config=config)
    predictor = model.get_raw_model()
    expected = dataclasses.replace(Session(), intra_op_num_threads=3, inter_op_num_threads=2)
    assert dataclasses.asdict(predictor.settings) == dataclasses.asdict(expected)
    assert options(predictor).intra_op_num_threads == 3
    assert len(model.predict(flowers.features)) == len(flowers.features)


def test_the_environment_variable_of_mlflow_overrides_too(folder: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_PYFUNC_INFERENCE_CONFIG", json.dumps({"intra_op_num_threads": 5}))
    assert mlflow.pyfunc.load_model(folder).get_raw_model().settings.intra_op_num_threads == 5


def test_mlflow_warns_of_unknown_keys_and_leaves_them_out(folder: str, caplog: pytest.LogCaptureFixture):
    logging.getLogger("mlflow").addHandler(caplog.handler)
    try:
        model = mlflow.pyfunc.load_model(folder, model_config={"threads": 3})
    finally:
        logging.getLogger("mlflow").removeHandler(caplog.handler)
    assert "threads were ignored since they are not valid keys" in caplog.text
    assert dataclasses.asdict(model.get_raw_model().settings) == dataclasses.asdict(Session())


@pytest.mark.parametrize(
    ("session", "sentence"),
    [
        (
            {"providers": ["WarpDriveProvider"]},
            r"expected providers among \[.*\], found \['WarpDriveProvider'\];",
        ),
        ({"providers": []}, "expected providers among .*, found none;"),
        ({"intra_op_num_threads": -1}, "expected a whole number of threads, 0 or more"),
        ({"intra_op_num_threads": "2"}, "expected a whole number of threads, 0 or more"),
        ({"inter_op_num_threads": True}, "expected a whole number of threads, 0 or more"),
        ({"execution_mode": "fast"}, r"expected execution_mode among \['sequential', 'parallel'\], found"),
        ({"graph_optimization_level": 99}, r"expected graph_optimization_level among .*, found 99; choose"),
        ({"allow_spinning": 0}, "expected true or false for allow_spinning, found 0; give one of them"),
        ({"enable_mem_pattern": "no"}, "expected true or false for enable_mem_pattern, found 'no'"),
        ({"threads": 2}, r"expected session settings among .*, found \['threads'\]; correct the name"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(flowers: Converted, session: dict[str, Any], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Predictor(flowers.content, flowers.manifest, session=session)


def test_a_wrong_provider_is_refused_through_mlflow(folder: str):
    with pytest.raises(ValueError, match="choose one of these or install the onnxruntime build"):
        mlflow.pyfunc.load_model(folder, model_config={"providers": ["CUDAExecutionProvider"]})


TUNED = Session(
    intra_op_num_threads=1,
    inter_op_num_threads=2,
    execution_mode="parallel",
    graph_optimization_level="basic",
    enable_cpu_mem_arena=False,
    enable_mem_pattern=False,
    allow_spinning=False,
)


def found_in(predictor: Predictor) -> dict[str, Any]:
    """The settings of the open session, in our words; spinning has no reader of its own."""
    session = options(predictor)
    return {
        "intra_op_num_threads": session.intra_op_num_threads,
        "execution_mode": session.execution_mode.name,
        "graph_optimization_level": session.graph_optimization_level.name,
        "enable_cpu_mem_arena": session.enable_cpu_mem_arena,
        "enable_mem_pattern": session.enable_mem_pattern,
        "allow_spinning": session.get_session_config_entry("session.intra_op.allow_spinning"),
    }


def test_the_manifest_holds_the_sessions_defaults(flowers: Converted, tmp_path: Path):
    manifest = dataclasses.replace(flowers.manifest, session=TUNED)
    assert parse_manifest(manifest.to_json()) == manifest
    flavor.save_model(flowers.content, str(tmp_path / "model"), manifest=manifest, signature=False)
    expected = {
        "intra_op_num_threads": 1,
        "execution_mode": "ORT_PARALLEL" if available_cpus() > 1 else "ORT_SEQUENTIAL",
        "graph_optimization_level": "ORT_ENABLE_BASIC",
        "enable_cpu_mem_arena": False,
        "enable_mem_pattern": False,
        "allow_spinning": "0",
    }
    assert found_in(flavor.load_model(str(tmp_path / "model"))) == expected
    pyfunc = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert found_in(pyfunc.get_raw_model()) == expected
    changed = mlflow.pyfunc.load_model(
        str(tmp_path / "model"),
        model_config={"graph_optimization_level": "all", "enable_cpu_mem_arena": True},
    )
    assert found_in(changed.get_raw_model()) == {
        **expected,
        "graph_optimization_level": "ORT_ENABLE_ALL",
        "enable_cpu_mem_arena": True,
    }
    assert_same(changed.predict(flowers.features), flowers.estimator.predict(flowers.features))


def test_a_default_from_a_larger_machine_is_kept_to_what_the_container_may_use(
    flowers: Converted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "available_cpus", lambda: 2)
    tuned = dataclasses.replace(TUNED, intra_op_num_threads=8, inter_op_num_threads=4)
    manifest = dataclasses.replace(flowers.manifest, session=tuned)
    session = options(Predictor(flowers.content, manifest))
    assert (session.intra_op_num_threads, session.inter_op_num_threads) == (2, 2)
    asked = options(Predictor(flowers.content, manifest, session={"intra_op_num_threads": 5}))
    assert (asked.intra_op_num_threads, asked.inter_op_num_threads) == (5, 2)


def test_one_provider_may_be_given_as_text(flowers: Converted):
    predictor = Predictor(flowers.content, flowers.manifest, session={"providers": "CPUExecutionProvider"})
    assert predictor.settings.providers == ("CPUExecutionProvider",)
    assert predictor.session().get_providers() == ["CPUExecutionProvider"]


class Stub:
    """What `run_of` may meet: a session of onnxruntime's own kind, or another."""

    def __init__(self, providers: list[str], inner: Any) -> None:
        self.get_providers = lambda: providers
        if inner is not None:
            self._sess = inner

    def run(self) -> str:
        return "checked"


class Inner:
    def run(self) -> str:
        return "unchecked"


@pytest.mark.parametrize(
    ("providers", "inner", "expected"),
    [
        (["CPUExecutionProvider"], Inner(), "unchecked"),
        (["CPUExecutionProvider"], None, "checked"),
        (["CUDAExecutionProvider", "CPUExecutionProvider"], Inner(), "checked"),
    ],
)
def test_only_the_cpus_own_run_goes_without_onnxruntimes_checks(
    providers: list[str], inner: Any, expected: str
):
    assert sessions.run_of(Stub(providers, inner))() == expected


def test_the_installed_onnxruntimes_own_run_answers_the_same(flowers: Converted):
    session = Predictor(flowers.content, flowers.manifest).session()
    run = sessions.run_of(session)
    assert run != session.run
    rows = flowers.features.to_numpy(np.float32)
    feeds = {session.get_inputs()[0].name: rows}
    for item in session.get_outputs():
        [checked], [unchecked] = (each([item.name], feeds, ort.RunOptions()) for each in (session.run, run))
        np.testing.assert_array_equal(checked, unchecked)


def test_no_session_opens_before_the_first_row(flowers: Converted, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr(ort, "InferenceSession", refuse)
    predictor = Predictor(flowers.content, flowers.manifest)
    with pytest.raises(AssertionError, match="a session was opened"):
        predictor.predict(flowers.features)


def threads_after_import(**variables: str) -> str:
    """Return the value of ORT_DISABLE_TELEMETRY and the number of threads after our import of onnxruntime."""
    code = (
        "import os, pandas; before = len(os.listdir('/proc/self/task')); import quantized_onnx_v1;"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], len(os.listdir('/proc/self/task')) - before)"
    )
    kept = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    env = {**kept, "PYTHONPATH": str(CODE), "OPENBLAS_NUM_THREADS": "1", **variables}
    found = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    return found.stdout.strip()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_importing_starts_no_uploading_thread():
    assert threads_after_import() == "1 0"


def test_telemetry_can_be_asked_for():
    assert threads_after_import(ORT_DISABLE_TELEMETRY="0").startswith("0 ")


@settings(deadline=None, max_examples=60)
@given(n_rows=st.integers(0, 60), most=st.integers(1, 25))
def test_blocks_are_equal_and_none_is_too_long(n_rows: int, most: int):
    lengths = []

    def run(outputs: list[str], feeds: Mapping[str, Any], _: Any) -> list[Any]:
        lengths.append(len(feeds["x"]))
        return [feeds[name] for name in outputs]

    feeds = {"x": np.arange(2.0 * n_rows).reshape(n_rows, 2), "text": np.array([["a"]] * n_rows, object)}
    answers = sessions.run_blocks(run, most, ["text", "x"], feeds, None)
    assert [answer.tolist() for answer in answers] == [feeds["text"].tolist(), feeds["x"].tolist()]
    assert sum(lengths) == n_rows
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= most
    assert len(lengths) == max(1, -(-n_rows // most))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_large_batch_goes_through_in_blocks_with_the_same_answers(flowers: Converted, threads: int):
    manifest = dataclasses.replace(flowers.manifest, rows_per_thread=7)
    whole, blocks = (
        Predictor(flowers.content, m, session={"intra_op_num_threads": threads})
        for m in (dataclasses.replace(manifest, rows_per_thread=0), manifest)
    )
    for n_rows in (1, 7 * threads, 7 * threads + 1, len(flowers.features)):
        rows = flowers.features.iloc[:n_rows]
        for method in flowers.manifest.methods:
            assert_same(blocks.predict(rows, method), whole.predict(rows, method))


def test_memory_does_not_grow_with_the_batch():
    """A kernel matrix of 200,000 rows and 500 support vectors would take 400 MB."""
    script = """
import resource, sys
import numpy as np
from sklearn.svm import SVC
from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.verify import RowBudget, settle
rows = np.random.default_rng(0).normal(size=(900, 5))
estimator = SVC().fit(rows, np.arange(900) % 2)
assert len(estimator.support_) > 500
few = RowBudget(pairs=1, axis_pairs=1, threshold_rows=0, edge_rows=1)
settled = settle(convert(estimator, rows), estimator, rows, seed=0, budget=few)
predictor = Predictor(settled.content, settled.manifest, session={"intra_op_num_threads": 2})
many = np.tile(rows.astype(np.float32), (220, 1))
predictor.predict(many[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert (predictor.predict(many)[:900] == estimator.predict(many[:900])).all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, cwd=CODE.parent)
    assert int(done.stdout) < 60_000, "kilobytes"
