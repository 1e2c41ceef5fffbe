"""Pickling, threads, forks and spawned processes; every wait is bounded."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest

from flavor.quantized_onnx_v1 import Predictor, QuantizedOnnxModel, predictor
from tests.flavor.pairs import Converted, Pair

BOUND_S = 20.0
"""A child that has not ended by then hangs."""


def by_joblib(value: Any, folder: Path) -> Any:
    joblib.dump(value, folder / "model")
    return joblib.load(folder / "model")


COPIES = {
    "pickle": lambda value, _: pickle.loads(pickle.dumps(value)),
    "pickle protocol 2": lambda value, _: pickle.loads(pickle.dumps(value, protocol=2)),
    "cloudpickle": lambda value, _: cloudpickle.loads(cloudpickle.dumps(value)),
    "joblib": by_joblib,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("is_open", [False, True])
def test_a_predictor_is_picklable_before_and_after_use(
    flowers: Converted, tmp_path: Path, how: str, is_open: bool
):
    original = Predictor(flowers.content, flowers.manifest, session={"intra_op_num_threads": 2})
    if is_open:
        original.predict(flowers.features)
    copy = COPIES[how](original, tmp_path)
    assert copy.settings == original.settings
    assert np.array_equal(copy.predict(flowers.features), original.predict(flowers.features))


@pytest.mark.parametrize("how", COPIES)
def test_the_pyfunc_model_is_picklable(
    flower_pairs: Mapping[str, Pair], flowers: Converted, tmp_path: Path, how: str
):
    loaded = flower_pairs["columns"].ours
    expected = loaded.predict(flowers.features)
    for value in (loaded._model_impl, loaded):
        assert np.array_equal(COPIES[how](value, tmp_path).predict(flowers.features), expected)


def test_eight_threads_open_one_session(flowers: Converted, monkeypatch: pytest.MonkeyPatch):
    opened, open_session = [], predictor.open_session

    def slowly(*arguments: Any) -> Any:
        opened.append(threading.get_ident())
        time.sleep(0.05)
        return open_session(*arguments)

    monkeypatch.setattr(predictor, "open_session", slowly)
    model = Predictor(flowers.content, flowers.manifest)
    start, answers = threading.Barrier(8), []

    def use() -> None:
        start.wait(BOUND_S)
        answers.append(model.predict(flowers.features))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_S)
    assert len(opened) == 1
    assert len(answers) == 8
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


PREAMBLE = f"""
import multiprocessing, os, pathlib, sys, threading, time
import numpy as np
from quantized_onnx_v1 import Predictor, predictor, read_model

manifest, content = read_model(pathlib.Path("."))
MODEL = Predictor(content, manifest, session={{"intra_op_num_threads": 2}})
ROWS = np.random.default_rng(0).normal(size=(500, 4))

def use(n_threads):
    threads = [threading.Thread(target=MODEL.predict, args=(ROWS,)) for _ in range(n_threads)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

def wait(pid):
    end = time.monotonic() + {BOUND_S}
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "the child hangs"
"""


@pytest.fixture
def run_script(flower_pairs: Mapping[str, Pair], tmp_path: Path) -> Callable[[str], None]:
    """Run a script in a fresh interpreter with the code that travels in the model, and see it end in time."""

    def run(script: str) -> None:
        folder = flower_pairs["columns"].folder
        path = tmp_path / "script.py"
        path.write_text(PREAMBLE + textwrap.dedent(script))
        done = subprocess.run(
            [sys.executable, str(path)],
            env={**os.environ, "PYTHONPATH": str(folder / "code")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=8 * BOUND_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_a_fork_after_first_use_hangs_nowhere(run_script: Callable[[str], None]):
    """Whether the child predicts or not, drops the model or not, exits at once or through the interpreter."""
    run_script(
        """
        def drop():
            global MODEL
            del MODEL

        CHILDREN = {
            "predicts": lambda: use(4), "predicts, drops": lambda: (use(4), drop()), "drops": drop,
            "idle": lambda: None,
        }
        use(4)
        for leave in (sys.exit, os._exit):
            for name, act in CHILDREN.items():
                pid = os.fork()
                if pid == 0:
                    act()
                    leave(0)
                found = wait(pid)
                assert found == 0, (name, leave, found)
        use(4)
        """
    )


def test_a_fork_while_another_thread_opens_the_session_hangs_nowhere(run_script: Callable[[str], None]):
    run_script(
        """
        def slowly(*arguments, open_session=predictor.open_session):
            time.sleep(0.3)
            return open_session(*arguments)

        predictor.open_session = slowly
        threading.Thread(target=MODEL.predict, args=(ROWS,)).start()
        time.sleep(0.1)
        pid = os.fork()
        if pid == 0:
            use(2)
            os._exit(0)
        found = wait(pid)
        assert found == 0, found
        """
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes_answer(run_script: Callable[[str], None], method: str):
    run_script(
        f"""
        if __name__ == "__main__":
            expected = MODEL.predict(ROWS)
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                found = pool.map_async(MODEL.predict, [ROWS] * 2).get({BOUND_S})
            assert all(np.array_equal(answer, expected) for answer in found)
        """
    )


def test_a_child_opens_its_own_session_and_keeps_the_inherited_one(flowers: Converted):
    two_threads = Predictor(flowers.content, flowers.manifest, session={"intra_op_num_threads": 2})
    inherited = two_threads.session()
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    child = context.Process(target=lambda: found.put(two_threads.session() is inherited), daemon=True)
    child.start()
    child.join(BOUND_S)
    assert child.exitcode == 0
    assert found.get() is False
    assert two_threads.session() is inherited


def test_a_pyfunc_wraps_the_predictor_it_is_given(flowers: Converted):
    model = QuantizedOnnxModel(flowers.predictor)
    assert model.get_raw_model().predict(flowers.features).shape == (len(flowers.features),)
