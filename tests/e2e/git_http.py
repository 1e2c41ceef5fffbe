"""A Git repository over smart HTTP, read-only: `git http-backend` behind the standard library's server.

In: a repository, bare or with a working tree.
Out: a context manager that yields a URL that `git clone` and `mlflow run` take.
Promise: loopback only; pushes are refused; the server ends with the block.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.processes import HOST

BACKEND_TIMEOUT_S = 60.0


@contextlib.contextmanager
def git_http(repository: Path, *, name: str = "project.git") -> Iterator[str]:
    """Serve `repository` at the yielded URL, http://127.0.0.1:<port>/<name>."""
    git_folder = repository / ".git" if (repository / ".git").exists() else repository
    handler = functools.partial(_Handler, git_folder=git_folder.resolve(), name=name)
    server = http.server.ThreadingHTTPServer((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever, name="git-http", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/{name}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Passes a request to `git http-backend`, a CGI program (RFC 3875)."""

    def __init__(self, *arguments: object, git_folder: Path, name: str) -> None:
        self._git_folder, self._prefix = git_folder, f"/{name}/"
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: pytest shows only what a failure needs."""

    def _serve(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if not url.path.startswith(self._prefix) or ".." in url.path:
            self.send_error(404, "no such repository")
        elif "git-receive-pack" in self.path:
            self.send_error(403, "read-only")
        else:
            self._answer(self._backend(url.path.removeprefix(self._prefix), url.query))

    def _backend(self, path: str, query: str) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        return subprocess.run(
            # The repository may belong to another user than the one who runs the tests.
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=self.rfile.read(length),
            env=self._cgi_variables(path, query),
            capture_output=True,
            check=True,
            timeout=BACKEND_TIMEOUT_S,
        ).stdout

    def _cgi_variables(self, path: str, query: str) -> dict[str, str]:
        header = self.headers.get
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_TRANSLATED": f"{self._git_folder}/{path}",
            "PATH_INFO": f"/{path}",
            "REQUEST_METHOD": self.command,
            "QUERY_STRING": query,
            "CONTENT_TYPE": header("Content-Type", ""),
            "CONTENT_LENGTH": header("Content-Length", ""),
            "HTTP_CONTENT_ENCODING": header("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": header("Git-Protocol", ""),
            "GIT_PROTOCOL": header("Git-Protocol", ""),
            "REMOTE_ADDR": HOST,
        }

    def _answer(self, output: bytes) -> None:
        head, _, body = output.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")]
        status = next((value for key, value in fields if key == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for key, value in fields:
            if key != "Status":
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
