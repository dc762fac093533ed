"""What `alembic` says and does where something is in its way: one sentence, no password, nothing half done."""

from __future__ import annotations

import multiprocessing
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from alembic.util import CommandError

from migrations.authoring.checkout import Checkout
from tests.support import migrate
from tests.support.database import Database, Session, wait_until_blocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import AsyncResult

    from examples.server.cluster import PrivateCluster

_SECRET = "s3cret/of@me%"  # noqa: S105
_ENCODINGS = ("LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252")


@pytest.fixture(scope="module")
def bare(cluster: PrivateCluster) -> Iterator[Database]:
    """A database of its own, with nothing in it, for all refusals."""
    session = Session(cluster.dsn())
    session.run("create database bare template template0")
    database = Database(cluster, "bare")
    yield database
    database.close()
    session.run("drop database bare with (force)")
    session.close()


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        (f"postgresql+psycopg2://me:{quote(_SECRET, safe='')}@127.0.0.1:1/shop", "cannot be reached"),
        (f"postgres://me:{quote(_SECRET, safe='')}@127.0.0.1:1/shop", "cannot be reached"),
        (f"host=127.0.0.1 port=1 user=me password='{_SECRET}'", "cannot be reached"),
        (f"postgresql://me:{_SECRET}@127.0.0.1:1/shop", "malformed"),
        ("postgresql://me:s3cret/1@127.0.0.1:1/shop", "malformed"),
        ("postgresql://me:s3cret@1@127.0.0.1:1/shop", "malformed"),
        ("postgresql://me:s3cret@[::1/shop", "malformed"),
        ("postgresql+psycopg2://me:s3cret@127.0.0.1:x/shop", "malformed"),
        ("host=127.0.0.1 password=my s3cret", "malformed"),
        ("host=127.0.0.1 password=my s3cret=1", "malformed"),
        ("host=127.0.0.1 passwort=s3cret", "malformed"),
        ("postgresql+asyncpg://me:s3cret@127.0.0.1:1/shop", "is for the driver asyncpg, and pgscore connects with psy"),
        ("mysql://me:s3cret@127.0.0.1:1/shop", "mysql:// is no PostgreSQL database"),
    ],
)
def test_a_connection_string_that_leads_nowhere_is_said_without_its_password(dsn: str, said: str) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        migrate.upgrade(dsn)
    for piece in ("s3cret", "of@me", quote(_SECRET, safe="")):
        assert piece not in str(caught.value)


def _head(branch: str) -> str:
    return Checkout().chain(branch)[-1]


def test_what_is_in_the_way_is_one_sentence(bare: Database, cluster: PrivateCluster) -> None:
    password = quote(cluster.password)
    wrong = bare.dsn().replace(password, "wr0ng")
    bare.session().run("create role migrant login password 'his'")
    nobody = bare.dsn().replace(f"postgres:{password}", "migrant:his")
    for dsn, said in (
        (wrong, 'password authentication failed for user "postgres"'),
        (cluster.dsn("n0where"), 'database "n0where" does not exist'),
        (nobody, r"permission denied for schema public \(42501\)\. The branch core is installed by a role"),
        (
            bare.dsn() + "?options=-cdefault_transaction_read_only%3Don",
            r"read-only transaction \(25006\)\. Run it on t",
        ),
    ):
        with pytest.raises(CommandError, match=said) as caught:
            migrate.upgrade(dsn)
        assert "\n" not in str(caught.value)
        assert "wr0ng" not in str(caught.value)
    bare.session().run("drop role migrant")
    assert bare.session().run("select from pg_class where relname = 'pgscore_alembic_version'") == []


