"""Start child runs without importing everything again.

In: the address of a server, in the environment; an entry point's name and command line.
Out: the exit status of that entry point, run in a fork of a process that has its imports done.
Promise: the child sees its own arguments, environment, working directory and standard streams, as if
it had been started afresh. Where there is no fork, or no server, the entry point simply starts.

`benchmark` starts `convert` and `quantize` as MLflow project runs. Each would spend two seconds on
importing MLflow and scikit-learn anew, which is more than its work takes. So `benchmark` forks a server
once its own imports are done; `python -m entrypoints.convert` then hands itself over to it.
"""

from __future__ import annotations

import array
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ADDRESS = "MODEL_OPTIMIZATION_FORKSERVER"
"""Variable with the path of the server's socket."""
STREAMS = (0, 1, 2)
MAX_REQUEST = 1 << 20
"""Bytes of a request: arguments and environment; Linux bounds both far below."""
POLL_S = 1.0
"""How often the server looks whether the process that started it is still there."""

Run = Callable[[str, list[str]], int]


def hand_over(entry_point: str, argv: list[str]) -> int | None:
    """Let the server of the environment run `entry_point`; return its exit status.

    Returns None where there is no server that answers: the caller then does the work itself.
    """
    address = os.environ.get(ADDRESS, "")
    if not address:
        return None
    environment = {name: value for name, value in os.environ.items() if name != ADDRESS}
    request = {"entry_point": entry_point, "argv": argv, "env": environment, "cwd": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(address)
        except OSError:
            return None
        streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))]
        client.sendmsg([json.dumps(request).encode()], streams)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(1)
    return answer[0] if answer else 1


@contextmanager
def serve(run: Run, prepare: Callable[[], None]) -> Iterator[None]:
    """Fork a server that runs entry points by `run(entry_point, argv)` until the block ends.

    The server calls `prepare` first: imports that go on while the caller talks to MLflow.
    """
    if sys.platform != "linux":
        yield
        return
    folder = tempfile.mkdtemp(prefix="forkserver-")
    address = str(Path(folder) / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:  # a path beyond the 107 bytes of sockaddr_un
            shutil.rmtree(folder)
            yield
            return
        listener.listen()
        pid = os.fork()
        if pid == 0:
            _exit_with(lambda: _serve(listener, run, prepare))
    os.environ[ADDRESS] = address
    try:
        yield
    finally:
        os.environ.pop(ADDRESS, None)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        shutil.rmtree(folder, ignore_errors=True)


def _serve(listener: socket.socket, run: Run, prepare: Callable[[], None]) -> int:
    """Answer requests one after another until the parent is gone."""
    parent = os.getppid()
    prepare()
    listener.settimeout(POLL_S)
    while os.getppid() == parent:
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(None)
                _answer(connection, run)
    return 0


def _answer(connection: socket.socket, run: Run) -> None:
    """Read one request, run it in a fork, send its exit status."""
    content, ancillary, _, _ = connection.recvmsg(MAX_REQUEST, socket.CMSG_LEN(len(STREAMS) * 4))
    while part := connection.recv(MAX_REQUEST):
        content += part
    streams = array.array("i")
    for _, _, data in ancillary:
        streams.frombytes(data)
    request = json.loads(content)
    with tempfile.TemporaryDirectory() as temporary:
        pid = os.fork()
        if pid == 0:
            _exit_with(lambda: _run(request, list(streams), run, temporary))
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(pid, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))


def _run(request: dict[str, object], streams: list[int], run: Run, temporary: str) -> int:
    """Become the child that asked, and run the entry point; `temporary` is its folder for temporary files."""
    for stream, target in zip(streams, STREAMS, strict=True):
        os.dup2(stream, target)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    os.environ["TMPDIR"] = tempfile.tempdir = temporary
    os.chdir(str(request["cwd"]))
    return run(str(request["entry_point"]), list(request["argv"]))  # type: ignore[call-overload]


def _exit_with(work: Callable[[], int]) -> None:
    """Run `work` and leave the process: with a traceback where it fails, without exit functions.

    Those are the parent's: run here, they would remove the parent's temporary files.
    """
    status = 1
    try:
        status = work()
    except KeyboardInterrupt:
        pass  # Ctrl-C reaches the whole process group; who forked this process says so
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(status)
