"""The story that the demo tells, from an empty cluster to callers that have no connection to it."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
from pgscore import PgscoreError
from psycopg2 import sql
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from examples.churn.customers import COUNTER, LABEL, load_customers, read_customers
from examples.churn.model import fit, make_pipeline
from examples.churn.setting import ROOT, connect, run
from examples.server.cluster import PrivateCluster

from .process import Service, served

if TYPE_CHECKING:
    import pandas as pd
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from examples.server.signals import Signals

_out = Console(highlight=False, soft_wrap=True)
_LOGIN = "scores_web"
_CUSTOMER = 7
_TOLERANCE = 1e-12
_PATIENCE = 30.0


class MismatchError(Exception):
    """The service said something else than the database."""


def tell(signals: Signals) -> int:
    """Tells the story in a private cluster and returns the program's exit code: 0 where all of it was true."""
    cluster: PrivateCluster | None = None
    try:
        with signals.held():
            cluster = PrivateCluster()
            cluster.start()
        _tell_in(cluster)
    except (MismatchError, PgscoreError, psycopg2.Error, OSError) as error:
        print(f"demo: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        if cluster is not None:
            with signals.held():
                cluster.stop()
    _out.print("\nok")
    return 0


def _tell_in(cluster: PrivateCluster) -> None:
    dsn = cluster.dsn()
    _heading("A database with a model and its customers")
    run(dsn, ROOT, "alembic", "upgrade", "heads")
    customers = read_customers()
    with closing(connect(dsn)) as administrators:
        load_customers(administrators, customers)
        _publish(dsn, customers)
        password = _login(administrators)
    _say("Version 1 is gradient boosting, and answers; version 2 is a logistic regression. The service's login,")
    _say(f"{_LOGIN}, has pgscore_reader, and SELECT on the profiles; it can change nothing.")
    with tempfile.TemporaryDirectory(prefix="pgscore-demo-") as folder, closing(connect(dsn)) as observer:
        observer.autocommit = True
        token_file = Path(folder) / "token"
        token_file.write_text(secrets.token_hex(32))
        login = psycopg2.extensions.make_dsn(dsn, user=_LOGIN, password=password)
        with served(login, token_file) as service:
            _heading("pgscore serve")
            _say(f"It listens on {service.address}")
            _calls(service, observer)
            _promotion(service, observer)
            _away(service, observer, cluster)


def _publish(dsn: str, customers: pd.DataFrame) -> None:
    predictors = customers.drop(columns=LABEL)
    linear = make_pipeline(predictors, LogisticRegression(max_iter=1000)).fit(predictors, customers[LABEL])
    pgscore.publish(dsn, "churn", fit(customers).pipeline, profile="churn.customer_profile", promoted=True)
    pgscore.publish(dsn, "churn", linear, profile="churn.customer_profile")


def _login(connection: Connection) -> str:
    password = secrets.token_urlsafe(18)
    with connection, connection.cursor() as cursor:
        role = sql.Identifier(_LOGIN)
        cursor.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(password)))
        cursor.execute(sql.SQL("grant pgscore_reader to {}").format(role))
        cursor.execute(sql.SQL("grant usage on schema churn to {}").format(role))
        cursor.execute(sql.SQL("grant select on churn.customer_profile to {}").format(role))
    return password


