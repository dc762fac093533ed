"""A database that is there and does not answer: locks, and backends that stand still."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.bindings import shop
from tests.support.database import ANALYST, Database, Session, wait_until

from .running import Running, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = {"Age": 3, "n": 2, "billed": 1, "Total": 3.5}
_PATH = "/models/shop/score"
_BACKENDS = "from pg_stat_activity where application_name = 'pgscore' and datname = current_database()"


@pytest.fixture
def session(shopping: Database) -> Session:
    session = shopping.session()
    shop.attach(session)
    session.run(f'grant usage on schema "Shop" to {ANALYST}; grant select on {shop.PROFILE} to {ANALYST}')
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    return session


@pytest.fixture
def seconds() -> int:
    """How long a query may take."""
    return 1


@pytest.fixture
def service(shopping: Database, session: Session, seconds: int) -> Iterator[Running]:
    del session  # what it has made is served
    limits = ("--connections", "1", "--queue", "1", "--timeout", str(seconds))
    with Running("--model", "shop", *limits, dsn=shopping.dsn(ANALYST)) as running:
        running.until_ready()
        assert running.client.get(f"{_PATH}/1").status_code == 200
        yield running


@contextmanager
def _asking(service: Running) -> Iterator[list[httpx.Response]]:
    """Asks for a profile meanwhile; what was answered, when the block is left."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(service.client.get(f"{_PATH}/1")))
    thread.start()
    try:
        yield answers
    finally:
        thread.join()


@contextmanager
def _standing_still(session: Session) -> Iterator[None]:
    stopped = [pid for (pid,) in session.run(f"select pid {_BACKENDS}")]
    assert len(stopped) == 2
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [5])
def test_a_profile_table_that_is_locked(shopping: Database, service: Running, session: Session) -> None:
    observer = shopping.session()
    session.run("begin")
    session.run(f"lock table {shop.PROFILE} in access exclusive mode")
    waits = f"select count(*) {_BACKENDS} and wait_event_type = 'Lock'"
    with _asking(service) as first:
        wait_until(observer, waits, 1)
        # One waits for a lock, one for the connection, and no more.
        with _asking(service) as second, _asking(service) as third, _asking(service) as fourth:
            assert service.post(_PATH, {"row": _ROW}).status_code == 200
            assert service.client.get("/readyz").json() == {"status": "ready", "database": "up"}
    assert [each.status_code for each in first] == [503]
    queued, *refused = sorted([*second, *third, *fourth], key=lambda each: each.status_code != 503)
    for answer in (first[0], queued):
        problem(answer, 503, "database-away")
        assert answer.headers["retry-after"] == "5"
    for answer in refused:
        problem(answer, 429, "overload")
        assert answer.headers["retry-after"] == "1"
    # Nobody waits for what nobody waits for.
    wait_until(observer, waits, 0)
    session.run("rollback")
    assert service.client.get(f"{_PATH}/1").status_code == 200


def test_backends_that_stand_still(service: Running, session: Session) -> None:
    with _standing_still(session):
        started = time.monotonic()
        answer = service.client.get(f"{_PATH}/1")
        assert "within 1 s" in problem(answer, 503, "database-away")["detail"]
        assert time.monotonic() - started < 10
        assert service.post(_PATH, {"row": _ROW}).status_code == 200
        # It is asked anew by another connection; so is which version answers.
        while service.client.get(f"{_PATH}/1").status_code != 200:
            assert time.monotonic() - started < 30
        service.wait("database")
        while service.client.get("/readyz").json()["database"] != "up":
            assert time.monotonic() - started < 30
        assert "pgscore_database_up 1.0" in service.client.get("/metrics").text


def test_an_end_while_backends_stand_still(service: Running, session: Session) -> None:
    with _standing_still(session), socket.create_connection(("127.0.0.1", service.port), timeout=30) as asking:
        asking.sendall(f"GET {_PATH}/1 HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        # What is sent later, on another connection, is answered when that was read.
        with httpx.Client(base_url=service.address) as other:
            assert other.get("/healthz").status_code == 200
        service.send(signal.SIGTERM)
        assert service.process.wait(30) == 0
        answer = b"".join(iter(lambda: asking.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"did not answer within 1 s" in answer
