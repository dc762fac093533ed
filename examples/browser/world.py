"""What the page needs of a database: the churn model, with complaints and calls, as a bundle and as rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .site import build_site

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

_CALLS = Path(__file__).with_name("calls.sql")
BINDINGS = [("churn.complaints", "churn.customer_profile"), ("churn.calls", "churn.customer_profile")]
# An event of each button: the table, and its row.
EVENTS: dict[str, tuple[str, dict[str, object]]] = {
    **{kind: ("churn.complaints", {"kind": kind}) for kind in ("billing", "coverage", "hotline")},
    **{
        period: ("churn.calls", {"period": period, "minutes": 20, "charge": charge})
        for period, charge in (("day", 3.4), ("eve", 1.7), ("night", 0.9), ("intl", 5.4))
    },
}


def add_calls(connection: Connection) -> None:
    """Makes the table of calls, and attaches it; needs a superuser, and customers that are loaded."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_CALLS.read_text())


def read_profiles(connection: Connection) -> tuple[list[str], list[list[Any]]]:
    """The profiles as JSON holds them, the key first: names of the columns, and rows."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select to_jsonb(p) - array['churn_score', 'churn_scored_at', 'churn_model_version']"
            " from churn.customer_profile p order by customer_id"
        )
        profiles = [profile for (profile,) in cursor.fetchall()]
    columns = ["customer_id", *(name for name in profiles[0] if name != "customer_id")]
    return columns, [[profile[name] for name in columns] for profile in profiles]


def read_scores(connection: Connection) -> dict[int, float | None]:
    """What pgscore.score says of each customer as the profile stands."""
    with connection, connection.cursor() as cursor:
        cursor.execute("select customer_id, pgscore.score('churn', p) from churn.customer_profile p")
        return dict(cursor.fetchall())


def happen(connection: Connection, customer: int, name: str) -> float:
    """Inserts an event of a button, in one transaction; the score that stands in the profile then."""
    table, row = EVENTS[name]
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"insert into {table} (customer_id, {', '.join(row)})"  # noqa: S608  our own names
            f" select %s, {', '.join(row)} from jsonb_populate_record(null::{table}, %s)",
            (customer, json.dumps(row)),
        )
    with connection, connection.cursor() as cursor:
        cursor.execute("select churn_score from churn.customer_profile where customer_id = %s", (customer,))
        (score,) = cursor.fetchone() or (None,)
    return float(score)


def build(folder: Path, connection: Connection, bundle: str, key: str = "") -> None:
    """The site, of the profiles as they stand; `key` is the public key in PEM that the bundle is signed with."""
    columns, rows = read_profiles(connection)
    build_site(folder, bundle, columns, rows, key)
