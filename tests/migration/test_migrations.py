"""Invariant 6: however it was installed, it is the same database."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest
from alembic.util import CommandError
from pgscore._migrations.executor import FrozenSqlChangedError

from examples.server.cluster import PrivateCluster
from migrations.authoring.checkout import Checkout
from tests.support import migrate
from tests.support.database import Database, Session
from tests.support.models import customers, light_pipeline, opaque_pipeline, probability, profiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BRANCHES = ("core", "plpython", "churn")
_ADMIN = "test_admin"


@pytest.fixture(scope="module")
def reference(cluster: PrivateCluster) -> str:
    """The schema after `alembic upgrade heads`."""
    session = Session(cluster.dsn())
    session.run("create database reference template template0")
    session.close()
    migrate.upgrade(cluster.dsn("reference"))
    return migrate.schema(cluster.dsn("reference"))


def test_invariant_6_branch_by_branch_is_the_same(empty: Database, reference: str) -> None:
    for branch in _BRANCHES:
        migrate.upgrade(empty.dsn(), f"{branch}@head")
    assert migrate.schema(empty.dsn()) == reference


def test_invariant_6_the_other_order_of_branches_is_the_same(empty: Database, reference: str) -> None:
    """Both plpython and churn bring core's first revision with them, and not each other."""
    migrate.upgrade(empty.dsn(), "churn@head")
    session = empty.session()
    assert session.value("select to_regnamespace('pgscore_trusted')") is None
    migrate.upgrade(empty.dsn(), "plpython@head")
    migrate.upgrade(empty.dsn(), "core@head")
    assert migrate.schema(empty.dsn()) == reference


def test_invariant_6_the_sql_tree_is_the_same(empty: Database, reference: str) -> None:
    for branch in _BRANCHES:
        migrate.psql(empty.dsn(), "-1", "-f", str(migrate.ROOT / "sql" / f"{branch}.sql"))
    assert migrate.schema(empty.dsn()) == reference


def test_invariant_6_the_offline_script_is_the_same(empty: Database, reference: str) -> None:
    script = migrate.offline_script("heads")
    checkout = Checkout()
    for revision in (revision for branch in _BRANCHES for revision in checkout.chain(branch)):
        assert (checkout.versions / f"{revision}.up.sql").read_text() in script
    migrate.psql(empty.dsn(), script=script)
    assert migrate.schema(empty.dsn()) == reference
    # Alembic knows where it stands, and has nothing left to do.
    migrate.upgrade(empty.dsn())


def test_invariant_6_down_and_up_again_is_the_same(empty: Database, reference: str) -> None:
    dsn = empty.dsn()
    before = migrate.schema(dsn)
    migrate.upgrade(dsn)
    for branch in ("churn", "plpython", "core"):
        migrate.downgrade(dsn, f"{branch}@base")
        if branch == "churn":
            assert "churn" not in _schemas(empty)
    # The extension and the roles stay: others may use them.
    assert _schemas(empty) == {"public"}
    session = empty.session()
    session.run("drop extension plpython3u")
    session.run("drop owned by pgscore_owner, churn_owner")
    assert migrate.schema(dsn) == before
    migrate.upgrade(dsn)
    assert migrate.schema(dsn) == reference


def test_invariant_6_only_churn_goes(empty: Database) -> None:
    migrate.upgrade(empty.dsn(), "core@head")
    migrate.upgrade(empty.dsn(), "plpython@head")
    before = migrate.schema(empty.dsn())
    migrate.upgrade(empty.dsn())
    migrate.downgrade(empty.dsn(), "churn@base")
    assert migrate.schema(empty.dsn()) == before


def test_a_downgrade_keeps_what_nothing_else_holds_until_it_is_told_to_lose_it(serving: Database) -> None:
    serving.session().run(
        "insert into pgscore.stream_offset (consumer_group, topic, partition, topic_id, next_offset, claim)"
        " values ('scores', 'complaints', 0, 'a', 1, gen_random_uuid())"
    )
    before = migrate.schema(serving.dsn())
    for lose, lost in (
        ("", "trusted keys would be lost: "),
        ("keys", "the reference application has customers, who would be lost (2BP01); alembic -x lose=customers"),
        ("customers,keys", "how far streams were consumed would be lost: scores (2BP01); alembic -x lose=offsets"),
        ("customers,keys,offsets", "published models would be lost: churn (2BP01); alembic -x lose=models takes them"),
    ):
        with pytest.raises(CommandError, match=re.escape(lost)):
            migrate.downgrade(serving.dsn(), "core@base", lose=lose)
        assert migrate.schema(serving.dsn()) == before
    migrate.downgrade(serving.dsn(), "core@base", lose="customers, keys, models, offsets")
    assert _schemas(serving) == {"public"}


def _schemas(database: Database) -> set[str]:
    found = database.session().run(
        "select nspname from pg_namespace where nspname !~ '^(pg_(catalog|toast|temp)|information_schema)'"
    )
    return {name for (name,) in found}


@pytest.mark.parametrize("branch", _BRANCHES)
def test_invariant_6_the_frozen_sql_is_the_tree(branch: str) -> None:
    checkout = Checkout()
    assert checkout.recorded_tree(branch, checkout.chain(branch)[-1]).read_text() == checkout.tree(branch)


@pytest.mark.parametrize("branch", _BRANCHES)
def test_every_file_of_the_tree_belongs_to_it(branch: str) -> None:
    included = re.findall(r"^\\ir (.+)$", (migrate.ROOT / "sql" / f"{branch}.sql").read_text(), re.MULTILINE)
    files = {str(path.relative_to(migrate.ROOT / "sql")) for path in (migrate.ROOT / "sql" / branch).rglob("*.sql")}
    assert len(included) == len(set(included))
    assert set(included) == files


