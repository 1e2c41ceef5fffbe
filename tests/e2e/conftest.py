"""Fixtures of the end-to-end tests: servers that live for the whole session.

In: nothing.
Out: `s3`, `mlflow_proxied`, `mlflow_direct`, `database`, `home`; the `project` as Git has it, and a
`newcomer` to it, whose folder is empty, and a `user`, whose folder has a database; a `chain` that ran once.
Promise: a server that cannot run here skips its tests with the reason; all stop when the session ends.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from mlflow import MlflowClient

from tests.e2e import servers
from tests.e2e.project import DATABASE, QUICK, User, copy_project, settle_in
from tests.e2e.project import user as make_user

T = TypeVar("T")
PROXIED_BUCKET, DIRECT_BUCKET = "proxied-artifacts", "direct-artifacts"


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3]:
    """S3 and STS, with one bucket for each of the two MLflow servers."""
    with _started(lambda: servers.moto_s3(tmp_path_factory.mktemp("moto"))) as store:
        store.make_bucket(PROXIED_BUCKET)
        store.make_bucket(DIRECT_BUCKET)
        yield store


@pytest.fixture(scope="session")
def mlflow_proxied(s3: servers.S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Mlflow]:
    """An MLflow server that holds the credentials and passes artifacts on to S3."""
    folder = tmp_path_factory.mktemp("mlflow-proxied")
    destination = f"s3://{PROXIED_BUCKET}/mlflow"
    with servers.mlflow_server(folder, artifacts_destination=destination, env=s3.keys) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_direct(s3: servers.S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Mlflow]:
    """An MLflow server whose clients write to S3 themselves; it has no credentials."""
    folder = tmp_path_factory.mktemp("mlflow-direct")
    with servers.mlflow_server(folder, default_artifact_root=f"s3://{DIRECT_BUCKET}/mlflow") as server:
        yield server


@pytest.fixture(scope="session")
def make_database() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL: makes an empty database of a name and returns its SQLAlchemy URI."""
    with _started(servers.postgres) as make:
        yield make


@pytest.fixture
def database(make_database: Callable[[str], str]) -> str:
    """The SQLAlchemy URI of an empty PostgreSQL database."""
    return make_database(f"db{uuid.uuid4().hex}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def warm_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder that keeps its caches, such as matplotlib's, from one command to the next."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, warm_home: Path) -> Path:
    """A repository of the project as it is now, in a folder with a space in its name."""
    return copy_project(tmp_path_factory.mktemp("clone") / "model optimization", warm_home)


@pytest.fixture
def newcomer(tmp_path: Path, warm_home: Path, project: Path) -> User:
    """Somebody in an empty folder with a space in its name."""
    return make_user(tmp_path / "my work", home=warm_home, project=project)


@pytest.fixture
def user(newcomer: User, new_store: Path) -> User:
    """The same after MLflow has made its database there, which takes seconds each time."""
    settle_in(newcomer, new_store)
    return newcomer


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where MLflow has made a database that holds no runs."""
    folder = tmp_path_factory.mktemp("new store")
    with contextlib.chdir(folder):
        uri = f"sqlite:///{folder / DATABASE}"
        assert MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models() == []
    return folder


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory, project: Path) -> tuple[User, servers.Result]:
    """A user whose first command was `mlflow run … -e benchmark`, with an empty home; and what it printed."""
    folder = tmp_path_factory.mktemp("chain")
    first = make_user(folder / "my work", home=folder / "empty home", project=project)
    return first, first.mlflow_run("benchmark", **{**QUICK, "footprint": "true"})


@contextlib.contextmanager
def _started(start: Callable[[], contextlib.AbstractContextManager[T]]) -> Iterator[T]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except servers.Unavailable as reason:
            pytest.skip(str(reason))
        yield server
