"""PgBouncer in transaction mode: the transactions of six clients share two connections, each a little at a time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.database import APPLICATION, OPERATOR, Session
from tests.support.pooler import pooler

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database

_INSERT = "insert into churn.complaints (customer_id, kind) values (%s, 'x')"
_CONNECTIONS = 2
_CLIENTS = 6


def _work(session: Session, number: int) -> None:
    chance = random.Random(number)  # noqa: S311
    for _ in range(20):
        if chance.random() < 0.3:
            session.run(_INSERT, chance.randint(1, 8))
            continue
        session.run("begin")
        for _ in range(chance.randint(1, 4)):
            session.run(_INSERT, chance.randint(1, 8))
        if chance.random() < 0.3:
            session.run("savepoint s")
            session.run(_INSERT, 1)
            session.run("rollback to s")
        session.run(chance.choice(["commit", "commit", "rollback"]))


def test_pgbouncer_in_transaction_mode(
    cluster: PrivateCluster, serving: Database, observer: Session, check: Callable[[], None]
) -> None:
    operator = serving.session(OPERATOR)
    with pooler(cluster, serving.name, _CONNECTIONS) as address:
        clients = [Session(address) for _ in range(_CLIENTS)]
        try:
            for version in (2, 1):
                working = [each.work(_work, each, number) for number, each in enumerate(clients)]
                operator.run("select pgscore.promote('churn', %s)", version)
                for done in working:
                    done.result()
                check()
            one, other, *_ = clients
            # What a transaction has queued belongs to it, whichever connection it has.
            one.run("begin")
            one.run(_INSERT, 1)
            other.run(_INSERT, 1)
            one.run("rollback")
            check()
            one.run("begin")
            one.run(_INSERT, 2)
            one.run("set constraints all immediate")
            one.run(_INSERT, 2)
            one.run("commit")
        finally:
            for each in clients:
                each.close()
        pooled = observer.value("select count(*) from pg_stat_activity where usename = %s", APPLICATION)
        assert pooled == _CONNECTIONS
    assert observer.value("select count(*) from churn.complaints") > 100
