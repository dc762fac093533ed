"""The service with a database: profiles, promotions under load, a database that goes away, rights."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from pgscore.serve.pool import Pool
from pgscore.serve.problems import Problem

from tests.bindings import shop
from tests.support.database import ANALYST, Database, Session

from .running import Running, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = {"Age": 3, "n": 2, "billed": 1, "Total": 3.5}
_PATH = "/models/shop/score"


@pytest.fixture
def session(shopping: Database) -> Session:
    """A session of the superuser; the service's login may read the registry and the profiles, and nothing else."""
    session = shopping.session()
    # A type that is shown in other digits than it has.
    session.run(f'alter table {shop.PROFILE} alter "Age" type real')
    shop.attach(session)
    session.run(f'grant usage on schema "Shop" to {ANALYST}; grant select on {shop.PROFILE} to {ANALYST}')
    session.run(f'insert into {shop.PROFILE} (id, "Age") select n, n * 1.1 from generate_series(1, 3) n')
    session.run(
        f"""insert into {shop.EVENTS} (id, "Customer Id", "Kind", rush, amount, weight, at)
            select n, 1 + n % 3, case when n % 2 = 0 then 'billing' end, n % 3 = 0, n * 1.1, n, n
            from generate_series(1, 20) n"""
    )
    return session


@pytest.fixture
def service(shopping: Database, session: Session) -> Iterator[Running]:
    with Running("--model", "shop", "--connections", "2", dsn=shopping.dsn(ANALYST)) as running:
        yield running.until_ready()


def _score(session: Session, row: dict[str, Any]) -> float:
    return float(session.value("select pgscore.score('shop', %s::jsonb)", json.dumps(row)))


def test_profiles_and_rows_are_scored_as_in_the_database(service: Running, session: Session) -> None:
    assert service.post(_PATH, {"row": _ROW}).json()["score"] == pytest.approx(_score(session, _ROW), abs=1e-15)
    for key in (1, 2, 3):
        stored = session.value(f'select "Score" from {shop.PROFILE} where id = %s', key)
        said = service.client.get(f"{_PATH}/{key}").json()
        assert said.pop("score") == pytest.approx(stored, abs=1e-15)
        assert said == {"model": "shop", "version": 1, "profile": shop.PROFILE}
    for none in ("4", "x", "1.0", "", "1/2", "99999999999999999999", "1%00", "%ff", "..%2f1"):
        problem(service.client.get(f"{_PATH}/{none}"), 404, "no-profile")
    # A caller's copy, and an event of its own: what the database makes of it.
    copy: dict[str, Any] = service.client.get("/models/shop/profile/1").json()
    assert copy["profile"]["id"] == 1
    assert set(copy["profile"]) == {"id", "Age", *(str(each["column"]) for each in shop.REDUCERS)}
    event = {"Kind": "billing", "rush": True, "amount": 2.5}
    said = service.post(_PATH, {"row": copy["profile"], "events": [event], "binding": copy["binding"]}).json()
    session.run(
        f"""insert into {shop.EVENTS} (id, "Customer Id", "Kind", rush, amount) values (99, 1, 'billing', true, 2.5)"""
    )
    stored = session.value(f'select "Score" from {shop.PROFILE} where id = 1')
    assert said["score"] == pytest.approx(stored, abs=1e-15)
    explained = service.post("/models/shop/explain", {"row": _ROW}).json()
    expected = session.run("select input, contribution from pgscore.explain('shop', %s::jsonb)", json.dumps(_ROW))
    found = [(None, explained["base"]), *((each["input"], each["contribution"]) for each in explained["contributions"])]
    assert dict(found) == pytest.approx(dict(expected))
    described = service.client.get("/models/shop").json()
    assert [each["name"] for each in described["inputs"]] == shop.INPUTS
    # Rights that go are said, and what needs none goes on.
    session.run(f"revoke select on {shop.PROFILE} from {ANALYST}")
    problem(service.client.get(f"{_PATH}/1"), 500, "denied")
    assert service.post(_PATH, {"row": _ROW}).status_code == 200


