"""HTTP servers that answer, refuse, or are something else."""

import base64
import socket
import threading

import pytest

from optimization.errors import ServerError
from optimization.preflight.findings import Store
from optimization.preflight.web import EXPERIMENT_PATH, ask, ask_json, check_server
from tests.preflight.conftest import StartServer

HEALTHY = {"/health": (200, "text/plain", "OK"), "/version": (200, "text/plain", "3.17.2")}
JSON = "application/json"


def _store(uri: str, timeout_s: float = 5.0) -> Store:
    return Store(uri, "MLFLOW_TRACKING_URI", timeout_s)


def test_an_mlflow_server_is_named_with_its_version(start_server: StartServer) -> None:
    uri = start_server(HEALTHY)
    assert check_server(_store(uri)).detail == f"{uri} answers (MLflow 3.17.2)"


def test_an_old_server_without_version_is_no_failure(start_server: StartServer) -> None:
    uri = start_server({"/health": HEALTHY["/health"]})
    assert check_server(_store(uri)).detail == f"{uri} answers"


def test_a_server_under_a_path_is_asked_under_that_path(start_server: StartServer) -> None:
    uri = start_server({"/tracking/health": HEALTHY["/health"]}) + "/tracking/"
    assert "answers" in check_server(_store(uri)).detail


def test_a_closed_port_says_connection_refused_and_names_the_variable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        uri = f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"
    expected = (
        r"^the MLflow server at http://\*\*\*@127.* does not answer \(connection refused\);"
        " start it, or set MLFLOW_TRACKING_URI"
    )
    with pytest.raises(ServerError, match=expected) as error:
        check_server(_store(uri))
    assert "secret" not in str(error.value)


def test_a_server_that_accepts_and_says_nothing_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[socket.socket] = []
        thread = threading.Thread(target=lambda: connections.append(listener.accept()[0]))
        thread.start()
        with pytest.raises(ServerError, match=r"does not answer \(no answer in time\)"):
            check_server(_store(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.2))
        thread.join()
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()
        connections[0].close()


def test_an_unknown_host_is_said_to_be_unknown() -> None:
    with pytest.raises(ServerError, match="the host name"):
        check_server(_store("http://no-such-host.invalid:5000"))


@pytest.mark.parametrize("uri", ["http://", "http://[bad"])
def test_an_address_that_is_none_is_a_sentence(uri: str) -> None:
    with pytest.raises(ServerError, match=r"expected http://host:port|does not answer"):
        check_server(_store(uri))


def test_another_kind_of_server_is_said_to_be_something_else(start_server: StartServer) -> None:
    with pytest.raises(
        ServerError, match=r"expected an MLflow server .*found something else \(status 404, text/html\)"
    ):
        check_server(_store(start_server({})))


def test_a_login_page_in_place_of_an_answer_is_something_else(start_server: StartServer) -> None:
    page = (200, "text/html", "<html>sign in</html>")
    with pytest.raises(ServerError, match=r"something else \(status 200, text/html\)"):
        check_server(_store(start_server({"/health": page, EXPERIMENT_PATH: page})))


def test_json_of_another_service_is_something_else(start_server: StartServer) -> None:
    uri = start_server({"/health": HEALTHY["/health"], EXPERIMENT_PATH: (200, JSON, '{"status": "up"}')})
    with pytest.raises(ServerError, match="found something else"):
        ask_json(_store(uri), EXPERIMENT_PATH, {})


def test_a_gateway_that_hides_health_is_no_failure(start_server: StartServer) -> None:
    uri = start_server({EXPERIMENT_PATH: (404, JSON, '{"error_code": "RESOURCE_DOES_NOT_EXIST"}')})
    assert "answers" in check_server(_store(uri)).detail


@pytest.mark.parametrize(
    ("status", "words"), [(401, "asks for credentials"), (403, "refuses these credentials")]
)
def test_a_refusal_names_the_variables(start_server: StartServer, status: int, words: str) -> None:
    uri = start_server({"/health": (status, "text/plain", "no")})
    with pytest.raises(ServerError, match=rf"{words} \(status {status}\); set MLFLOW_TRACKING_USERNAME"):
        check_server(_store(uri))


def test_a_refused_host_name_points_to_allowed_hosts(start_server: StartServer) -> None:
    uri = start_server(
        {"/health": (403, "text/plain", "Invalid Host header - possible DNS rebinding attack")}
    )
    with pytest.raises(ServerError, match="--allowed-hosts"):
        check_server(_store(uri))


def test_credentials_of_the_environment_are_sent(
    monkeypatch: pytest.MonkeyPatch, start_server: StartServer
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "word")
    response = ask(_store(start_server(HEALTHY)), "GET", "/health")
    expected = "Basic " + base64.b64encode(b"ann:word").decode()
    assert response.request.headers["Authorization"] == expected


def test_a_failing_server_is_asked_once_and_its_words_are_kept(start_server: StartServer) -> None:
    uri = start_server({"/x": (500, "text/plain", "out of order")})
    response = ask(_store(uri), "GET", "/x")
    assert (response.status_code, response.text) == (500, "out of order")