def _calls(service: Service, observer: Connection) -> None:
    _heading("By identifier, and by payload")
    said = _answered(service.get(f"/models/churn/score/{_CUSTOMER}"))
    _compare(
        said["score"],
        _one(
            observer, "select pgscore.score('churn', c) from churn.customer_profile c where customer_id = %s", _CUSTOMER
        ),
    )
    _say(f"GET  /models/churn/score/{_CUSTOMER}: {said['score']:.6f}, of the profile as it stands")

    copy = _answered(service.get(f"/models/churn/profile/{_CUSTOMER}"))
    row = copy["profile"]
    said = _answered(service.post("/models/churn/score", {"row": row}))
    _compare(said["score"], _in_database(observer, row))
    _say(f"POST /models/churn/score: {said['score']:.6f}, of a copy that the caller keeps")

    events = [{"kind": "billing"}] * 3
    said = _answered(service.post("/models/churn/score", {"row": row, "events": events, "binding": copy["binding"]}))
    _compare(said["score"], _in_database(observer, {**row, COUNTER: row[COUNTER] + len(events)}))
    _say(f"     and after three complaints of this session, which the database has not seen: {said['score']:.6f}")

    said = _answered(service.post("/models/churn/explain", {"row": row}))
    for each in said["contributions"][:2]:
        _say(f"     {each['input']} = {each['value']} adds {each['contribution']:+.3f}")

    many = [each for (each,) in _all(observer, "select to_jsonb(c) from churn.customer_profile c order by 1 limit 500")]
    answers = _answered(service.post("/models/churn/score", {"rows": many}))["rows"]
    for each, of in zip(answers, many, strict=True):
        _compare(each["score"], _in_database(observer, of))
    _say(f"     {len(many)} rows in one request, each as pgscore.score says")
    status, problem = service.post("/models/churn/score", {"row": {**row, "state": 7}})
    if status != 422:  # noqa: PLR2004
        raise MismatchError(f"a wrong row was answered with {status}")
    _say(f"422  {problem['errors'][0]['pointer']}: {problem['detail']}")


def _promotion(service: Service, observer: Connection) -> None:
    _heading("A promotion")
    with observer.cursor() as cursor:
        cursor.execute("select pgscore.promote('churn', 2)")
    start = time.monotonic()
    while _answered(service.get("/models/churn"))["version"] != 2:  # noqa: PLR2004
        if time.monotonic() - start > _PATIENCE:
            raise MismatchError("the promotion was not followed")
        time.sleep(0.01)
    _say(f"Version 2 answers here {1000 * (time.monotonic() - start):.0f} ms after it was promoted there.")
    said = _answered(service.get(f"/models/churn/score/{_CUSTOMER}"))
    _compare(
        said["score"],
        _one(
            observer, "select pgscore.score('churn', c) from churn.customer_profile c where customer_id = %s", _CUSTOMER
        ),
    )


def _away(service: Service, observer: Connection, cluster: PrivateCluster) -> None:
    _heading("The database goes away")
    row = _answered(service.get(f"/models/churn/profile/{_CUSTOMER}"))["profile"]
    expected = _in_database(observer, row)
    with observer.cursor() as cursor:
        cursor.execute(sql.SQL("alter role {} connection limit 0").format(sql.Identifier(_LOGIN)))
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (_LOGIN,))
    status, problem = service.get(f"/models/churn/score/{_CUSTOMER}")
    if status != 503:  # noqa: PLR2004
        raise MismatchError(f"a database that is away was answered with {status}")
    _say(f"503  {problem['title']}: a profile cannot be read")
    _compare(_answered(service.post("/models/churn/score", {"row": row}))["score"], expected)
    _say("200  what is handed in is scored as before")
    with observer.cursor() as cursor:
        cursor.execute(sql.SQL("alter role {} connection limit -1").format(sql.Identifier(_LOGIN)))
    deadline = time.monotonic() + _PATIENCE
    while service.get(f"/models/churn/score/{_CUSTOMER}")[0] != 200:  # noqa: PLR2004
        if time.monotonic() > deadline:
            raise MismatchError("the service did not come back")
        time.sleep(0.05)
    _say("200  and profiles again, when it is back")


def _answered(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    status, document = answer
    if status != 200:  # noqa: PLR2004
        raise MismatchError(f"{status}: {document.get('detail')}")
    return document


def _in_database(observer: Connection, row: dict[str, Any]) -> float:
    return _one(observer, "select pgscore.score('churn', %s::jsonb)", json.dumps(row))


def _one(observer: Connection, query: str, *parameters: object) -> float:
    return float(_all(observer, query, *parameters)[0][0])


def _all(observer: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with observer.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall()


def _compare(given: float, expected: float) -> None:
    if abs(given - expected) > _TOLERANCE:
        raise MismatchError(f"the service says {given}, and the database {expected}")


def _heading(text: str) -> None:
    _out.print(f"\n[bold]{text}[/bold]")


def _say(text: str) -> None:
    _out.print(f"  {text}", markup=False)
