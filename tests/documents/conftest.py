"""A cluster of the documents' own: the guide makes roles, and drops them in the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from examples.server.cluster import PrivateCluster
from tests.support.database import PASSWORD, Session

from .examples import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_postgresql.executors import NoopExecutor

# Who the pages speak of: a publisher, and the owner of the tables.
LOGINS = ("ada", "shop_owner")


@pytest.fixture(scope="module")
def own_cluster(server: NoopExecutor) -> Iterator[PrivateCluster]:
    """A cluster in which nothing of pgscore is installed; the tests' own one has seen to the server's Python."""
    with PrivateCluster(python_path=os.environ["PGSCORE_SERVER_PYTHONPATH"]) as cluster:
        yield cluster


@pytest.fixture
def reader(own_cluster: PrivateCluster, tmp_path: Path) -> Callable[[str], Reader]:
    """Makes a database with the tables of a shop, and somebody who follows a page in it, as superuser."""

    def make(database: str) -> Reader:
        session = Session(own_cluster.dsn())
        for login in LOGINS:
            if session.value("select to_regrole(%s)", login) is None:
                session.run(f"create role {login} login password '{PASSWORD}'")
        session.run(f"create database {database}")
        session.close()

        def dsn(login: str | None) -> str:
            if login is None:
                return own_cluster.dsn(database)
            return f"postgresql://{login}:{quote(PASSWORD)}@{own_cluster.host}:{own_cluster.port}/{database}"

        return Reader(tmp_path, dsn)

    return make
