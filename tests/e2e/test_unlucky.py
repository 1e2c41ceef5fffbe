"""The unlucky user: servers that are down, gates that fail, a power cut, two commands at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from entrypoints.command import INTERRUPTED
from optimization.errors import GateError, ServerError
from tests.e2e.processes import HOST, free_port, run
from tests.e2e.project import QUICK, User, assert_one_sentence, by_name, last_line

NAME = "random_forest-iris-onnx"
PATIENCE_S = 120.0
ENDLESS = {"n_iterations": "1000000", "batch_sizes": "1"}
"""Parameters of a benchmark that measures for more than an hour."""
BOUND_S = 60.0
"""Within this a server that does not answer is reported; MLflow's own retries add up to hours."""


@contextlib.contextmanager
def _started(user: User, **parameters: str) -> Iterator[subprocess.Popen[bytes]]:
    """Type the script and go on; the output is in `output.txt` of the user's folder."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
    # A shell starts what runs in its background with Ctrl-C ignored; a user's terminal does not.
    words = ("env", "--default-signal=INT", "python", "-m", "entrypoints.benchmark", *options)
    with (user.folder / "output.txt").open("wb") as sink:
        process = subprocess.Popen(
            words, env=dict(user.env), cwd=user.folder, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Pull the plug: no process of the group may clean up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def _wait_for(found: Callable[[], bool], process: subprocess.Popen[bytes], user: User) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        output = (user.folder / "output.txt").read_text()
        assert process.poll() is None and time.monotonic() < deadline, output
        time.sleep(0.02)


def _statuses(user: User) -> dict[str, str]:
    """Return the newest status by the run's name, read past MLflow: its client would lock the database."""
    with contextlib.closing(sqlite3.connect(user.folder / "mlflow.db")) as database:
        try:
            return dict(database.execute("select name, status from runs order by start_time").fetchall())
        except sqlite3.OperationalError:  # no tables yet
            return {}


def test_a_server_that_is_down_is_reported_soon(newcomer: User) -> None:
    address = f"http://{HOST}:{free_port()}"
    result = newcomer.with_env(MLFLOW_TRACKING_URI=address).script("benchmark", timeout_s=BOUND_S, **QUICK)
    assert_one_sentence(result, exit_code=ServerError.exit_code, says=(address, "MLFLOW_TRACKING_URI"))
    assert list(newcomer.folder.iterdir()) == []


def test_a_model_that_fails_its_gate_is_not_registered(user: User) -> None:
    """A small network on digits, forced to 8 bits, changes labels; none may change by default."""
    wanted = {"reference_model": "mlp", "dataset": "digits", "quantization_type": "dynamic"}
    result = user.script("benchmark", **wanted, **QUICK)
    assert_one_sentence(
        result,
        exit_code=GateError.exit_code,
        says=("benchmark: quantize failed: dynamic", "labels differ", "max_label_mismatch_rate"),
    )
    runs = by_name(user.runs())
    assert {name: item.info.status for name, item in runs.items()} == {
        "benchmark": "FAILED",
        "convert": "FINISHED",
        "quantize": "FAILED",
    }
    for name in ("benchmark", "quantize"):
        assert "labels differ" in runs[name].data.tags["failure"]
        assert runs[name].data.tags["failure_kind"] == GateError.__name__
    assert "model_quantized.onnx" not in user.artifacts(runs["benchmark"])
    assert "original_latency_ms" not in runs["benchmark"].data.metrics
    assert user.client().search_registered_models() == []


def test_after_a_power_cut_and_ctrl_c_only_finished_children_are_reused(user: User) -> None:
    with _started(user, **QUICK) as process:
        _wait_for(lambda: _statuses(user).get("convert") == "RUNNING", process, user)
        _kill(process)
    cut = by_name(user.runs())["convert"]
    assert cut.info.status == "RUNNING"

    output = _interrupted_while_measuring(user)
    assert f"convert: reusing run {cut.info.run_id}" not in output
    children = by_name([item for item in user.runs() if item.info.status == "FINISHED"])
    assert set(children) == {"convert", "quantize"}
    assert by_name(user.runs())["benchmark"].info.status in ("FAILED", "KILLED")
    assert user.client().search_registered_models() == []

    result = user.script("benchmark", **QUICK).ok()
    for name, child in children.items():
        assert f"{name}: reusing run {child.info.run_id}" in result.stdout, result
    assert last_line(result, "registered") == f"{NAME} version 1"


def _interrupted_while_measuring(user: User) -> str:
    """Type Ctrl-C once it measures; return what it printed, which ends with one sentence.

    As a script: under `mlflow run`, MLflow may end it before it can say anything.
    """
    with _started(user, **ENDLESS) as process:
        # The first line with a share comes once measuring is under way; before, threadpoolctl looks through
        # the loaded libraries in a ctypes callback, which swallows a KeyboardInterrupt.
        _wait_for(lambda: "measuring: " in (user.folder / "output.txt").read_text(), process, user)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_S)
    output = (user.folder / "output.txt").read_text()
    assert process.returncode == INTERRUPTED, output
    assert "Traceback" not in output
    assert output.splitlines()[-1] == "benchmark: interrupted"
    return output


def test_two_at_once_in_one_folder_make_two_versions(user: User) -> None:
    """Once there is a database: MLflow 3.17 itself fails where two make the same sqlite file at once."""
    with _started(user, **QUICK) as first:
        _wait_for(lambda: bool(_statuses(user)), first, user)
        second = user.script("benchmark", **QUICK)
        first.wait(PATIENCE_S)
    output = (user.folder / "output.txt").read_text()
    assert first.returncode == 0, output
    second.ok()
    versions = {str(item.version): item.run_id for item in user.client().search_model_versions()}
    assert set(versions) == {"1", "2"}
    parents = [item.info.run_id for item in user.runs() if item.info.run_name == "benchmark"]
    assert set(versions.values()) == set(parents)


@pytest.mark.parametrize("variable", ["MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI"])
def test_a_setting_that_names_nothing_is_named(newcomer: User, variable: str) -> None:
    result = newcomer.with_env(**{variable: "sqlite:///no/such/folder/x.db"}).script("convert")
    assert_one_sentence(result, exit_code=ServerError.exit_code, says=(variable, "no/such/folder"))


def test_a_folder_that_cannot_be_written(newcomer: User) -> None:
    """Root may write everywhere, so the test gives that right up where it has it."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    newcomer.folder.chmod(0o555)
    try:
        words = [*drop, "python", "-m", "entrypoints.convert"]
        result = run(words, env=newcomer.env, cwd=newcomer.folder)
    finally:
        newcomer.folder.chmod(0o755)
    assert_one_sentence(
        result, exit_code=ServerError.exit_code, says=(str(newcomer.folder), "Permission denied")
    )
