"""A user in a folder who types the project's commands.

In: a copy of the project, the user's folder, an environment.
Out: `User`, and what the runs left in a store.
Promise: the copy is the one under test, whatever is edited meanwhile; commands are real processes.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tests.e2e.processes import Result, clean_env, run

ROOT = Path(__file__).parents[2]
SHIPPED = ("MLproject", "conda.yaml", "requirements.lock", "entrypoints", "flavor", "optimization")
QUICK = {"n_iterations": "30", "batch_sizes": "1,8", "footprint": "false"}
"""Parameters of a benchmark that measures for a second."""
TAG = "v1"
DATABASE = "mlflow.db"
"""Where MLflow keeps its runs in the folder it is started in."""


@dataclass(frozen=True)
class User:
    """Somebody who stands in `folder` and types commands."""

    folder: Path
    env: Mapping[str, str]
    project: Path

    def mlflow_run(
        self,
        entry_point: str = "",
        *options: str,
        project: str = "",
        env_manager: str = "local",
        timeout_s: float = 300.0,
        **parameters: str,
    ) -> Result:
        """Type `mlflow run PROJECT -e ENTRY_POINT -P …`."""
        words = ["mlflow", "run", project or str(self.project), "--env-manager", env_manager, *options]
        words += ["-e", entry_point] if entry_point else []
        words += [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
        return run(words, env=self.env, cwd=self.folder, timeout_s=timeout_s)

    def script(self, entry_point: str, *, timeout_s: float = 300.0, **parameters: str) -> Result:
        """Type `python -m entrypoints.ENTRY_POINT --…`; the project is found through PYTHONPATH.

        MLflow's own command takes eight seconds before the entry point begins: it is for tests about it.
        """
        options = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
        words = [sys.executable, "-m", f"entrypoints.{entry_point}", *options]
        return run(words, env=self.env, cwd=self.folder, timeout_s=timeout_s)

    def python(self, code: str) -> Result:
        """Run a few lines of Python in the folder, without the project."""
        env = {name: value for name, value in self.env.items() if name != "PYTHONPATH"}
        return run([sys.executable, "-c", code], env=env, cwd=self.folder)

    def with_env(self, **extra: str) -> User:
        """Return the same user with more variables set."""
        return replace(self, env={**self.env, **extra})

    @property
    def tracking_uri(self) -> str:
        """Where this user's runs are kept: a named server, or the database in the folder."""
        return self.env.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.folder / DATABASE}"

    def client(self) -> MlflowClient:
        """Return a client of this user's store.

        Opened where the user stands: a store that is new keeps its artifacts where it was opened first.
        """
        with contextlib.chdir(self.folder):
            return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def runs(self, experiment: str | None = None) -> list[Run]:
        """Return the runs of an experiment, or of all, the oldest first."""
        client = self.client()
        kept = {item.name: item.experiment_id for item in client.search_experiments()}
        chosen = list(kept.values()) if experiment is None else [kept[experiment]]
        return list(client.search_runs(chosen, order_by=["attributes.start_time ASC"]))

    def artifacts(self, item: Run) -> set[str]:
        """Return the names of the run's artifacts."""
        return {entry.path for entry in self.client().list_artifacts(item.info.run_id)}


def user(folder: Path, *, home: Path, project: Path, **env: str) -> User:
    """Return a user of `project` who stands in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = clean_env(home, PYTHONPATH=str(project), COLUMNS="100", **env)
    # Without byte-code each of some fifty processes would compile several hundred modules anew.
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    return User(folder, settings, project)


def settle_in(newcomer: User, store: Path) -> None:
    """Copy the database of the folder `store` to the user's, with artifacts in the user's folder."""
    shutil.copy(store / DATABASE, newcomer.folder)
    places = (str(store), str(newcomer.folder))
    with contextlib.closing(sqlite3.connect(newcomer.folder / DATABASE)) as database:
        database.execute(
            "update experiments set artifact_location = replace(artifact_location, ?, ?)", places
        )
        database.commit()


def copy_project(folder: Path, home: Path) -> Path:
    """Copy what a clone holds for its runs to `folder` and commit it there under the tag `TAG`."""
    folder.mkdir(parents=True)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".gitignore").write_text("__pycache__/\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "project"), ("tag", TAG)):
        git(folder, home, *words)
    return folder


def git(folder: Path, home: Path, *words: str) -> str:
    """Run git in `folder` and return what it printed."""
    name = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return run(["git", *name, *words], env=clean_env(home), cwd=folder, timeout_s=60).ok().stdout.strip()


def last_line(result: Result, start: str) -> str:
    """Return the rest of the last line of the standard output that begins with `start`."""
    found = [line for line in result.stdout.splitlines() if line.startswith(start)]
    assert found, f"no line starts with {start!r} in\n{result}"
    return found[-1].removeprefix(start).strip()


def by_name(runs: list[Run]) -> dict[str, Run]:
    """Return the newest run of each name."""
    return {str(item.info.run_name): item for item in runs}


def assert_one_sentence(result: Result, *, exit_code: int, says: tuple[str, ...]) -> None:
    """The program failed with `exit_code` and a sentence that holds all of `says`, without a traceback."""
    assert result.exit_code == exit_code, result
    assert "Traceback" not in result.stderr + result.stdout, result
    spoken = [line for line in result.stderr.splitlines() if says[0] in line]
    assert len(spoken) == 1, result
    assert all(part in spoken[0] for part in says), result
