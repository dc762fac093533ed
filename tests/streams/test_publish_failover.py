"""`pgscore stream publish` after a standby has taken over: nothing is passed over, or it says that it cannot know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore.stream.snapshots import Snapshot

from tests.streams.processes import values
from tests.support.command import run, run_json
from tests.support.database import wait_until
from tests.support.standby import standby_of

from .test_publish import _INSERT, _TABLE, _arguments, _fill

if TYPE_CHECKING:
    from examples.server.broker import PrivateBroker
    from examples.server.cluster import PrivateCluster
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database, Session


@pytest.fixture
def shop(empty: Database) -> Session:
    session = empty.session()
    session.run(_TABLE)
    return session


def test_a_standby_that_has_all_goes_on(
    empty: Database, shop: Session, cluster: PrivateCluster, broker: PrivateBroker, topic: MakeTopic
) -> None:
    events = topic("events", 2)
    arguments = [*_arguments(broker, events), "--once"]
    _fill(shop, 5)
    run(empty.dsn(), *arguments)
    with standby_of(cluster, str(cluster.programs.folder)) as standby:
        _fill(shop, 5)
        run(empty.dsn(), *arguments)
        # What was published is here; what comes next is not.
        wait_until(
            shop, "select bool_and(replay_lsn >= pg_current_wal_flush_lsn()) from pg_stat_replication", expected=True
        )
        standby.promote()
        other = empty.dsn().replace(f":{cluster.port}/", f":{standby.port}/")
        assert run_json(other, *arguments)["messages"] == 0
        _insert(other)
        assert run_json(other, *arguments)["messages"] == 1
    found = values(broker.servers, events)
    assert len(found) == 11
    assert sorted(each["id"] for each in found if each["kind"] != "after it took over") == list(range(1, 11))


def test_a_standby_without_what_was_published_is_refused(
    empty: Database, shop: Session, cluster: PrivateCluster, broker: PrivateBroker, topic: MakeTopic
) -> None:
    events = topic("events", 2)
    arguments = [*_arguments(broker, events), "--once"]
    _fill(shop, 5)
    run(empty.dsn(), *arguments)
    with standby_of(cluster, str(cluster.programs.folder), follows=False) as standby:
        _fill(shop, 1)
        run(empty.dsn(), *arguments)
        standby.promote()
        other = empty.dsn().replace(f":{cluster.port}/", f":{standby.port}/")
        _insert(other)
        assert "is behind what was published of it" in run(other, *arguments, expect=1).stderr
        # As it says.
        assert run_json(other, *arguments, "--name", "anew", "--from-now")["messages"] == 0
        _insert(other)
        assert run_json(other, *arguments, "--name", "anew")["messages"] == 1


def test_another_database_is_refused(
    empty: Database, installed: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic
) -> None:
    arguments = [*_arguments(broker, topic()), "--once"]
    run(empty.dsn(), *arguments)
    installed.session().run(_TABLE)
    assert "came from another database" in run(installed.dsn(), *arguments, expect=1).stderr


def test_a_snapshot_up_to_a_transaction() -> None:
    snapshot = Snapshot.read("10:20:12,15")
    assert str(snapshot) == "10:20:12,15"
    assert str(snapshot.up_to(25)) == "10:20:12,15"
    assert str(snapshot.up_to(13)) == "10:14:12"
    assert str(snapshot.up_to(5)) == "6:6:"
    with pytest.raises(ValueError, match="no snapshot"):
        Snapshot.read("10:20")


def _insert(dsn: str) -> None:
    import psycopg2

    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(_INSERT, (9, "after it took over"))
    connection.close()