def test_the_command_ends_in_one_line_and_no_traceback(cluster: PrivateCluster) -> None:
    done = migrate.alembic("", "-x", "dsn=postgresql+psycopg2://me:s3cret@127.0.0.1:1/shop", "upgrade", "core@head")
    assert done.returncode not in (0, None)
    assert done.stdout.startswith("FAILED: the database cannot be reached: ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    done = migrate.alembic(cluster.dsn("n0where").replace("postgresql:", "postgresql+psycopg2:"), "current")
    assert (done.returncode != 0, done.stderr) == (True, "")
    assert 'database "n0where" does not exist' in done.stdout


def _upgrade(dsn: str) -> str:
    try:
        migrate.upgrade(dsn)
    except CommandError as error:
        return str(error)
    return "done"


def _together(count: int, dsn: str) -> list[str]:
    # Processes, because Alembic keeps one command's state for the whole process.
    with multiprocessing.get_context("fork").Pool(count) as pool:
        waiting: list[AsyncResult[str]] = [pool.apply_async(_upgrade, (dsn,)) for _ in range(count)]
        return [each.get(timeout=120) for each in waiting]


def test_ten_upgrades_at_once_do_it_once(empty: Database) -> None:
    patient = empty.dsn() + "?options=-clock_timeout%3D60s"
    assert _together(10, patient) == ["done"] * 10
    session = empty.session()
    assert session.run("table pgscore_alembic_version order by 1") == [(_head("plpython"),), (_head("churn"),)]
    # Nothing is left to do, so the lock is all that an eleventh asks for.
    session.run("begin; lock table pgscore_alembic_version in share update exclusive mode")
    impatient = empty.dsn() + "?options=-clock_timeout%3D20ms"
    assert set(_together(2, impatient)) == {
        "canceling statement due to lock timeout (55P03). Another session holds what this needs; nothing was changed,"
        " so run it again, with a longer lock_timeout."
    }


def test_a_first_upgrade_that_waits_or_loses_its_connection_leaves_nothing(empty: Database) -> None:
    session = empty.session()
    before = migrate.schema(empty.dsn())
    session.run("begin; create schema pgscore_models")  # somebody else makes something of the same name
    assert _upgrade(empty.dsn() + "?options=-clock_timeout%3D20ms").startswith(
        "canceling statement due to lock timeout"
    )
    with multiprocessing.get_context("fork").Pool(1) as pool:
        waiting = pool.apply_async(_upgrade, (empty.dsn(),))
        observer = empty.session()
        pid = None
        while pid is None:
            found = observer.run(
                "select pid from pg_stat_activity where application_name = 'pgscore' and wait_event_type = 'Lock'"
                " and datname = current_database()"
            )
            pid = found[0][0] if found else None
        wait_until_blocked(observer, pid, by=session.pid)
        observer.run("select pg_terminate_backend(%s)", pid)
        said = waiting.get(timeout=60)
    assert said.startswith("the connection to the database was lost: ")
    assert said.endswith(". Nothing was changed; run it again.")
    session.run("rollback")
    assert migrate.schema(empty.dsn()) == before
    assert session.run("select from pg_class where relname = 'pgscore_alembic_version'") == []


def test_what_somebody_dropped_is_said_and_made_anew(empty: Database) -> None:
    dsn = empty.dsn()
    session = empty.session()
    migrate.upgrade(dsn, "plpython@head")
    whole = migrate.schema(dsn)
    for dropped, branch in (("pgscore_trusted", "plpython"), ("pgscore", "core"), ("pgscore_models", "core")):
        session.run(f"drop schema {dropped} cascade")
        for run in (migrate.upgrade, migrate.downgrade):
            with pytest.raises(CommandError, match=f"says that {branch} is installed .*, and schema {dropped} is gone"):
                run(dsn, "plpython@head" if run is migrate.upgrade else "core@base")
        migrate.upgrade(dsn, "plpython@head", anew=True)
        assert migrate.schema(dsn) == whole
    # Where the table is what is gone.
    session.run("truncate pgscore_alembic_version")
    with pytest.raises(
        CommandError, match=r"schema pgscore and pgscore_models is there, and .* alembic stamp core@head"
    ):
        migrate.upgrade(dsn)
    for branch in ("core", "plpython"):
        assert migrate.alembic(dsn, "stamp", f"{branch}@head").returncode == 0
    migrate.upgrade(dsn, "plpython@head")
    assert migrate.schema(dsn) == whole


def test_the_version_table_stands_where_one_says(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    session = empty.session()
    session.run('drop schema public; create schema "Operations"')
    with pytest.raises(
        CommandError, match=r"there is no schema public, .*: -x version_schema=… or PGSCORE_VERSION_SCHE"
    ):
        migrate.upgrade(empty.dsn(), "core@head")
    monkeypatch.setenv("PGSCORE_VERSION_SCHEMA", "Operations")
    migrate.upgrade(empty.dsn(), "core@head")
    assert session.run('table "Operations".pgscore_alembic_version') == [(_head("core"),)]
    monkeypatch.delenv("PGSCORE_VERSION_SCHEMA")
    session.run("create schema public")
    with pytest.raises(
        CommandError, match=r"does not say that core is installed; Operations.pgscore_alembic_version may"
    ):
        migrate.upgrade(empty.dsn(), "core@head")
    done = migrate.alembic(empty.dsn(), "-x", "version_schema=Operations", "downgrade", "core@base")
    assert done.returncode == 0, done.stdout


def test_a_version_table_that_runs_code_is_refused(empty: Database) -> None:
    """Whoever migrates may be a superuser, and reads and writes that table."""
    session = empty.session()
    made = "create table pgscore_alembic_version (version_num varchar(32) primary key)"
    evil = "create function public.evil() returns trigger language plpgsql as $$ begin raise exception 'ran'; end $$"
    session.run(evil)
    for statements in (
        f"{made}; create trigger t before insert on pgscore_alembic_version for each row execute function evil()",
        "create view pgscore_alembic_version as select 'x'::varchar as version_num, 1 / 0 as gone",
        f"{made}; alter table pgscore_alembic_version enable row level security",
        f"{made}; create rule r as on insert to pgscore_alembic_version do also select 1 / 0",
        "create domain public.d as varchar; create table pgscore_alembic_version (version_num public.d primary key)",
    ):
        session.run(f"begin; {statements}; commit")
        for run in (migrate.upgrade, migrate.current):
            with pytest.raises(CommandError, match="is not the table that Alembic made"):
                run(empty.dsn())
        session.run(f"drop {'view' if 'create view' in statements else 'table'} pgscore_alembic_version cascade")


def test_databases_of_any_encoding_are_installed(cluster: PrivateCluster) -> None:
    session = Session(cluster.dsn())
    for encoding in _ENCODINGS:
        name = f"in_{encoding.lower()}"
        session.run(f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")
        dsn = cluster.dsn(name).replace("postgresql:", "postgresql+psycopg2:")
        migrate.upgrade(dsn, "core@head")
        migrate.upgrade(dsn, "plpython@head")
        assert re.search(_head("plpython"), migrate.alembic(dsn, "current").stdout)
        migrate.downgrade(dsn, "core@base")
        session.run(f"drop database {name} with (force)")
    session.close()
