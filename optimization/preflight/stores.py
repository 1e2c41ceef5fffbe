"""The tracking server and the registry: do they answer?

In: a `Store`: http(s), a database (sqlite, postgresql, mysql, mssql), a folder, or a plugin's scheme.
Out: a `Finding`.
Promise: nothing is created, nothing is written that stays; a network is waited for at most `timeout_s`.
"""

from __future__ import annotations

import importlib.metadata
import os
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE

from optimization.errors import ServerError
from optimization.preflight.findings import Finding, Store, mask, reason
from optimization.preflight.web import check_server

SERVERS = ("http", "https")
FOLDERS = ("", "file")
DATABASE_TIMEOUTS = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mssql": "timeout"}
"""Dialect → the argument of its usual driver that bounds the wait for a connection, in seconds."""
MANAGED = ("databricks", "databricks-uc", "uc")
"""Schemes that MLflow resolves itself and that have no address of their own to ask."""
PACKAGES = {
    "psycopg": "'psycopg[binary]', or name an installed driver, as in postgresql+psycopg2://",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient, or name an installed driver, as in mysql+pymysql://",
}
"""Module of a driver → what pip calls it; SQLAlchemy 2.1 takes psycopg for postgresql://, before psycopg2."""


def check_store(store: Store) -> Finding:
    """Return what answers at `store.uri`.

    Raises:
        ServerError: it does not answer, cannot be opened, or its scheme is not known.
    """
    scheme = scheme_of(store.uri)
    dialect = scheme.partition("+")[0]
    if scheme in SERVERS:
        return check_server(store)
    if dialect == "sqlite":
        return _check_sqlite(store)
    if dialect in DATABASE_TIMEOUTS:
        return _check_database(store, DATABASE_TIMEOUTS[dialect])
    if store.uri in MANAGED or scheme in MANAGED or scheme in _plugin_schemes():
        return Finding(f"{mask(store.uri)} is asked by MLflow itself, unchecked here")
    if scheme in FOLDERS:
        return _check_file_store(store)
    raise ServerError(
        f"{store.variable} is {mask(store.uri)!r}, whose scheme {scheme!r} MLflow does not know; expected"
        " http://host:port, https://…, sqlite:///file.db, postgresql://… or a folder"
    )


def scheme_of(uri: str) -> str:
    """Return the scheme of `uri` in lower case; a Windows drive letter is none."""
    scheme = urlsplit(uri).scheme.lower()
    return "" if len(scheme) == 1 else scheme


def local_path(uri: str) -> Path:
    """Return the path that `uri`, a file URI or a plain path, names."""
    return Path(url2pathname(urlsplit(uri).path) if scheme_of(uri) == "file" else uri)


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a sqlite URI, or None for a database in memory."""
    name = unquote(urlsplit(uri).path)[1:]
    return Path(name) if name and name != ":memory:" else None


def check_folder(folder: Path, *, why: str) -> Finding:
    """Return that files can be written in `folder`, or in the nearest folder above it that exists.

    Raises:
        ServerError: they cannot; `why` says who wants the folder.
    """
    folder = folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"preflight")
    except OSError as error:
        raise ServerError(
            f"expected to write in the folder {folder} ({why}), found that {existing} does not allow it"
            f" ({error.strerror}); choose another folder or change its permissions"
        ) from error
    return Finding(f"{folder} can be written" + ("" if existing == folder else " once it is made"))


def _check_file_store(store: Store) -> Finding:
    if not MLFLOW_ALLOW_FILE_STORE.get():
        raise ServerError(
            f"{store.variable} is the folder {store.uri or 'mlruns'!r}, which MLflow 3 no longer takes as a"
            " store; use sqlite:///mlflow.db (`mlflow migrate-filestore` moves the runs) or set"
            " MLFLOW_ALLOW_FILE_STORE=true"
        )
    return check_folder(local_path(store.uri), why=f"{store.variable} names it")


def _check_sqlite(store: Store) -> Finding:
    path = sqlite_path(store.uri)
    if path is None:
        return Finding("sqlite in memory")
    if not path.exists():
        if not path.absolute().parent.is_dir():
            raise ServerError(
                f"{store.variable} is {store.uri}, but the folder {path.absolute().parent} does not exist;"
                " make it, or name another file"
            )
        check_folder(path.parent, why=f"{store.variable} is {store.uri}")
        return Finding(f"{path.absolute()} will be made")
    if not os.access(path, os.W_OK):
        raise ServerError(
            f"expected to write to {path.absolute()} ({store.variable}), found that this user may not; change"
            " its permissions or name another file"
        )
    _open_sqlite(path, store)
    return Finding(f"{path.absolute()} can be written")


def _open_sqlite(path: Path, store: Store) -> None:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=store.timeout_s)
    try:
        connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        raise ServerError(
            f"{path.absolute()} ({store.variable}) cannot be read as a sqlite database ({reason(error)});"
            " name another file"
        ) from error
    finally:
        connection.close()


def _check_database(store: Store, timeout_argument: str) -> Finding:
    """Connect once: MLflow itself would try for minutes before it says that nobody answers."""
    import sqlalchemy  # 0.4 s that an HTTP server never needs

    patience = {timeout_argument: max(1, round(store.timeout_s))}
    try:
        engine = sqlalchemy.create_engine(store.uri, connect_args=patience, poolclass=sqlalchemy.NullPool)
        engine.connect().close()
    except ModuleNotFoundError as error:
        package = PACKAGES.get(error.name or "", error.name)
        raise ServerError(
            f"the database {mask(store.uri)} needs the Python module {error.name}, which is not installed;"
            f" pip install {package}"
        ) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise ServerError(
            f"the database {mask(store.uri)} cannot be opened ({reason(cause)}); start it, or correct"
            f" {store.variable}"
        ) from error
    return Finding(f"{mask(store.uri)} can be opened")


def _plugin_schemes() -> set[str]:
    groups = ("mlflow.tracking_store", "mlflow.model_registry_store")
    return {entry.name for group in groups for entry in importlib.metadata.entry_points(group=group)}
