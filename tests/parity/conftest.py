"""A database of its own for models of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest
from pytest_postgresql.janitor import DatabaseJanitor
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.support.database import Database

from .bulk import prepare
from .engines import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

# How long engines take is not what is tested here, and measuring takes longer than all that is.
_NO_MEASURE = """
create or replace function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language sql volatile
as 'select null, null::double precision[], null::double precision[] where false'
"""


class _Kept(psycopg2.extensions.connection):
    """A connection that its user cannot close: the next one finds scikit-learn loaded in its backend."""

    def close(self) -> None:
        """Ends the transaction only."""
        self.rollback()


@pytest.fixture(scope="session")
def lab(cluster: PrivateCluster, installed_template: NoopExecutor, key: Path) -> Iterator[Lab]:
    """Where models are published and asked; tests share its sessions, which have scikit-learn loaded."""
    with DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname="parity",
        template_dbname=installed_template.template_dbname,
    ):
        database = Database(cluster, "parity")
        connection = psycopg2.connect(database.dsn(), connection_factory=_Kept)
        engine = create_engine("postgresql+psycopg2://", creator=lambda: connection, poolclass=NullPool)
        session = database.session()
        session.run(_NO_MEASURE)
        yield Lab(session, engine, key, database.dsn())
        psycopg2.extensions.connection.close(connection)
        database.close()


@pytest.fixture(scope="session")
def bulk(lab: Lab) -> Session:
    """The lab's session, with the table and the models of `bulk`."""
    return prepare(lab)
