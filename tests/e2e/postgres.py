"""A fresh PostgreSQL from Debian's programs.

In: nothing.
Out: a context manager that yields a maker of empty databases.
Promise: loopback only; server and files are gone when the block ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.e2e.processes import HOST, Unavailable, clean_env, free_port, run, serving

OWNER = "mlflow"
PASSWORD = "secret-of-the-test"
"""Part of the URI so that tests can look for it in messages; the server asks for none."""


@contextlib.contextmanager
def postgres() -> Iterator[Callable[[str], str]]:
    """Run a PostgreSQL and yield what makes a database of a name and returns its URI.

    It refuses to run as root, so root hands it to another user; such a user cannot enter pytest's private
    folders, so the cluster lies directly under the temporary folder.
    """
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        port, env, change_user = free_port(), clean_env(home / "home", LC_ALL="C"), _hand_over(home)
        options = [
            "-D",
            str(home / "data"),
            "-U",
            OWNER,
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        run([*change_user, str(programs / "initdb"), *options], env=env, cwd=home).ok()
        listen = ["-h", HOST, "-p", str(port), "-k", str(home), "-c", "fsync=off"]
        with serving(
            [*change_user, str(programs / "postgres"), "-D", str(home / "data"), *listen],
            env=env,
            log=home / "postgres.log",
            ready=lambda: _is_ready(programs, port, env, home),
            # SIGTERM would wait for the clients to leave.
            stop=signal.SIGINT,
        ):

            def make(name: str) -> str:
                words = ["-h", HOST, "-p", str(port), "-U", OWNER, name]
                run([str(programs / "createdb"), *words], env=env, cwd=home).ok()
                return f"postgresql://{OWNER}:{PASSWORD}@{HOST}:{port}/{name}"

            yield make


def _is_ready(programs: Path, port: int, env: dict[str, str], home: Path) -> bool:
    command = [str(programs / "pg_isready"), "-h", HOST, "-p", str(port), "-q"]
    return run(command, env=env, cwd=home, timeout_s=10).exit_code == 0


def _programs() -> Path:
    """Return the folder of initdb and postgres; Debian keeps them off PATH, by version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise Unavailable("PostgreSQL is not installed; apt-get install postgresql")
    return Path(on_path).resolve().parent


def _hand_over(home: Path) -> list[str]:
    """Return the words before a command that make it run as the owner of `home`: none unless we are root."""
    if os.geteuid() != 0:
        return []
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
