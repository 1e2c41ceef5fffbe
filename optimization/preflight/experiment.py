"""Where the artifacts of the experiment lie.

In: a tracking store that answers, and the experiment's name or identifier.
Out: a `Finding` whose value is the artifact location, None where nothing tells it yet.
Promise: no experiment is created; where it does not exist yet, the default experiment's location stands
for it, because both lie under the same root.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.version import VERSION

from optimization.errors import ServerError
from optimization.preflight.findings import Finding, Store, mask, reason
from optimization.preflight.stores import SERVERS, scheme_of, sqlite_path
from optimization.preflight.web import EXPERIMENT_PATH, ask_json

DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_FOLDER = "mlruns"
"""Where MLflow puts the artifacts of a sqlite store that it is about to create."""


@dataclass(frozen=True)
class Experiment:
    """What the checks need of MLflow's experiment."""

    experiment_id: str
    name: str
    location: str
    deleted: bool


def find_experiment(store: Store, *, name: str | None, experiment_id: str | None) -> Finding:
    """Return the artifact location of the experiment; the identifier wins over the name.

    Raises:
        ServerError: there is no experiment of that identifier, it is deleted, or the server refuses.
    """
    file = sqlite_path(store.uri) if scheme_of(store.uri).partition("+")[0] == "sqlite" else None
    missing = file is not None and not file.exists()
    if missing and experiment_id is None:
        return Finding(f"{name or 'Default'!r} will be made", DEFAULT_FOLDER)
    # MLflow's client would make the file, and this preflight makes nothing.
    experiment = None if missing else _get(store, name=name, experiment_id=experiment_id)
    if experiment is not None and experiment.deleted:
        raise ServerError(
            f"the experiment {experiment.name!r} ({experiment.experiment_id}) is deleted; restore it with"
            f" `mlflow experiments restore -x {experiment.experiment_id}` or choose another name"
        )
    if experiment is not None:
        return Finding(f"{experiment.name!r}, artifacts in {mask(experiment.location)}", experiment.location)
    if experiment_id is not None:
        raise ServerError(
            f"{mask(store.uri)} has no experiment {experiment_id}; correct MLFLOW_EXPERIMENT_ID or unset it"
        )
    return _stand_in(store, name)


def _stand_in(store: Store, name: str | None) -> Finding:
    default = _get(store, name=None, experiment_id=DEFAULT_EXPERIMENT_ID)
    if default is None:
        return Finding(f"{name!r} will be made, where its artifacts go is not known yet")
    return Finding(f"{name!r} will be made, artifacts beside {mask(default.location)}", default.location)


def _get(store: Store, *, name: str | None, experiment_id: str | None) -> Experiment | None:
    if name is None and experiment_id is None:
        experiment_id = DEFAULT_EXPERIMENT_ID
    ask = _ask_server if scheme_of(store.uri) in SERVERS else _ask_client
    return ask(store, name, experiment_id)


def _ask_server(store: Store, name: str | None, experiment_id: str | None) -> Experiment | None:
    """Ask over REST: MLflow's client would repeat a failing request for minutes."""
    path, parameters = EXPERIMENT_PATH, {"experiment_id": experiment_id or ""}
    if experiment_id is None:
        path, parameters = f"{EXPERIMENT_PATH}-by-name", {"experiment_name": name or ""}
    content = ask_json(store, path, parameters)
    if content.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        return None
    if "experiment" not in content:
        raise _unexpected(store, f"{content['error_code']}: {content.get('message', '')}")
    found = content["experiment"]
    return Experiment(
        found["experiment_id"],
        found["name"],
        found["artifact_location"],
        found.get("lifecycle_stage") == "deleted",
    )


def _ask_client(store: Store, name: str | None, experiment_id: str | None) -> Experiment | None:
    # A database store lets these two pass; it loads both modules itself.
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri=store.uri)
        if experiment_id is None:
            found = client.get_experiment_by_name(name or "")
        else:
            found = client.get_experiment(experiment_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise _unexpected(store, error) from error
    except SQLAlchemyError as error:
        raise _unexpected(store, error) from error
    except CommandError as error:
        raise ServerError(
            f"the tables of {mask(store.uri)} are of another MLflow than this {VERSION} ({reason(error)});"
            f" install the MLflow that made them, or correct {store.variable}"
        ) from error
    if found is None:
        return None
    return Experiment(
        found.experiment_id, found.name, found.artifact_location, found.lifecycle_stage == "deleted"
    )


def _unexpected(store: Store, error: BaseException | str) -> ServerError:
    return ServerError(
        f"{mask(store.uri)} does not tell its experiments ({reason(error)}); mend the server or correct"
        f" {store.variable}"
    )
