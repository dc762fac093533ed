"""Databases that are damaged: one for each file, mended again by what the doctor says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_postgresql.janitor import DatabaseJanitor

from tests.bindings import shop
from tests.support.database import Database, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster

PROFILES, EVENTS = 40, 160


def fill(session: Session) -> None:
    """Profiles from 1 on, each with the same number of events."""
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, %s)", PROFILES)
    session.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount, "Kind", at)'
        " select n, n %% %s + 1, n, 'billing', n from generate_series(1, %s) n",
        PROFILES,
        EVENTS,
    )


@pytest.fixture(scope="session")
def cloned(
    cluster: PrivateCluster, installed_template: NoopExecutor
) -> Callable[[str], AbstractContextManager[object]]:
    """Makes a database of a name that holds what `installed` does, until it is left."""

    def made(name: str) -> DatabaseJanitor:
        return DatabaseJanitor(
            user=cluster.user,
            host=cluster.host,
            port=cluster.port,
            password=cluster.password,
            dbname=name,
            template_dbname=installed_template.template_dbname,
        )

    return made


def _ward(
    cluster: PrivateCluster, made: AbstractContextManager[object], name: str, key: Path, *, partitioned: bool
) -> Iterator[Database]:
    with made:
        database = Database(cluster, name)
        session = database.session()
        shop.build(session, partitioned=partitioned, profile_partitioned=partitioned)
        shop.publish(database.dsn(), key)
        shop.attach(session)
        fill(session)
        session.run("analyze")
        yield database
        database.close()


@pytest.fixture(scope="module")
def ward(
    cluster: PrivateCluster, cloned: Callable[[str], AbstractContextManager[object]], key: Path
) -> Iterator[Database]:
    """The shop, attached, with 40 profiles and 160 events. Who damages it has it mended."""
    yield from _ward(cluster, cloned("ward"), "ward", key, partitioned=False)


@pytest.fixture(scope="module")
def parted(
    cluster: PrivateCluster, cloned: Callable[[str], AbstractContextManager[object]], key: Path
) -> Iterator[Database]:
    """The same with both tables partitioned."""
    yield from _ward(cluster, cloned("parted"), "parted", key, partitioned=True)
