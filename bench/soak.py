"""A minute of eight clients on hot customers, with a promotion every second: nothing may fail, and nothing be lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import psycopg2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from .attached import COUNTER, attached, make
from .contender import NotTheSameError
from .customers import churned, declared, predictors
from .figure import Measured
from .pairs import spread
from .pgbench import PgbenchError, pgbench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sklearn.pipeline import Pipeline

    from .attached import Pair
    from .field import Field
    from .pgbench import Run
    from .setting import Server, Session

_MODEL = "soak"
_CUSTOMERS = 100
_SECONDS = 60
_INSERTS = 5
_TOLERANCE = 1e-9


@dataclass
class _Promotions:
    """What the session that promotes did."""

    count: int = 0
    problem: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


def soak(measured: Field) -> list[Measured]:
    """Transactions in a second, of five inserts for customers in random order, attached with `commit`.

    Raises:
        NotTheSameError: a statement failed or was deadlocked, a counter or a score is wrong, or a profile is stale.
    """
    server = measured.server
    with server.session() as session:
        pair = make(session, "soak", _CUSTOMERS)
        versions = _publish(measured, pair)
        with _autovacuum(session), attached(session, pair, _MODEL, "commit"):
            with _promoting(server) as promotions:
                run = _run(server, pair)
            if promotions.problem:
                raise NotTheSameError(f"soak: a promotion failed: {promotions.problem}")
            if run.failed:
                raise NotTheSameError(f"soak: {run.failed} transactions failed")
            _check(session, pair, versions, run.transactions)
    note = f"{run.transactions:,} transactions of {_INSERTS} inserts, {promotions.count} promotions, nothing lost"
    return [Measured(spread([run.rate]), "tx/s", note=note)]


def _publish(measured: Field, pair: Pair) -> dict[int, Pipeline]:
    """Two versions that give different scores; the first serves."""
    versions = {}
    for version, penalty in enumerate((1.0, 1e-4), 1):
        fitted = make_pipeline(LogisticRegression(C=penalty, max_iter=5000)).fit(predictors(), churned())
        published = pgscore.publish(
            measured.server.dsn, _MODEL, fitted, profile=pair.profile, key=measured.key, promoted=version == 1
        )
        if published.problem:
            raise pgscore.PgscoreError(published.problem)
        versions[published.version] = fitted
    return versions


def _run(server: Server, pair: Pair) -> Run:
    draws = "".join(f"\\set c{i} random(1, {_CUSTOMERS})\n" for i in range(_INSERTS))
    inserts = "".join(f"{pair.insert.replace('$1', f':c{i}')};\n" for i in range(_INSERTS))
    try:
        return pgbench(server, f"{draws}begin;\n{inserts}commit;\n", _SECONDS)
    except PgbenchError as error:
        raise NotTheSameError(f"soak: {error}") from error


@contextmanager
def _promoting(server: Server) -> Iterator[_Promotions]:
    """Promotes one version and the other, every second, until the end."""
    promotions = _Promotions()

    def promote() -> None:
        try:
            with server.session() as session:
                while not promotions.ended.wait(1):
                    promotions.count += 1
                    session.run("select pgscore.promote(%s, %s)", (_MODEL, 1 + promotions.count % 2))
        except psycopg2.Error as error:
            promotions.problem = str(error).strip()

    thread = threading.Thread(target=promote)
    thread.start()
    try:
        yield promotions
    finally:
        promotions.ended.set()
        thread.join()


@contextmanager
def _autovacuum(session: Session) -> Iterator[None]:
    """As on a server that is looked after: nothing is timed here to the microsecond."""
    session.run("alter system set autovacuum = on")
    session.run("select pg_reload_conf()")
    try:
        yield
    finally:
        session.run("alter system reset autovacuum")
        session.run("select pg_reload_conf()")


def _check(session: Session, pair: Pair, versions: dict[int, Pipeline], transactions: int) -> None:
    """Counters against GROUP BY, scores against the fitted estimator of the version that stands beside them."""
    events = session.value(f"select count(*) from {pair.events}")  # noqa: S608  our own names
    if events != transactions * _INSERTS:
        raise NotTheSameError(f"soak: {transactions} transactions left {events} events")
    counted = dict(session.run(f"select customer, count(*) from {pair.events} group by customer"))  # noqa: S608
    rows = session.run(f"select id, score, version, {', '.join(declared())} from {pair.profile}")  # noqa: S608
    names = ["id", "score", "version", *declared()]
    profiles = pd.DataFrame(rows, columns=names)
    lost = int((profiles[COUNTER] != profiles["id"].map(counted).fillna(0)).sum())
    wrong = int((~profiles["version"].isin(list(versions))).sum())
    for version, fitted in versions.items():
        of_it = profiles[profiles["version"] == version]
        if len(of_it):
            expected = fitted.predict_proba(of_it[list(declared())])[:, 1]
            near = np.abs(of_it["score"].to_numpy(dtype=float) - expected) <= _TOLERANCE
            wrong += int(np.sum(~near))
    stale = session.value("select count(*) from pgscore.stale_row")
    if lost or wrong or stale:
        raise NotTheSameError(f"soak: {lost} counters and {wrong} scores are wrong, {stale} profiles are stale")
