"""One browser and one database for all.

Without PGSCORE_TEST_BROWSER, the folder that docker/browser-tools fills, nothing is collected.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest
from pytest_postgresql.janitor import DatabaseJanitor

from examples.browser import world
from examples.browser.browser import chromium
from examples.browser.server import SiteServer
from examples.churn.customers import load_customers
from tests.support.database import Database

from . import models
from .visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster

collect_ignore_glob = [] if os.environ.get("PGSCORE_TEST_BROWSER") else ["test_*.py"]
# docs/guide/browser.md says that this is enough.
LEAST_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'"


@pytest.fixture(scope="session")
def tools() -> Path:
    """What npm has, as docker/browser-tools installs it."""
    return Path(os.environ["PGSCORE_TEST_BROWSER"]) / "node_modules"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def published(cluster: PrivateCluster, installed_template: NoopExecutor, key: Path) -> Iterator[Database]:
    """600 customers with complaints and calls, and the models of `models`, which serve."""
    with DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname="published",
        template_dbname=installed_template.template_dbname,
    ):
        database = Database(cluster, "published")
        with closing(psycopg2.connect(database.dsn())) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute("delete from churn.customer_profile")
            load_customers(connection, models.customers())
            world.add_calls(connection)
        for name, (model, golden) in models.MODELS.items():
            profile = "churn.customer_profile" if name == "churn" else None
            given = None if profile else golden()
            pgscore.publish(database.dsn(), name, model(), golden=given, profile=profile, promoted=True)
        yield database
        database.close()


@pytest.fixture(scope="session")
def connection(published: Database) -> Iterator[Connection]:
    with closing(psycopg2.connect(published.dsn())) as opened:
        yield opened


@pytest.fixture(scope="session")
def site(published: Database, connection: Connection, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's folder, with a bundle that is signed; nobody changes it."""
    folder = tmp_path_factory.mktemp("site")
    bundle = pgscore.make_bundle(published.dsn(), "churn", bindings=world.BINDINGS, golden=50, key=key)
    world.build(folder, connection, bundle, key.with_name(key.name + ".pub").read_text())
    return folder


@pytest.fixture
def visitor(browser: Browser, site: Path) -> Iterator[Visitor]:
    """Somebody who has opened the page, on a phone."""
    with SiteServer(site) as server, Visitor.of(browser, server) as found:
        found.open()
        yield found


@pytest.fixture
def bare(browser: Browser, site: Path, tmp_path: Path) -> Iterator[Visitor]:
    """An empty page beside pgscore.js, with no more leave than it needs."""
    (tmp_path / "pgscore.js").write_bytes((site / "pgscore.js").read_bytes())
    (tmp_path / "index.html").write_text("<!doctype html><title>bare</title>")
    with SiteServer(tmp_path, LEAST_POLICY) as server, Visitor.of(browser, server) as found:
        found.page.goto(server.url)
        yield found
