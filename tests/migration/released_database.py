"""A database of a release as its users have it: with models, bindings, events, logs. Each release leaves a dump of one.

`make release-dump` writes that of the present release, with its own code; later ones must be able to upgrade it.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pgscore

from examples.server.cluster import PrivateCluster
from tests.bindings import shop
from tests.support import migrate, models
from tests.support.database import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "released"
EVENT = f'insert into {shop.EVENTS} (id, "Customer Id", "Kind", rush, amount, pieces, weight, at)'


def dumps() -> Mapping[str, Path]:
    """The dump of each release that left one, by its number."""
    return {path.name.removesuffix(".sql.gz"): path for path in sorted(FOLDER.glob("*.sql.gz"))}


def use(dsn: str, key: Path) -> None:
    """Puts pgscore to use in an empty database: two tables and an application's, programs, an artifact, a log."""
    migrate.upgrade(dsn)
    session = Session(dsn)
    models.load_customers(session)
    pgscore.trust_key(dsn, pgscore.read_public_key(key.with_name(key.name + ".pub")), "the tests")
    pgscore.publish(dsn, "churn", models.light_pipeline(), profile="churn.customer_profile", key=key, promoted=True)
    pgscore.publish(dsn, "churn", models.opaque_pipeline(), profile="churn.customer_profile", key=key)
    shop.build(session, partitioned=True)
    shop.publish(dsn, None)
    shop.attach(session, log="true", on_missing="insert")
    session.run("insert into churn.complaints (customer_id, kind) select 1 + g % 60, 'x' from generate_series(1, 90) g")
    session.run(f"{EVENT} select g, 1 + g % 7, 'billing', g % 2 = 0, g, g, g, g from generate_series(1, 60) g")
    # One that keeps its score and is listed.
    session.run("update churn.customer_profile set total_day_minutes = 'Infinity' where customer_id = 60")
    session.run("analyze")
    session.close()


def main() -> int:
    """Writes the dump of this release."""
    path = FOLDER / f"{version('pgscore')}.sql.gz"
    with PrivateCluster() as cluster, tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key.pem"
        pgscore.generate_key(key)
        use(cluster.dsn(), key)
        path.write_bytes(gzip.compress(migrate.dump(cluster.dsn()).encode(), mtime=0))
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