def test_the_rendered_runtime_is_up_to_date() -> None:
    check = [sys.executable, "-m", "plpython.render", "--check"]
    done = subprocess.run(check, cwd=migrate.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_changed_frozen_file_is_refused(empty: Database, tmp_path: Path, direction: str) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.ROOT / "migrations", scripts)
    changed = scripts / "versions" / f"0001_core.{direction}.sql"
    changed.write_text(changed.read_text() + "\n")
    if direction == "down":
        migrate.upgrade(empty.dsn(), "core@head")
    before = migrate.schema(empty.dsn())
    run, target = (migrate.upgrade, "core@head") if direction == "up" else (migrate.downgrade, "core@base")
    with pytest.raises(FrozenSqlChangedError, match=f"0001_core.{direction}.sql has sha256"):
        run(empty.dsn(), target, scripts=scripts)
    assert migrate.schema(empty.dsn()) == before


@pytest.fixture(scope="module")
def other_cluster() -> Iterator[PrivateCluster]:
    """A cluster that has never seen pgscore: its roles do not exist."""
    with PrivateCluster() as cluster:
        session = Session(cluster.dsn())
        session.run(f"create role {_ADMIN} login createrole password 'secret'")
        session.run(f"create database managed owner {_ADMIN}")
        session.close()
        yield cluster


def test_core_needs_no_superuser(other_cluster: PrivateCluster) -> None:
    dsn = f"postgresql://{_ADMIN}:secret@{other_cluster.host}:{other_cluster.port}/managed"
    for branch in ("core", "churn"):
        migrate.upgrade(dsn, f"{branch}@head")
    session = Session(dsn)
    assert session.value("select rolsuper from pg_roles where rolname = current_user") is False
    session.run(
        "insert into churn.customer_profile select 1, 'KS', 1, 'a', 'no', 'no', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1"
    )
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'x'), (1, 'y')")
    counter = "select number_customer_service_calls from churn.customer_profile"
    assert session.value(counter) == 2
    # A model that is a program is verified, promoted and scored by SQL.
    published = pgscore.publish(dsn, "churn", light_pipeline(), golden=customers(), profile="churn.customer_profile")
    assert (published.problem, published.obstacle) == (None, None)
    assert [(each.engine, each.ok) for each in published.verifications] == [("sql", True)]
    pgscore.promote(dsn, "churn", 1)
    assert session.row("select serving, one_engine, many_engine from pgscore.model") == (1, "sql", "sql")
    assert session.run("select engine from pgscore.measurement") == [("sql",)]
    stored = "select churn_score, churn_model_version, number_customer_service_calls from churn.customer_profile"
    assert session.row(stored) == (None, None, 2)
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'z')")
    moved = probability(light_pipeline(), profiles(session))
    assert session.row(stored) == (pytest.approx(moved[0], abs=1e-12), 1, 3)
    for row in ("p", "to_jsonb(p)"):
        (score,) = session.row(f"select pgscore.score('churn', {row}) from churn.customer_profile p")
        assert score == pytest.approx(moved[0], abs=1e-12)
    assert session.run("select * from pgscore.stale") == []
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="has no engine"):
        session.run("select pgscore.promote('churn', 1, 'interpreter')")
    # One that is none is stored, and all else says what is missing.
    missing = "needs PL/Python, which this database does not have"
    published = pgscore.publish(dsn, "churn", opaque_pipeline(), golden=customers(), profile="churn.customer_profile")
    assert published.version == 2
    assert published.obstacle is not None
    assert missing in (published.problem or "")
    for call in ("pgscore.verify('churn', 2)", "pgscore.promote('churn', 2)"):
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match=missing):
            session.run(f"select * from {call}")
    assert session.value("select serving from pgscore.model") == 1
    with pytest.raises(psycopg2.Error, match="permission denied"):
        session.run("create extension plpython3u")
    session.close()
    migrate.downgrade(dsn, "core@base", lose="customers,models")
    migrate.upgrade(dsn, "core@head")


def test_invariant_6_dump_and_restore_keep_scoring(serving: Database, cluster: PrivateCluster, tmp_path: Path) -> None:
    session = serving.session()
    session.run("insert into churn.complaints (customer_id, kind) select i, 'x' from generate_series(1, 9) i")
    stored = "select customer_id, number_customer_service_calls, churn_score from churn.customer_profile order by 1"
    before = session.run(stored)
    script = tmp_path / "dump.sql"
    script.write_text(migrate.dump(serving.dsn()))
    session.run("create database restored template template0")
    restored = Database(cluster, "restored")
    try:
        migrate.psql(restored.dsn(), "-f", str(script))
        assert migrate.schema(restored.dsn()) == migrate.schema(serving.dsn())
        there = restored.session()
        assert there.run(stored) == before
        scores = "select pgscore.score('churn', p) from churn.customer_profile p order by customer_id"
        assert there.run(scores) == session.run(scores)
        there.run("insert into churn.complaints (customer_id, kind) values (1, 'after')")
        session.run("insert into churn.complaints (customer_id, kind) values (1, 'after')")
        assert there.run(stored) == session.run(stored)
        there.run("select pgscore.promote('churn', 2)")
        assert there.value(scores.replace("order", "where customer_id = 2 order")) == pytest.approx(
            probability(light_pipeline(), customers().iloc[[1]].assign(number_customer_service_calls=before[1][1]))[0]
        )
    finally:
        restored.close()
        session.run("drop database restored with (force)")
