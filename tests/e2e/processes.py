"""Programs that tests start: to the end, or as servers in the background.

In: a command, its whole environment, its working directory.
Out: a frozen `Result`, or a block in which the server runs.
Promise: nothing outlives the call or the block, neither the program nor its children; what went wrong
is in the message.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
START_TIMEOUT_S = 90.0
"""An MLflow server migrates its database first; on two busy cores this takes up to half a minute."""
STOP_TIMEOUT_S = 10.0
POLL_S = 0.1
LOG_TAIL = 4000
"""Characters of a log or an output that a failure shows."""

CALLER_PREFIXES = ("AWS_", "MLFLOW_", "_MLFLOW_", "BOTO_", "PG", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Variables of whoever runs the tests that would change what servers and clients do."""


class Unavailable(RuntimeError):
    """The server's program is not installed here; tests skip with this reason."""


@dataclass(frozen=True)
class Result:
    """What a program did; `str()` of it is the message of a failed assertion."""

    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{' '.join(self.command)}\nexit code {self.exit_code} after {self.seconds:.1f} s"
            f"\n--- stdout\n{self.stdout[-LOG_TAIL:]}\n--- stderr\n{self.stderr[-LOG_TAIL:]}"
        )

    def ok(self) -> Result:
        """Return self, after asserting that the program succeeded."""
        assert self.exit_code == 0, str(self)
        return self


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, timeout_s: float = 300.0
) -> Result:
    """Run `command` with exactly `env` and return what it did; past `timeout_s` it and its children end."""
    words = tuple(str(word) for word in command)
    start = time.monotonic()
    process = subprocess.Popen(
        words,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        stdout, stderr = process.communicate()
        stderr += f"\n(ended by the test after {timeout_s} s)"
    finally:
        _signal_group(process, signal.SIGKILL)
    return Result(words, process.returncode, stdout, stderr, time.monotonic() - start)


def clean_env(home: Path, **extra: str) -> dict[str, str]:
    """Return an environment without the caller's AWS and MLflow settings, at home in `home`.

    The interpreter's folder comes first on PATH, so `mlflow` and `python` are those that run the tests.
    Outside EC2 botocore would wait for the instance's metadata service, so it is switched off.
    """
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(CALLER_PREFIXES)}
    return kept | {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "NO_PROXY": ",".join([HOST, "localhost"]),
        "no_proxy": ",".join([HOST, "localhost"]),
        "AWS_EC2_METADATA_DISABLED": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **extra,
    }


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool],
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """Run a server until the block ends; enter the block when `ready()` says so; `stop` asks it to end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=dict(env),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield
    finally:
        _stop(process, stop)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    why = None
    while why is None:
        if process.poll() is not None:
            why = f"ended with exit code {process.returncode}"
        elif ready():
            return
        elif time.monotonic() > deadline:
            why = "did not answer in time"
        time.sleep(POLL_S)
    raise RuntimeError(f"{process.args!r} {why}; its log ends with:\n{tail(log)}")


def _stop(process: subprocess.Popen[bytes], ask: signal.Signals) -> None:
    """End the server and the workers it started: they share its process group."""
    _signal_group(process, ask)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    _signal_group(process, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def _signal_group(process: subprocess.Popen[bytes] | subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text(errors="replace")[-LOG_TAIL:] if log.exists() else "(no log)"


def answers(url: str) -> bool:
    """Return whether an HTTP server answers at `url`, with whatever status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
