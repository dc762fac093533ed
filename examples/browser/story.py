"""The story that the demo tells: publishing, the folder for a web server, and a browser that needs it once."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import psycopg2
from pgscore import PgscoreError
from playwright.sync_api import Error
from rich.console import Console

from examples.churn.customers import load_customers, read_customers
from examples.churn.model import fit
from examples.churn.setting import ROOT, connect, run
from examples.server.cluster import PrivateCluster

from . import world
from .browser import chromium
from .server import SiteServer
from .visit import READY, MismatchError, compare_all, compare_events, go_offline

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from examples.server.signals import Signals

_out = Console(highlight=False, soft_wrap=True)
_BINDINGS = " ".join(f"--binding {events}:{profile}" for events, profile in world.BINDINGS)


def tell(signals: Signals, *, keep: bool) -> int:
    """Tells the story in a private cluster and returns the program's exit code: 0 where all of it was true."""
    with ExitStack() as stack:
        try:
            _heading("A private PostgreSQL cluster, the customers, and their model")
            with signals.held():
                cluster = PrivateCluster()
                stack.callback(cluster.stop)
                cluster.start()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgscore-demo-")))
            site = folder / "browser"
            connection = stack.enter_context(closing(_prepared(cluster.dsn(), folder)))
            _heading("For a browser")
            _bundle(cluster.dsn(), folder)
            world.build(site, connection, (site / "churn.json").read_text(), (folder / "demo.pem.pub").read_text())
            size = sum(each.stat().st_size for each in site.iterdir())
            _say(f"{len(list(site.iterdir()))} files, {size:,} bytes, for any web server")
            _visit(site, connection)
            if keep:
                _serve(site)
        except (MismatchError, PgscoreError, psycopg2.Error, Error, OSError) as error:
            print(f"demo: {' '.join(str(error).split())}", file=sys.stderr)
            return 1
    _out.print("\ndemo: ok")
    return 0


def _prepared(dsn: str, folder: Path) -> Connection:
    run(dsn, ROOT, "alembic", "upgrade", "heads")
    customers = read_customers()
    connection = connect(dsn)
    load_customers(connection, customers)
    world.add_calls(connection)
    fitted = fit(customers)
    _say(f"{len(customers):,} customers; complaints and calls move their profiles; ROC AUC {fitted.auc:.3f}")
    joblib.dump(fitted.pipeline, folder / "model.joblib")
    _show(dsn, folder, "pgscore keys generate demo.pem")
    _show(dsn, folder, "pgscore keys trust demo.pem.pub --holder 'make demo-browser'")
    _show(dsn, folder, "pgscore publish churn model.joblib --profile churn.customer_profile --key demo.pem --promote")
    return connection


def _bundle(dsn: str, folder: Path) -> None:
    _show(dsn, folder, f"pgscore bundle churn {_BINDINGS} --golden 50 --key demo.pem --to browser/")


def _visit(site: Path, connection: Connection) -> None:
    _heading("In Chromium")
    with (
        SiteServer(site) as server,
        chromium() as browser,
        closing(browser.new_context(viewport={"width": 390, "height": 800})) as context,
    ):
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(READY)
        rows = compare_all(page, world.read_scores(connection))
        _say(f"{rows:,} scores of the page's worker are those of pgscore.score")
        for said, score in compare_events(page, connection):
            _say(f"{said:36} {score:.4f}, as the database stores it")
        asked = len(server.paths)
        server.stop()
        _say(f"The server has gone, and the page was loaded again: {go_offline(page)}")
        _say(f"The server was asked {asked} times, each time for a file of the page's own.")


def _show(dsn: str, folder: Path, command: str) -> None:
    _say(f"$ {command}")
    for line in run(dsn, folder, *shlex.split(command)):
        _out.print(f"    {line}", markup=False)


def _serve(site: Path) -> None:
    with SiteServer(site) as server:
        _heading("The page stays up")
        _say(f"{server.url}    Ctrl-C ends it")
        signal.pause()


def _heading(text: str) -> None:
    _out.print(f"\n[bold]{text}[/bold]")


def _say(text: str) -> None:
    _out.print(f"  {text}")
