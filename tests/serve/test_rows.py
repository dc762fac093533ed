"""Rows that callers hand in, to a service with a bundle and no database; and what it refuses."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pgscore.bundle import Bundle, load

from .running import Running, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = Path(__file__).parents[1] / "bundle" / "churn.json"
_PATH = "/models/churn/score"
_TOKEN = "a token of the tests alone"  # noqa: S105


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(BUNDLE)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    document = json.loads(BUNDLE.read_text())
    return [each["inputs"] for each in document["golden"]]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    limits = ("--max-bytes", "200000", "--max-rows", "200", "--timeout", "1")
    with Running("--bundle", BUNDLE, *limits) as service:
        yield service.until_ready()


def test_what_it_says_is_what_the_bundle_says(running: Running, bundle: Bundle, rows: list[dict[str, Any]]) -> None:
    said = running.post(_PATH, {"rows": rows}).json()
    assert (said["model"], said["version"]) == ("churn", bundle.version)
    assert [each["score"] for each in said["rows"]] == [bundle.score(row) for row in rows]
    for each, row in zip(said["rows"], rows, strict=True):
        assert each["score"] is not None or each["reason"] == bundle.reason(row)
    predicted = running.post("/models/churn/predict", {"row": rows[0]}).json()
    assert predicted == {"model": "churn", "score": bundle.score(rows[0]), **(bundle.predict(rows[0]) or {})}
    explained = running.post("/models/churn/explain", {"row": rows[0]}).json()
    base, *others = bundle.explain(rows[0])
    assert explained["base"] == base.contribution
    assert explained["contributions"] == [each._asdict() for each in others]


def test_events_since_the_snapshot_are_reduced_first(
    running: Running, bundle: Bundle, rows: list[dict[str, Any]]
) -> None:
    (name,) = bundle.bindings
    events = [{"kind": "billing"}, {"kind": "coverage"}]
    counter = "number_customer_service_calls"
    after = {**rows[0], counter: rows[0][counter] + 2}
    said = running.post(_PATH, {"row": rows[0], "events": events, "binding": name}).json()
    assert said["score"] == bundle.score(after)
    several = running.post(_PATH, {"rows": [rows[0], rows[0]], "events": [[], events]}).json()
    assert [each["score"] for each in several["rows"]] == [bundle.score(rows[0]), bundle.score(after)]
    problem(running.post(_PATH, {"row": rows[0], "events": [1]}), 422, "wrong-body")
    problem(running.post(_PATH, {"row": rows[0], "events": events, "binding": "none"}), 409, "not-reduced")
    problem(running.post(_PATH, {"row": rows[0], "binding": name}), 422, "wrong-body")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b'{"row": {"state": NaN}}', 400, "NaN"),
        (b'{"row": {"state": "x", "state": "y"}}', 400, "twice"),
        (b'{"row": {"state": "\\ud800"}}', 400, "UTF-8"),
        (b'{"row": {"state": "\xff"}}', 400, "UTF-8"),
        (b"[" * 100_000, 400, "deeply"),
        (b'{"row":' * 20_000, 400, "deeply"),
        (b"[1]", 422, "object"),
        (b"{}", 422, "row"),
        (b'{"row": {}, "rows": []}', 422, "either"),
        (b'{"row": {}, "extra": 1}', 422, "extra"),
        (b'{"row": 1}', 422, "object"),
        (b'{"rows": []}', 422, "1 to 200"),
        (b'{"rows": [' + b"{}," * 300 + b"{}]}", 422, "1 to 200"),
        (b"1" * 200_001, 413, "200,000"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_bodies_that_are_none(running: Running, body: bytes, status: int, says: str) -> None:
    response = running.client.post(_PATH, content=body, headers={"content-type": "application/json"})
    assert says in problem(response, status)["detail"]


def test_rows_that_are_wrong(running: Running, rows: list[dict[str, Any]]) -> None:
    def refused(**wrong: object) -> dict[str, Any]:
        return problem(running.post(_PATH, {"rows": [rows[0], {**rows[0], **wrong}]}), 422, "wrong-row")

    said = refused(state=7, total_day_minutes="many")
    assert [each["pointer"] for each in said["errors"]] == ["/rows/1/state", "/rows/1/total_day_minutes"]
    assert 'input "state" is the number 7' in said["detail"]
    assert refused(total_day_minutes=[[[1]]])["errors"][0]["pointer"] == "/rows/1/total_day_minutes"
    assert refused(state="a\0b")["errors"][0]["pointer"] == "/rows/1/state"
    missing = {name: value for name, value in rows[0].items() if name != "state"}
    assert "/row/state" in str(problem(running.post(_PATH, {"row": missing}), 422, "wrong-row"))
    # What is said of a value is not longer than it need be.
    assert len(refused(total_day_minutes="x" * 50_000)["detail"]) < 600


def test_numbers_that_no_double_holds(running: Running, rows: list[dict[str, Any]]) -> None:
    for number in ("1e999", "9" * 5000, "-" + "9" * 400, "1e-999"):
        body = json.dumps({"row": {**rows[0], "total_day_minutes": 0}}).replace(
            '"total_day_minutes": 0', f'"total_day_minutes": {number}'
        )
        response = running.client.post(_PATH, content=body, headers={"content-type": "application/json"})
        assert response.status_code == 200, response.text
        assert ("reason" in response.json()) == (number != "1e-999")


def test_what_is_not_there(running: Running) -> None:
    problem(running.post("/models/nothing/score", {"row": {}}), 404, "unknown-model")
    problem(running.post("/models/..%2f..%2fetc/score", {"row": {}}), 404)
    problem(running.client.get("/models/churn/score/7"), 404, "no-database")
    problem(running.client.get("/nowhere"), 404)
    refused = running.client.delete(_PATH)
    assert refused.headers["allow"] == "POST"
    problem(refused, 405)
    kinds = {"content-type": "text/plain"}
    problem(running.client.post(_PATH, content=b"{}", headers=kinds), 415, "no-json")
    packed = {"content-type": "application/json", "content-encoding": "gzip"}
    problem(running.client.post(_PATH, content=b"{}", headers=packed), 415, "no-json")


def test_metrics_and_logs_hold_neither_rows_nor_keys(running: Running, rows: list[dict[str, Any]]) -> None:
    running.post(_PATH, {"row": {**rows[0], "state": "a secret of a caller"}})
    running.client.get("/models/churn/score/a%20secret%20key")
    running.client.get("/secret/path")
    text = running.client.get("/metrics").text
    assert 'pgscore_requests_total{model="churn",route="/models/{model}/score",status="200"}' in text
    assert 'pgscore_served_version{model="churn"}' in text
    running.wait("request", route="/metrics")
    assert "secret" not in text
    assert "secret" not in "".join(running.text)


def test_rows_that_are_refused_are_not_counted(running: Running, rows: list[dict[str, Any]]) -> None:
    def counted() -> str:
        lines = running.client.get("/metrics").text.splitlines()
        return next(line for line in lines if line.startswith('pgscore_rows_total{model="churn"}'))

    running.post(_PATH, {"row": rows[0]})
    before = counted()
    problem(running.post(_PATH, {"rows": [rows[0], {}]}), 422, "wrong-row")
    assert counted() == before


def test_a_body_that_does_not_come(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as slow:
        slow.sendall(b"POST /models/churn/score HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{")
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_what_is_no_request(running: Running) -> None:
    for sent in (
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ):
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as caller:
            caller.sendall(sent + b"\r\n\r\n")
            answer = caller.recv(4096)
            assert answer.startswith(b"HTTP/1.1 400 "), answer
            assert b"application/problem+json" in answer


def _begun(port: int, token: str = "") -> socket.socket:
    """A request whose body is not there yet."""
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = f"authorization: Bearer {token}\r\n" if token else ""
    made.sendall(f"POST {_PATH} HTTP/1.1\r\nhost: x\r\n{head}content-length: 4000\r\n\r\n".encode())
    return made


def _wait_until_busy(running: Running) -> None:
    """Returns when one more request is refused."""
    deadline = time.monotonic() + 30
    while running.client.get("/models").status_code != 429:
        assert time.monotonic() < deadline


def test_overload_and_a_stop_that_waits(rows: list[dict[str, Any]]) -> None:
    with Running("--bundle", BUNDLE, "--concurrency", "1") as service, _begun(service.until_ready().port) as busy:
        _wait_until_busy(service)
        assert service.client.get("/healthz").status_code == 200
        refused = service.post(_PATH, {"row": rows[0]})
        problem(refused, 429, "overload")
        assert refused.headers["retry-after"] == "1"
        service.send(signal.SIGTERM)
        service.wait("server", says="Shutting down")
        busy.sendall(json.dumps({"row": rows[0]}).encode().ljust(4000))
        answer = busy.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert service.process.wait(30) == 0


def test_tokens(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{_TOKEN}\n")
    with Running("--bundle", BUNDLE, "--token-file", file) as service:
        service.until_ready()

        def post(token: str | None) -> int:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            response = service.post(_PATH, {"row": rows[0]}, headers=headers)
            if response.status_code == 401:
                problem(response, 401, "no-token")
                assert response.headers["www-authenticate"] == "Bearer"
            return response.status_code

        nearly = (None, "x", _TOKEN[:-1], _TOKEN + "x", _TOKEN.upper())
        assert [post(each) for each in nearly] == [401] * len(nearly)
        assert post(_TOKEN) == 200
        for path in ("/models", "/metrics", "/openapi.json"):
            problem(service.client.get(path), 401, "no-token")
        assert service.client.get("/healthz").status_code == 200
        # Another token, without a restart; a file that holds none changes nothing.
        file.write_text("another token of the tests\n")
        service.send(signal.SIGHUP)
        service.wait("reload")
        assert (post(_TOKEN), post("another token of the tests")) == (401, 200)
        file.write_text("short\n")
        service.send(signal.SIGHUP)
        service.wait("reload", problem="a token has fewer than 16 characters, which is easily guessed")
        assert post("another token of the tests") == 200
        assert _TOKEN not in "".join(service.text)
        assert service.end() == 0
