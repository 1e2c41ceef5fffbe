"""The server that forks child runs."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from entrypoints.forkserver import ADDRESS, hand_over, serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux only")


def note(entry_point: str, argv: list[str]) -> int:
    """Write what the child sees to the file argv[0], and leave with argv[1]."""
    seen = [entry_point, str(Path.cwd()), os.environ.get("SEEN", ""), os.environ.get(ADDRESS, "none")]
    Path(argv[0]).write_text("\n".join([*seen, str(os.getpid())]))
    print("from the child")
    if argv[1] == "raise":
        raise RuntimeError("broken")
    return int(argv[1])


def test_without_a_server_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    assert hand_over("convert", []) is None
    monkeypatch.setenv(ADDRESS, str(tmp_path / "gone"))
    assert hand_over("convert", []) is None


def test_a_child_has_its_own_arguments_environment_folder_streams_and_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(note, lambda: None):
        monkeypatch.setenv("SEEN", "later than the server")
        monkeypatch.chdir(tmp_path)
        assert hand_over("convert", [str(tmp_path / "seen"), "7"]) == 7
        assert hand_over("quantize", [str(tmp_path / "again"), "0"]) == 0
    entry_point, folder, seen, address, pid = (tmp_path / "seen").read_text().split("\n")
    assert (entry_point, folder, seen) == ("convert", str(tmp_path), "later than the server")
    assert address == "none"
    assert int(pid) != os.getpid()
    assert capfd.readouterr().out == "from the child\n" * 2


def test_a_childs_crash_is_shown_and_is_not_success(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(note, lambda: None):
        assert hand_over("convert", [str(tmp_path / "seen"), "raise"]) == 1
    assert "RuntimeError: broken" in capfd.readouterr().err


def test_the_server_and_its_socket_are_gone_afterwards(tmp_path: Path) -> None:
    with serve(note, lambda: None):
        address = os.environ[ADDRESS]
        assert Path(address).exists()
        assert oct(Path(address).parent.stat().st_mode)[-3:] == "700"
    assert ADDRESS not in os.environ
    assert not Path(address).parent.exists()
    with contextlib.suppress(ChildProcessError):  # raised where there is no child at all
        assert os.waitpid(-1, os.WNOHANG) == (0, 0), "the server was left behind as a zombie"


def test_the_imports_of_the_server_are_there_before_the_first_child(tmp_path: Path) -> None:
    marker = tmp_path / "prepared"

    def run(entry_point: str, argv: list[str]) -> int:
        return 0 if marker.exists() else 3

    with serve(run, marker.touch):
        assert hand_over("convert", []) == 0


def test_a_child_leaves_the_parents_temporary_files_alone_and_none_of_its_own(tmp_path: Path) -> None:
    removed = tmp_path / "removed"
    atexit.register(removed.touch)

    def run(entry_point: str, argv: list[str]) -> int:
        (tmp_path / "where").write_text(tempfile.mkdtemp())
        return 0

    with serve(run, lambda: None):
        assert hand_over("convert", []) == 0
    atexit.unregister(removed.touch)
    assert not removed.exists()
    assert not Path((tmp_path / "where").read_text()).exists()


@pytest.mark.parametrize("length", [120])
def test_a_temporary_folder_with_too_long_a_path_means_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    folder = tmp_path / ("x" * length)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with serve(note, lambda: None):
        assert hand_over("convert", []) is None
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("module", ["benchmark", "convert", "quantize"])
def test_an_entry_point_is_light_until_it_has_handed_itself_over(module: str) -> None:
    code = f"import sys, entrypoints.{module}; print('mlflow' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
