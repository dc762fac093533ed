"""Servers of other versions, and on each a database whose owner installed pgscore without being a superuser.

PGSCORE_TEST_SERVERS names them, as docker/other-servers prints them: "14=/folder/of/programs 16=…". Without it nothing
here is collected.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.server.cluster import PrivateCluster
from examples.server.programs import Programs
from tests.bindings import shop
from tests.support import migrate
from tests.support.database import OPERATOR, PASSWORD, SCIENTIST, Database, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

DBA = "dba"
_GIVEN = dict(each.split("=", 1) for each in os.environ.get("PGSCORE_TEST_SERVERS", "").split())
_SETTINGS = {"max_prepared_transactions": "4"}

collect_ignore_glob = [] if _GIVEN else ["test_*.py"]


@pytest.fixture(
    scope="session", params=[pytest.param(version, marks=pytest.mark.xdist_group(version)) for version in _GIVEN]
)
def cluster(request: pytest.FixtureRequest) -> Iterator[PrivateCluster]:
    """A server of each version; an administrator who may create roles and is no superuser."""
    programs = Programs(Path(_GIVEN[request.param]))
    with PrivateCluster(_SETTINGS, programs=programs) as cluster:
        session = Session(cluster.dsn())
        session.run(f"create role {DBA} login createrole password '{PASSWORD}'")
        session.close()
        yield cluster


@pytest.fixture(scope="session")
def managed(cluster: PrivateCluster) -> Iterator[Database]:
    """A database that the administrator owns and installed pgscore in, with the tables of the shop."""
    database = make_database(cluster, "managed", DBA)
    dba = database.session(DBA)
    for branch in ("core", "churn"):
        migrate.upgrade(database.dsn(DBA), f"{branch}@head")
    for login, role in ((SCIENTIST, "pgscore_publisher"), (OPERATOR, "pgscore_operator")):
        dba.run(f"create role {login} login password '{PASSWORD}'; grant {role} to {login}")
    shop.build(database.session())
    database.session().run(f"alter role {shop.CLERK} login password '{PASSWORD}'")
    database.session().run(
        f'grant usage on schema "Shop" to {SCIENTIST}; grant select on {shop.PROFILE} to {SCIENTIST}'
    )
    yield database
    database.close()


@pytest.fixture
def version(managed: Database) -> int:
    """The server's major version."""
    return int(managed.session().value("show server_version_num")) // 10000


def make_database(cluster: PrivateCluster, name: str, owner: str, options: str = "") -> Database:
    """Makes a database that belongs to a role."""
    session = Session(cluster.dsn())
    session.run(f'create database "{name}" owner {owner} {options}')
    session.close()
    return Database(cluster, name)
