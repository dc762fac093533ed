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
from .engines import NO_MEASURE, Kept, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session


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
        connection = psycopg2.connect(database.dsn(), connection_factory=Kept)
        engine = create_engine("postgresql+psycopg2://", creator=lambda: connection, poolclass=NullPool)
        session = database.session()
        session.run(NO_MEASURE)
        yield Lab(session, engine, key, database.dsn())
        psycopg2.extensions.connection.close(connection)
        database.close()


@pytest.fixture(scope="session")
def bulk(lab: Lab) -> Session:
    """The lab's session, with the table and the models of `bulk`."""
    return prepare(lab)
