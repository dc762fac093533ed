"""Makes a database ready for the reference application: schema, customers, a model that answers, a login role.

Run again it changes nothing. Reads PGSCORE_DSN, of a superuser, and APPLICATION_PASSWORD, of the login role.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

import pgscore
import psycopg2

from .customers import load_customers, read_customers
from .model import fit
from .setting import ROOT, connect, create_application_role, has_application_role, run


def main() -> int:
    """Prepares the database; the exit code says whether it worked."""
    dsn = os.environ.get("PGSCORE_DSN", "")
    try:
        _prepare(dsn, os.environ["APPLICATION_PASSWORD"])
    except KeyError as missing:
        print(f"prepare: the environment lacks {missing}", file=sys.stderr)
        return 2
    except (pgscore.PgscoreError, psycopg2.Error) as error:
        print(f"prepare: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print("prepare: complaints move scores now")
    return 0


def _prepare(dsn: str, password: str) -> None:
    run(dsn, ROOT, "alembic", "upgrade", "heads")
    customers = read_customers()
    with closing(connect(dsn)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("select exists (select from churn.customer_profile)")
            (is_loaded,) = cursor.fetchone() or (False,)
        if not is_loaded:
            load_customers(connection, customers)
        if not has_application_role(connection):
            create_application_role(connection, password)
    # A program needs no signature, and so no key that somebody would have to keep.
    pgscore.publish(dsn, "churn", fit(customers).pipeline, profile="churn.customer_profile", promoted=True)


if __name__ == "__main__":
    sys.exit(main())
