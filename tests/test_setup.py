"""The set-up: what make would do on a new machine, on a used one, and in a folder with a space.

In: the Makefile and the lists, copied to a folder whose name holds a space; make itself, which only
prints its commands here. Out: the commands.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mlflow.utils.environment import _PythonEnv

from tests.conftest import TOGETHER
from tools.lock import ROOT, conda_pins

CREATE = "-m venv --clear .venv"
INSTALL_TESTS = "-r requirements-dev.lock"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder that was never set up."""
    folder = tmp_path / "with space"
    folder.mkdir()
    for name in [
        "Makefile",
        "conda.yaml",
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-peers.lock",
    ]:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def ready(folder: Path) -> Path:
    """The same, as a finished set-up leaves it."""
    (folder / ".venv").mkdir()
    (folder / ".venv/.place").write_text(f"{folder.resolve()}\n", encoding="utf-8")
    for stamp in [".run", ".test"]:
        (folder / ".venv" / stamp).touch()
    return folder


def _make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A make above this one must not hand down its flags or variables.
    inherited = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "P", "ARGS", "PYTHON", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def _planned(folder: Path, *words: str) -> str:
    result = _make(folder, "--dry-run", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(("target", "tools"), [("benchmark", False), ("test", True), ("check", True)])
def test_first_use_sets_everything_up(folder: Path, target: str, tools: bool) -> None:
    planned = _planned(folder, target)
    assert CREATE in planned
    assert (INSTALL_TESTS in planned) == tools


@pytest.mark.parametrize("target", ["benchmark", "test", "check"])
def test_second_use_installs_nothing(ready: Path, target: str) -> None:
    planned = _planned(ready, target)
    assert CREATE not in planned
    assert INSTALL_TESTS not in planned


def test_a_changed_lock_sets_up_anew(ready: Path) -> None:
    later = (ready / ".venv/.run").stat().st_mtime + 10
    os.utime(ready / "requirements.lock", (later, later))
    assert CREATE in _planned(ready, "benchmark")


def test_changed_test_tools_leave_the_run_alone(ready: Path) -> None:
    later = (ready / ".venv/.run").stat().st_mtime + 10
    os.utime(ready / "requirements-dev.lock", (later, later))
    assert CREATE not in _planned(ready, "test")
    assert INSTALL_TESTS in _planned(ready, "test")


def test_peers_get_an_environment_of_their_own(ready: Path) -> None:
    planned = _planned(ready, "bench-peers")
    assert CREATE not in planned and INSTALL_TESTS not in planned
    installs = [line for line in planned.splitlines() if " pip install " in line or " pip sync " in line]
    assert installs and all("--python .venv-peers/bin/python" in line for line in installs)
    assert not any("peers" in _planned(ready, target) for target in ("benchmark", "test", "check", "bench"))


def test_a_moved_folder_is_set_up_anew(ready: Path) -> None:
    moved = ready.rename(ready.with_name("moved there"))
    assert CREATE in _planned(moved, "benchmark")


def test_parameters_reach_mlflow(ready: Path) -> None:
    planned = _planned(ready, "benchmark", "P=reference_model=svc n_iterations=10", "ARGS=-P target='a b'")
    words = "--env-manager local -P reference_model=svc -P n_iterations=10 -P target='a b'"
    assert planned.strip().endswith(f"mlflow run . -e benchmark {words}")


def test_a_missing_python_is_one_sentence(folder: Path) -> None:
    result = _make(folder, "benchmark", "PYTHON=no-such-python")
    assert result.returncode != 0
    assert "expected no-such-python, found none; install python3.11" in result.stderr


def test_commands_may_write_byte_code_and_find_the_environment_first(ready: Path) -> None:
    with (ready / "Makefile").open("a", encoding="utf-8") as makefile:
        makefile.write("\nshow:\n\t@env\n")
    result = subprocess.run(
        ["make", "--no-print-directory", "show"],
        cwd=ready,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert "PYTHONDONTWRITEBYTECODE" not in shown
    assert shown["PATH"].split(":")[0] == str(ready.resolve() / ".venv/bin")
    assert (shown["MLFLOW_HTTP_REQUEST_MAX_RETRIES"], shown["MLFLOW_HTTP_REQUEST_TIMEOUT"]) == ("3", "7")


def test_make_alone_lists_the_targets(folder: Path) -> None:
    listed = _make(folder).stdout
    assert {
        f"make {name}" for name in ("benchmark", "test", "check", "bench-peers", "lock", "ui", "clean")
    } <= {line.split("\t")[0] for line in listed.splitlines()}


def test_mlflow_understands_each_line_of_conda_yaml() -> None:
    environment = _PythonEnv.get_dependencies_from_conda_yaml(ROOT / "conda.yaml")
    assert environment == {"python": "3.11", "build_dependencies": ["pip"], "dependencies": conda_pins()}
    assert [pin for pin in conda_pins() if pin.count("==") != 1] == []


def test_files_that_one_process_gets_together_are_there() -> None:
    assert all((ROOT / name).is_file() for files in TOGETHER.items() for name in files)
