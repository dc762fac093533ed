"""A private cluster for the whole run; each test gets its own database, cloned from a template."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest
from hypothesis import settings
from pytest_postgresql import factories
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.janitor import DatabaseJanitor

from examples.server.cluster import PrivateCluster
from tests.support import migrate, models
from tests.support.database import (
    ANALYST,
    APPLICATION,
    LOGINS,
    OPERATOR,
    PASSWORD,
    SCIENTIST,
    Database,
    Session,
    named,
)
from tests.support.examples import ALIKE

# Fixtures that several folders share: each once, or each folder would make its template.
from tests.support.shopping import _shop, shop_template, shopping  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

settings.register_profile("pgscore", derandomize=ALIKE, database=None)
settings.load_profile("pgscore")

# A file system in memory: databases are cloned ten times as fast there.
_MEMORY = Path("/dev/shm")  # noqa: S108  the cluster's folder in it has a name that nobody guesses
_ROOM = 4 * 1024**3
_SETTINGS = {
    "max_connections": "200",
    "max_prepared_transactions": "4",
    # What stands in memory is to stay small.
    "max_wal_size": "256MB",
}

_key: Path


class _Server(NoopExecutor):
    """The private cluster as pytest-postgresql knows servers; databases start from template0."""

    template_dbname = "template0"


def pytest_configure(config: pytest.Config) -> None:
    """`make test-long` runs those with this mark, and what Hypothesis marks itself."""
    config.addinivalue_line("markers", "long: more examples find more")


def _dsn(**connection: Any) -> str:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    return str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))


def _install(**connection: Any) -> None:  # noqa: ANN401
    dsn = _dsn(**connection)
    migrate.upgrade(dsn)
    session = Session(dsn)
    for login in LOGINS:
        session.run(f"create role {login} login password '{PASSWORD}'")
    session.run(f"grant usage on schema churn to {APPLICATION}, {ANALYST}, {SCIENTIST}")
    session.run(f"grant insert on churn.complaints to {APPLICATION}")
    session.run(f"grant select on churn.customer_profile to {ANALYST}, {SCIENTIST}")
    session.run(f"grant pgscore_reader to {ANALYST}")
    session.run(f"grant pgscore_publisher to {SCIENTIST}")
    session.run(f"grant pgscore_operator to {OPERATOR}")
    models.load_customers(session)
    session.close()
    pgscore.trust_key(dsn, pgscore.read_public_key(_key.with_name(_key.name + ".pub")), "the tests")


def _serve(**connection: Any) -> None:  # noqa: ANN401
    # One session for all, which loads scikit-learn once.
    with closing(psycopg2.connect(_dsn(**connection))) as session:
        for version, model in enumerate((models.pipeline(), models.light_pipeline()), start=1):
            published = pgscore.publish(session, "churn", model, profile="churn.customer_profile", key=_key)
            assert (published.version, published.problem) == (version, None)
            assert {each.engine: each.ok for each in published.verifications} == dict.fromkeys(models.ENGINES, True)
        # On a busy machine importing scikit-learn may take all the time that a promotion has by default.
        pgscore.promote(session, "churn", 1, max_seconds=300)


def _serve_opaque(**connection: Any) -> None:  # noqa: ANN401
    published = pgscore.publish(
        _dsn(**connection), "churn", models.opaque_pipeline(), profile="churn.customer_profile", key=_key, promoted=True
    )
    assert (published.version, published.obstacle) == (3, models.OBSTACLE)
    assert [each.engine for each in published.verifications] == ["estimator"]


def _place() -> Path | None:
    """Where the cluster stands: in memory, if there is room for it, and the server is in no root of its own."""
    if os.environ.get("PGSCORE_SERVER_ROOT"):
        return None
    if not os.access(_MEMORY, os.W_OK | os.X_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY


@pytest.fixture(scope="session")
def cluster() -> Iterator[PrivateCluster]:
    """A real PostgreSQL, for this run only."""
    python_path = os.environ.get("PGSCORE_SERVER_PYTHONPATH")
    if not python_path:  # pytest was called without make
        build = [str(migrate.ROOT / "docker" / "server-python"), "onnx"]
        python_path = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    with PrivateCluster(_SETTINGS, python_path, place=_place()) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def server(cluster: PrivateCluster) -> NoopExecutor:
    return _Server(
        host=cluster.host,
        port=cluster.port,
        user=cluster.user,
        password=cluster.password,
        dbname="postgres",
        options="",
    )


@pytest.fixture(scope="session", autouse=True)
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key that the databases trust."""
    global _key  # noqa: PLW0603  loaders of templates get connections and nothing else
    _key = tmp_path_factory.mktemp("keys") / "key.pem"
    pgscore.generate_key(_key)
    return _key


empty_template = factories.postgresql_noproc(dbname="empty", load=[lambda **_: None], depends_on="server")
installed_template = factories.postgresql_noproc(dbname="installed", load=[_install], depends_on="server")
serving_template = factories.postgresql_noproc(dbname="serving", load=[_serve], depends_on="installed_template")
opaque_template = factories.postgresql_noproc(dbname="opaque", load=[_serve_opaque], depends_on="serving_template")
_empty = factories.postgresql("empty_template")
_installed = factories.postgresql("installed_template")
_serving = factories.postgresql("serving_template")
_opaque = factories.postgresql("opaque_template")


def _database(cluster: PrivateCluster, name: str) -> Iterator[Database]:
    database = Database(cluster, name)
    yield database
    database.close()


@pytest.fixture
def empty(cluster: PrivateCluster, _empty: object) -> Iterator[Database]:
    """A database with nothing in it."""
    yield from _database(cluster, named("empty"))


@pytest.fixture
def installed(cluster: PrivateCluster, _installed: object) -> Iterator[Database]:
    """All of pgscore, 60 customers, a trusted key, and no model."""
    yield from _database(cluster, named("installed"))


@pytest.fixture
def serving(cluster: PrivateCluster, _serving: object) -> Iterator[Database]:
    """The same with model churn: version 1, `pipeline()` of models, promoted; version 2, `light_pipeline()`, not."""
    yield from _database(cluster, named("serving"))


@pytest.fixture
def opaque(cluster: PrivateCluster, _opaque: object) -> Iterator[Database]:
    """The same with a version 3 that is promoted: `opaque_pipeline()`, which must be unpickled to be scored with."""
    yield from _database(cluster, named("opaque"))


@pytest.fixture(scope="session")
def shared(cluster: PrivateCluster, serving_template: NoopExecutor) -> Iterator[Database]:
    """Like `serving`, for all tests that change nothing: they share its sessions, which have the model loaded."""
    with DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname="shared",
        template_dbname=serving_template.template_dbname,
    ):
        yield from _database(cluster, "shared")


@pytest.fixture(scope="session")
def shared_session(shared: Database) -> Session:
    """The session of `shared`: whoever begins a transaction rolls it back."""
    return shared.session()


@pytest.fixture(scope="module")
def publisher(shared: Database) -> Iterator[Connection]:
    """A connection to `shared` for all that a file publishes: its backend loads scikit-learn once."""
    with closing(psycopg2.connect(shared.dsn())) as connection:
        yield connection


@pytest.fixture
def session(serving: Database) -> Session:
    """A superuser's session in `serving`."""
    return serving.session()
