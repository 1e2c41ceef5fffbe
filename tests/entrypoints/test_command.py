"""How entry points end."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace

import pytest
from mlflow.exceptions import MlflowException

from entrypoints.command import CHILD, run_entry_point
from optimization.errors import DataError, GateError


def failing(error: BaseException) -> object:
    def main(values: Namespace) -> None:
        raise error

    return main


def test_success_is_status_zero() -> None:
    seen = []
    assert run_entry_point("convert", seen.append, ["--target=y"]) == 0
    assert seen[0].target == "y"


def test_a_users_error_is_one_sentence_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_entry_point("convert", failing(DataError("no rows; give some")), []) == DataError.exit_code
    assert capsys.readouterr().err == "convert: no rows; give some\n"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    run_entry_point("convert", failing(DataError("no rows")), ["--debug=true"])
    assert "Traceback" in capsys.readouterr().err


def test_a_child_leaves_the_printing_to_its_parent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHILD, "1")
    assert run_entry_point("quantize", failing(GateError("worse")), []) == GateError.exit_code
    assert capsys.readouterr().err == ""


def test_an_error_of_the_server_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_entry_point("convert", failing(MlflowException("no\nsuch thing")), []) == 8
    assert capsys.readouterr().err == "convert: MLflow refused or failed: no such thing\n"


def test_a_missing_package_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    error = ModuleNotFoundError("No module named 'skl2onnx.x'", name="skl2onnx.x")
    assert run_entry_point("convert", failing(error), []) == 9
    assert capsys.readouterr().err.startswith(
        "convert: the package skl2onnx.x is missing in this environment"
    )


def test_a_missing_module_of_our_own_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        run_entry_point("convert", failing(ModuleNotFoundError(name="optimization.nonsense")), [])


def test_leaving_keeps_the_status_the_output_and_the_exit_functions() -> None:
    code = (
        "import atexit; from entrypoints.command import leave;"
        "atexit.register(print, 'exit function'); print('output', end=' '); leave(7)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "output exit function\n")


def test_our_own_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_entry_point("convert", failing(ZeroDivisionError()), [])


def test_ctrl_c_has_the_shells_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_entry_point("convert", failing(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "convert: interrupted\n"


def test_a_wrong_option_ends_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_entry_point("convert", failing(AssertionError("must not run")), ["--nonsense=1"]) == 2
    assert "unrecognized arguments" in capsys.readouterr().err
