"""Where cases run: a private cluster whose Python has the client's libraries, and a database for each worker."""

from __future__ import annotations

import sysconfig
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pgscore

from examples.server.cluster import PrivateCluster
from tests.support import migrate
from tests.support.database import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SETTINGS = {"max_wal_size": "256MB", "fsync": "off", "synchronous_commit": "off", "autovacuum": "off"}
TEMPLATE = "drawn"
LIBRARIES = ("sklearn", "imblearn", "xgboost", "lightgbm", "catboost")


@contextmanager
def place(key: Path, python_path: str | None = None, memory: Path | None = None) -> Iterator[PrivateCluster]:
    """A cluster with a database that has pgscore and trusts the key.

    Args:
        key: the private key.
        python_path: of the server; without one, this process's packages.
        memory: a folder in memory, for the cluster.
    """
    with PrivateCluster(_SETTINGS, python_path or sysconfig.get_path("purelib"), place=memory) as cluster:
        session = Session(cluster.dsn())
        session.run(f"create database {TEMPLATE}")
        session.close()
        migrate.upgrade(cluster.dsn(TEMPLATE))
        pgscore.trust_key(cluster.dsn(TEMPLATE), pgscore.read_public_key(key.with_name(key.name + ".pub")), "drawn")
        yield cluster


def own_database(cluster_dsn: str, name: str, template: str) -> None:
    """Clones a database."""
    session = Session(cluster_dsn)
    session.run(f"drop database if exists {name}")
    session.run(f"create database {name} template {template}")
    session.close()


def available(session: Session) -> list[str]:
    """The libraries that the server can unpickle models of."""
    session.run(
        "create or replace function pg_temp.available(names text[]) returns text[] language plpython3u as $$\n"
        "import importlib.util\n"
        "return [each for each in names if importlib.util.find_spec(each)]\n$$"
    )
    found: list[str] = session.value("select pg_temp.available(%s)", list(LIBRARIES))
    return found