def test_a_promotion_under_load_mixes_nothing(shopping: Database, service: Running, session: Session) -> None:
    another = shop.publish_another(shopping.dsn())
    scores = {1: _score(session, _ROW)}
    session.run("select pgscore.promote('shop', %s)", another)
    scores[another] = _score(session, _ROW)
    failed: list[Any] = []
    seen: list[int] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            answer = service.post(_PATH, {"rows": [_ROW, _ROW]})
            said = answer.json()
            version = said.get("version")
            if answer.status_code != 200 or any(abs(each["score"] - scores[version]) > 1e-12 for each in said["rows"]):
                failed.append(said)
            seen.append(version)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for each in threads:
        each.start()
    try:
        for version in (1, another, 1, another):
            session.run("select pgscore.promote('shop', %s)", version)
            deadline = time.monotonic() + 30
            while seen[-1:] != [version]:
                assert time.monotonic() < deadline
    finally:
        done.set()
        for each in threads:
            each.join()
    assert failed == []
    assert set(seen) == {1, another}
    # Its description says so too.
    assert f"shop {another}" in service.client.get("/openapi.json").json()["info"]["description"]


def test_rows_are_scored_while_the_database_is_away(shopping: Database, service: Running, session: Session) -> None:
    name = shopping.name
    assert service.client.get(f"{_PATH}/1").status_code == 200
    session.run(f"alter database {name} connection limit 0")
    session.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'pgscore' and datname = current_database()"
    )
    service.wait("database")
    away = service.client.get(f"{_PATH}/1")
    problem(away, 503, "database-away")
    assert away.headers["retry-after"] == "5"
    assert service.post(_PATH, {"row": _ROW}).json()["score"] == pytest.approx(_score(session, _ROW))
    assert service.client.get("/readyz").json() == {"status": "ready", "database": "away"}
    assert "pgscore_database_up 0.0" in service.client.get("/metrics").text
    session.run(f"alter database {name} connection limit -1")
    deadline = time.monotonic() + 30
    while service.client.get(f"{_PATH}/1").status_code != 200:
        assert time.monotonic() < deadline


@pytest.mark.long
def test_a_version_that_is_no_program_is_scored_by_the_database(opaque: Database) -> None:
    session = opaque.session()
    session.run(f"grant select on churn.customer_profile to {ANALYST}")
    with Running(dsn=opaque.dsn(ANALYST)) as service:
        service.until_ready()
        row = session.value("select to_jsonb(c) from churn.customer_profile c where customer_id = 1")
        score = session.value("select pgscore.score('churn', %s::jsonb)", json.dumps(row))
        said = service.post("/models/churn/predict", {"row": row}).json()
        assert (said["version"], said["score"]) == (3, pytest.approx(score))
        assert said["label"] in ("no", "yes")
        several = service.post("/models/churn/score", {"rows": [row, {**row, "total_day_minutes": None}]}).json()
        assert [each["score"] for each in several["rows"]] == [pytest.approx(score), None]
        assert service.client.get("/models/churn/score/1").json()["score"] == pytest.approx(score)
        problem(service.post("/models/churn/score", {"row": {}}), 422, "refused")
        problem(service.post("/models/churn/score", {"row": row, "events": [{}]}), 409, "no-program")


def test_a_query_that_takes_too_long_is_not_asked_twice(shopping: Database) -> None:
    pool = Pool(shopping.dsn(ANALYST), connections=1, queue=1, seconds=1)

    async def asked() -> tuple[int, int]:
        ((before,),) = await pool.rows("select pg_backend_pid()", ())
        with pytest.raises(Problem, match="did not answer within 1 s"):
            await pool.rows("select pg_sleep(60)", ())
        ((after,),) = await pool.rows("select pg_backend_pid()", ())
        return before, after

    # The connection that was there is a good one, and nothing was asked on another.
    before, after = asyncio.run(asked())
    assert before == after
    pool.close()
