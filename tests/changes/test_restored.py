"""A dump in another cluster, where numbers of transactions begin anew: nobody loses a change by that."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pgscore import PgscoreError, doctor, export_scores
from pgscore.changes import horizon, read_changes

from examples.server.cluster import PrivateCluster
from examples.server.programs import Programs
from tests.bindings import shop
from tests.support import migrate
from tests.support.command import run
from tests.support.database import Database, Session, refused
from tests.support.standby import standby_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCORE = f'update {shop.PROFILE} set "Score" = %s where id = %s'
_ALL = "select key, score from pgscore.score_changes(%s)"


@pytest.fixture(name="other")
def _other() -> Iterator[PrivateCluster]:
    """A cluster of its own, that is new."""
    with PrivateCluster() as cluster:
        yield cluster


@pytest.fixture
def restored(shopping: Database, other: PrivateCluster, tmp_path: Path) -> Iterator[Database]:
    """The shop, where all was read and exported, restored into a cluster whose numbers are lower."""
    session = shopping.session()
    # More than restoring takes.
    session.run("do $$ begin for i in 1 .. 20000 loop perform pg_current_xact_id(); commit; end loop; end $$")
    shop.attach(session, changes="true")
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 5)")
    run(shopping.dsn(), "listen", "--consumer", "crm", "--once")
    (tmp_path / "position").write_text(horizon(shopping.dsn()) + "\n")
    export_scores(shopping.dsn(), "shop", str(tmp_path / "{at}.csv"), changed=True)
    roles = Programs.chosen().output("pg_dumpall", "-d", shopping.dsn(), "--roles-only")
    # Its superuser is there already.
    migrate.psql(other.dsn(), script="\n".join(line for line in roles.splitlines() if " ROLE postgres" not in line))
    migrate.psql(other.dsn(), script=migrate.dump(shopping.dsn()))
    database = Database(other, "postgres")
    yield database
    database.close()


def _codes(database: Database) -> dict[str, str]:
    return {each.code: each.sentence for each in doctor.examine(database.dsn())}


def test_consumers_are_told_and_begin_anew_and_exports_are_of_all_rows(
    restored: Database, shopping: Database, other: PrivateCluster, tmp_path: Path
) -> None:
    session = restored.session()
    before = shopping.session()
    assert session.value("select pg_current_xact_id()::text::bigint") < before.value(
        "select min(position)::text::bigint from pgscore.score_change"
    )
    # What is written here gets numbers below those of the dump: none of it may be passed over.
    session.run(_SCORE, 0.25, 1)
    files = ("--position-file", tmp_path / "position", "--once")
    for arguments in (("--consumer", "crm", "--once"), ("--from-outbox", "--once"), files):
        said = run(restored.dsn(), "listen", *arguments, expect=1).stderr
        assert "holds changes of another cluster" in said
        assert "prune_score_changes()" in said
    with refused("55000", "holds changes of another cluster"):
        session.run("select pgscore.score_change_horizon()")
    assert "positions mean nothing here" in _codes(restored)["changes-restored"]
    # Nor is it where the numbers have passed those of the dump.
    session.run("do $$ begin for i in 1 .. 25000 loop perform pg_current_xact_id(); commit; end loop; end $$")
    with refused("55000", "holds changes of another cluster"):
        session.run(_ALL, None)
    session.run("select pgscore.prune_score_changes()")
    for arguments in (("--consumer", "crm", "--once"), files):
        said = run(restored.dsn(), "listen", *arguments, expect=1).stderr
        assert "was read from another database, or before this one was restored" in said
    found = _codes(restored)
    assert "changes-restored" not in found
    assert found["consumer-refused"].startswith("consumer crm of postgres cannot go on: position ")
    since = horizon(restored.dsn())
    scores = dict(session.run(f'select id::text, "Score" from {shop.PROFILE}'))
    session.run(_SCORE, 0.5, 2)
    assert session.run(_ALL, since) == [("2", 0.5)]
    assert scores["1"] == 0.25
    session.run("delete from pgscore.change_consumer")
    assert "consumer-refused" not in _codes(restored)
    # An export of changes notices it, too.
    done = export_scores(restored.dsn(), "shop", str(tmp_path / "{at}.csv"), changed=True)
    assert (done.changed, done.rows) == (False, 5)
    assert done.why_all == "the database was restored, or a standby took over, since the last export"
    session.run(_SCORE, 0.75, 1)
    done = export_scores(restored.dsn(), "shop", str(tmp_path / "{at}.csv"), changed=True)
    assert (done.changed, done.rows) == (True, 1)
    _fail_over(restored, other, since, str(tmp_path / "{at}.csv"))


def _fail_over(restored: Database, primary: PrivateCluster, since: str, to: str) -> None:
    """A standby that has not heard of all takes over: who has read more than it has is told so, and nobody else."""
    session = restored.session()
    with standby_of(primary, session.value("select setting from pg_config where name = 'BINDIR'"), follows=False) as it:
        dsn = restored.dsn().replace(f":{primary.port}/", f":{it.port}/")
        *_, heard = read_changes(dsn, since).changes
        session.run(_SCORE, 0.125, 3)
        (lost,) = read_changes(restored.dsn(), heard.position).changes
        it.promote()
        with closing(Session(dsn)) as promoted:
            promoted.run("do $$ begin for i in 1 .. 100 loop perform pg_current_xact_id(); commit; end loop; end $$")
            promoted.run(_SCORE, 0.875, 4)
            assert [each.key for each in read_changes(dsn, heard.position).changes] == ["4"]
            with pytest.raises(PgscoreError, match="was read before a standby took over"):
                read_changes(dsn, lost.position)
        assert "a standby took over" in str(export_scores(dsn, "shop", to, changed=True).why_all)


def test_a_dump_in_the_same_cluster_is_another_outbox(shopping: Database) -> None:
    """As where a table was lost and is restored from last night's dump: its numbers are of this cluster, and behind."""
    session = shopping.session()
    shop.attach(session, changes="true")
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    dumped = migrate.dump(shopping.dsn())
    position = read_changes(shopping.dsn()).position
    name = f"{shopping.name}_again"
    session.run(f'create database "{name}" template template0')
    again = f"{shopping.dsn().rpartition('/')[0]}/{name}"
    try:
        migrate.psql(again, script=dumped)
        said = run(again, "listen", "--from-outbox", "--once", expect=1).stderr
        assert "holds changes of another cluster" in said
        migrate.psql(again, "-c", "select pgscore.prune_score_changes()")
        with pytest.raises(PgscoreError, match="was read from another database"):
            read_changes(again, position)
    finally:
        session.run(f'drop database "{name}"')
