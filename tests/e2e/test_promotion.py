"""Gates, promotion, refusal and rollback against a real `mlflow server`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from optimization.errors import GateError
from tests.e2e import servers
from tests.e2e.project import QUICK, User, by_name, copy_project, last_line
from tests.e2e.project import user as make_user

NAME = "random_forest-iris-onnx"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, warm_home: Path) -> Iterator[User]:
    folder = tmp_path_factory.mktemp("promotion")
    project = copy_project(folder / "clone", warm_home)
    with servers.mlflow_server(folder / "server") as server:
        made = make_user(folder, home=warm_home, project=project)
        yield made.with_env(MLFLOW_TRACKING_URI=server.uri)


def aliases(user: User) -> dict[str, str]:
    found = user.client().get_registered_model(NAME).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_who_is_better_serves_and_a_rollback_takes_it_back(user: User) -> None:
    first = user.script("benchmark", quantization_type="none", **QUICK).ok()
    assert last_line(first, "promotion") == "champion: the first one"
    assert aliases(user) == {"champion": "1"}

    second = user.script("benchmark", **QUICK).ok()
    assert last_line(second, "promotion").endswith("version 1 is now previous")
    assert aliases(user) == {"champion": "2", "previous": "1"}

    third = user.script("benchmark", quantization_type="none", **QUICK).ok()
    assert last_line(third, "promotion").startswith("challenger: ")
    assert last_line(third, "promotion").endswith("version 2 stays champion")
    assert f"models:/{NAME}@challenger" in last_line(third, "load")
    assert aliases(user) == {"champion": "2", "previous": "1", "challenger": "3"}

    for roll_back, now, before in ((user.mlflow_run, "1", "2"), (user.script, "2", "1")):
        done = roll_back("rollback", registered_model_name=NAME).ok()
        assert (
            f"rollback: {NAME} version {now} is champion again, version {before} is previous" in done.stdout
        )
        assert aliases(user) == {"champion": now, "previous": before, "challenger": "3"}


def test_a_limit_that_is_not_kept_registers_nothing_and_shows_the_figures(user: User) -> None:
    before = [version.version for version in user.client().search_model_versions(f"name='{NAME}'")]
    result = user.script("benchmark", max_size_kb="1", min_speedup="0.001", **QUICK)
    assert result.exit_code == GateError.exit_code
    assert "benchmark: nothing was registered: max_size_kb: expected ≤ 1 KB, found " in result.stderr
    assert "min_speedup" not in result.stderr
    after = [version.version for version in user.client().search_model_versions(f"name='{NAME}'")]
    assert after == before
    run = by_name(user.runs())["benchmark"]
    assert run.info.status == "FAILED"
    assert run.data.tags["failure_kind"] == "GateError"
    assert run.data.metrics["quantized_size_kb"] > 1
    assert "benchmark.json" in user.artifacts(run)


def test_a_rollback_of_what_is_not_there_is_one_sentence(user: User) -> None:
    for name, words in (("", "give both"), ("nobody", "expected a model with the alias 'champion'")):
        result = user.script("rollback", registered_model_name=name)
        assert result.exit_code != 0
        assert words in result.stderr
        assert "Traceback" not in result.stderr.split("rollback: ")[1].split("\n")[0]
