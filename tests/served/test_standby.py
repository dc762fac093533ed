"""A standby is followed: no standby listens, so it is looked at; and one that takes over is told as any primary."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.bindings import shop
from tests.serve.running import Running
from tests.support.database import ANALYST, Database, Session
from tests.support.standby import Standby, standby_of

from .test_following import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

_ROW = {"Age": 3, "n": 2, "billed": 1, "Total": 3.5}
_PATIENCE = 30.0


@pytest.fixture
def session(shopping: Database) -> Session:
    session = shopping.session()
    shop.attach(session)
    session.run(f'grant usage on schema "Shop" to {ANALYST}; grant select on {shop.PROFILE} to {ANALYST}')
    session.run(f'insert into {shop.PROFILE} (id, "Age") values (1, 4)')
    shop.publish_another(shopping.dsn())
    return session


@pytest.fixture
def standby(cluster: PrivateCluster, session: Session) -> Iterator[Standby]:
    programs = session.value("select setting from pg_config where name = 'BINDIR'")
    with standby_of(cluster, programs) as found:
        yield found


def _wait_for_version(service: Running, version: int) -> float:
    """The seconds until it answers."""
    started = time.monotonic()
    while (said := service.post("/models/shop/score", {"row": _ROW}).json())["version"] != version:
        assert time.monotonic() - started < _PATIENCE, said
    return time.monotonic() - started


def _agrees(service: Running, session: Session) -> None:
    said = service.post("/models/shop/score", {"row": _ROW}).json()["score"]
    assert said == pytest.approx(session.value("select pgscore.score('shop', %s::jsonb)", json.dumps(_ROW)), abs=1e-15)


def test_a_service_that_reads_a_standby(
    shopping: Database, cluster: PrivateCluster, standby: Standby, session: Session
) -> None:
    own = shopping.dsn(ANALYST).replace(f":{cluster.port}/", f":{standby.port}/")
    heard = Heard()
    with heard.follow(own, ["shop"], interval=0.1) as follower, Running("--model", "shop", dsn=own) as service:
        follower.start()
        service.until_ready()
        assert service.client.get("/models/shop/score/1").json()["version"] == 1
        session.run("select pgscore.promote('shop', 2)")
        # The replay, and a look every two seconds, on a busy machine.
        assert _wait_for_version(service, 2) < 10
        _agrees(service, session)
        profile = service.client.get("/models/shop/score/1").json()
        stored = session.value(f"select pgscore.score('shop', p) from {shop.PROFILE} p where id = 1")
        assert profile["score"] == pytest.approx(stored, abs=1e-15)
        standby.promote()
        promoted = Session(shopping.dsn().replace(f":{cluster.port}/", f":{standby.port}/"))
        try:
            assert not promoted.value("select pg_is_in_recovery()")
            promoted.run("select pgscore.rollback('shop')")
            _wait_for_version(service, 1)
            _agrees(service, promoted)
            assert service.client.get("/models/shop/score/1").json()["version"] == 1
            # The former primary has another one, which is not answered with.
            assert session.value("select serving from pgscore.model where name = 'shop'") == 2
            # From now on it is told, on the connection that it has: only the first of these may be found by looking.
            heard.wait_for_version(1)
            follower._interval = 600.0
            for version in (2, 1, 2):
                promoted.run("select pgscore.promote('shop', %s)", version)
                heard.wait_for_version(version)
            assert not heard.lost
        finally:
            promoted.close()
        assert not [line for line in service.lines if line["event"] in ("database", "fault")]
