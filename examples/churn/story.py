"""The story that the demo tells, from an empty cluster to a score that moves."""

from __future__ import annotations

import shlex
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import psycopg2
from pgscore import PgscoreError
from rich.console import Console

from examples.server.cluster import PrivateCluster

from .complaints import (
    TOLERANCE,
    MismatchError,
    choose_customer,
    compare_rollback,
    file_complaints,
    first_complaint,
    print_steps,
    print_times,
)
from .customers import load_customers, read_customers
from .model import FittedModel, fit
from .owner import Owner
from .setting import APPLICATION_ROLE, ROOT, connect, create_application_role, run

if TYPE_CHECKING:
    from examples.server.signals import Signals

_out = Console(highlight=False, soft_wrap=True)


def tell(signals: Signals, *, keep: bool) -> int:
    """Tells the story in a private cluster and returns the program's exit code: 0 where all of it was true."""
    cluster: PrivateCluster | None = None
    try:
        _heading("A private PostgreSQL cluster")
        with signals.held():
            # In two steps: Ctrl-C in a terminal reaches the starting server too, and its folder must still be cleared.
            cluster = PrivateCluster()
            cluster.start()
        _say(f"PostgreSQL {_version(cluster)} on {cluster.host}:{cluster.port}, in {cluster.directory}")
        customer = tell_in(cluster.dsn())
        if keep:
            _explain_how_to_go_on(cluster, customer)
            cluster = None
    except (MismatchError, PgscoreError, psycopg2.Error, LookupError, OSError) as error:
        print(f"demo: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        if cluster is not None:
            with signals.held():
                cluster.stop()
    _out.print("\ndemo: ok")
    return 0


def tell_in(dsn: str) -> int:
    """Everything between starting the cluster and stopping it; returns the customer that it is about."""
    _heading("The schema: alembic upgrade heads")
    for line in run(dsn, ROOT, "alembic", "upgrade", "heads"):
        if line.startswith("Running"):
            _say(line)

    _heading("The data")
    customers = read_customers()
    with closing(connect(dsn)) as connection:
        load_customers(connection, customers)
    _say(f"{len(customers):,} customers copied into churn.customer_profile")

    _heading("The model, fitted in Python")
    fitted = fit(customers)
    _say("scaling, one-hot encoding, gradient boosting;")
    _say(f"ROC AUC {fitted.auc:.3f} on the {len(fitted.held_out):,} customers that were held out")

    _heading("Publishing it")
    _publish(dsn, fitted)

    _heading("Complaints")
    return _complaints(dsn, fitted)


def _publish(dsn: str, fitted: FittedModel) -> None:
    """Signs the model with a new key, which lives only as long as this function, and promotes it."""
    with tempfile.TemporaryDirectory(prefix="pgscore-demo-") as folder:
        joblib.dump(fitted.pipeline, Path(folder) / "model.joblib")
        _show(dsn, folder, "pgscore keys generate demo.pem")
        _show(dsn, folder, "pgscore keys trust demo.pem.pub --holder 'make demo'")
        _say("This database now unpickles what that key signs: [bold]whoever holds it can run code as the[/bold]")
        _say("[bold]server's user[/bold]. Here that is a throw-away cluster, and the key is deleted after its use.")
        _show(
            dsn,
            folder,
            "pgscore publish churn model.joblib --profile churn.customer_profile --key demo.pem"
            f" --metric roc_auc={fitted.auc:.3f} --promote",
        )


def _show(dsn: str, folder: str, command: str) -> None:
    _say(f"$ {command}")
    for line in run(dsn, Path(folder), *shlex.split(command)):
        _out.print(f"    {line}", markup=False)


def _complaints(dsn: str, fitted: FittedModel) -> int:
    with closing(connect(dsn)) as owners, closing(connect(dsn)) as administrators:
        password = create_application_role(administrators)
        owner = Owner(owners)
        customer = choose_customer(fitted)
        _say(f"Customer {customer} is held out, has never complained, and the model thinks them loyal. Now an")
        _say("application inserts their complaints, one transaction each. It knows nothing of pgscore, and its")
        _say(f"role, {APPLICATION_ROLE}, may insert into churn.complaints and do nothing else.")
        with closing(connect(dsn, APPLICATION_ROLE, password)) as application:
            steps = file_complaints(application, owner, fitted, customer)
            print_steps(_out, steps)
            compare_rollback(application, owner, fitted, customer)
        # Another customer, with the engine that unpickles; then the engines that were measured to be fastest again.
        owner.promote("estimator")
        with closing(connect(dsn, APPLICATION_ROLE, password)) as application:
            print_times(_out, steps, first_complaint(application, customer + 1))
        owner.promote(None)
    _say("A complaint that was rolled back left counter and score as they were.")
    _say(f"Every committed score is what predict_proba gives in Python for the profile row, to {TOLERANCE}.")
    return customer


def _explain_how_to_go_on(cluster: PrivateCluster, customer: int) -> None:
    _heading("The cluster stays up")
    _say(f"DSN:   {cluster.dsn()}")
    _say(f"psql:  psql '{cluster.dsn()}'")
    _say("try:")
    for line in (
        f"insert into churn.complaints (customer_id, kind) values ({customer}, 'billing');",  # noqa: S608  printed
        "select customer_id, number_customer_service_calls, churn_score, churn_model_version",
        f"    from churn.customer_profile where customer_id = {customer};",
    ):
        _say(f"    {line}")
    _say(f"stop:  {cluster.stop_command()}")


def _version(cluster: PrivateCluster) -> str:
    with closing(connect(cluster.dsn())) as connection:
        number: int = connection.server_version
    return f"{number // 10000}.{number % 10000}"


def _heading(text: str) -> None:
    _out.print(f"\n[bold]{text}[/bold]")


def _say(text: str) -> None:
    _out.print(f"  {text}")
