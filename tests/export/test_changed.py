"""What changed since the last export: no row is lost at the border, whoever had it open then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pgscore import BusyError
from pgscore.export import Exported, export_scores

from . import world

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_SET = "update shop.customer set score = 1 where id = {}"
_CAUGHT = """
    do $$
    begin
        begin
            update shop.customer set score = 1 where id = {};
        exception when division_by_zero then
            null;
        end;
    end
    $$
"""
_TWICE = """
    do $$
    begin
        for i in {} .. {} loop
            begin
                update shop.customer set score = 1 where id = i;
            exception when division_by_zero then
                null;
            end;
        end loop;
    end
    $$
"""


class Exports:
    """Exports of changes, each to a file of its own."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn, self._folder = dsn, folder
        self.done: Exported

    def next(self, **arguments: Any) -> set[int]:  # noqa: ANN401
        """Exports, and gives the ids of the rows."""
        to = str(self._folder / "{at}.csv")
        self.done = export_scores(self._dsn, "shop", to, changed=True, retries=0, **arguments)
        lines = Path(self.done.details["file"]).read_text().splitlines()
        return {int(line.split(",")[0]) for line in lines[1:]}


@pytest.fixture
def exports(reader: str, tmp_path: Path) -> Exports:
    found = Exports(reader, tmp_path)
    assert len(found.next()) == world.ROWS
    assert found.next() == set()
    return found


def test_transactions_that_were_open_at_the_last_export(exports: Exports, shop: Database, session: Session) -> None:
    """Behind savepoints too: there a row has the number of a subtransaction, which no snapshot lists."""
    plain, nested, block, many, prepared, gone = (shop.session() for _ in range(6))
    for each in (plain, nested, block, many, prepared, gone):
        each.run("begin")
    plain.run(_SET.format(11))
    nested.run("savepoint a")
    nested.run(_SET.format(12))
    nested.run("savepoint b")
    nested.run(_SET.format(13))
    nested.run("rollback to b")
    nested.run("release a")
    block.run(_CAUGHT.format(14))
    # More than a backend lists of its subtransactions.
    many.run(_TWICE.format(100, 199))
    prepared.run("savepoint c")
    prepared.run(_SET.format(15))
    prepared.run("prepare transaction 'later'")
    gone.run("savepoint d")
    gone.run(_SET.format(16))
    # Others commit meanwhile, so that the subtransactions lie in the midst of the next snapshot.
    world.change(session, 20, 21)
    assert exports.next() == {20, 21}
    assert exports.done.changed
    plain.run("commit")
    world.change(session, 22)
    assert exports.next() >= {11, 22}
    for each in (nested, block, many):
        each.run("commit")
    gone.run("rollback")
    prepared.run("commit prepared 'later'")
    found = exports.next()
    assert found >= {12, 14, 15, *range(100, 200)}
    assert found <= {11, 12, 14, 15, 20, 21, 22, *range(100, 200)}
    assert exports.next() == set()


def test_what_begins_before_an_export_and_commits_after_it(exports: Exports, shop: Database, session: Session) -> None:
    """Its time of scoring is that of its beginning, which is before the export's."""
    slow = shop.session()
    slow.run("begin")
    slow.value("select now()")
    assert exports.next() == set()
    slow.run("update shop.customer set score = 3, scored_at = now() where id = 30")
    slow.run("commit")
    assert exports.next() == {30}
    # Only what can be seen is exported, and locks change nothing.
    session.run("insert into shop.customer (id, score) values (9001, 1), (9002, 2)")
    session.run("begin")
    session.run("select from shop.customer where id < 100 for update")
    session.run("select from shop.customer where id < 200 for share")
    session.run("commit")
    session.run("delete from shop.customer where id in (9002, 40)")
    session.run("vacuum (freeze) shop.customer")
    assert exports.next() == {9001}
    session.run("vacuum full shop.customer")
    assert exports.next() == set()
    session.run("insert into shop.visit values (1, 31), (2, 31)")
    assert exports.next() == {31}


def test_an_export_that_failed_is_made_up_for(exports: Exports, session: Session) -> None:
    world.change(session, 50)

    def stop(text: str, done: int | None = None, total: int | None = None) -> None:
        if text == "completing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exports.next(progress=stop)
    world.change(session, 51)
    assert exports.next() == {50, 51}


def test_only_one_at_a_time(exports: Exports, session: Session) -> None:
    def again(text: str, done: int | None = None, total: int | None = None) -> None:
        if text == "exporting":
            with pytest.raises(BusyError, match="another export to this target is under way"):
                exports.next()

    world.change(session, 60)
    assert exports.next(progress=again) == {60}


def test_when_numbers_of_transactions_say_nothing_all_is_exported(exports: Exports, session: Session) -> None:
    def why() -> str | None:
        assert len(exports.next()) == session.value("select count(*) from shop.customer")
        return exports.done.why_all

    restored = "the database was restored, or a standby took over, since the last export"
    server = session.value("select server from pgscore.export")
    identifier, timeline, database = server.split("/")
    assert str(session.value("select system_identifier from pg_control_system()")) == identifier
    assert timeline == "00000001"
    for other in (f"1/{timeline}/{database}", f"{identifier}/00000002/{database}", f"{identifier}/{timeline}/1"):
        session.run("update pgscore.export set server = %s", other)
        assert why() == restored
    session.run("update pgscore.export set snapshot = '999999:999999:'")
    assert why() == restored
    session.run("alter table shop.customer alter visits type numeric")
    assert len(exports.next()) == world.ROWS
    session.run("update pgscore.export set snapshot = '5:6:'")
    assert exports.next(columns=["name"]) != set()
    assert exports.done.why_all == "other columns, or of other types, were exported last"


def test_partitions_that_come_bring_rows_that_nobody_has_written(reader: str, session: Session, tmp_path: Path) -> None:
    session.run(
        f"""
        create extension postgres_fdw;
        set role {world.OWNER};
        create table shop.parted (
            id bigint primary key, visits bigint not null default 0, score float8, version integer,
            scored_at timestamptz
        ) partition by range (id);
        create table shop.low partition of shop.parted for values from (0) to (100);
        create table shop.high (like shop.parted including all);
        insert into shop.parted (id, score) values (1, 1), (2, 2);
        insert into shop.high (id, score) values (101, 1), (102, 2);
        grant select on shop.parted to {world.READER};
        select pgscore.attach(
            'shop', 'shop.visit', 'shop.parted', 'customer', 'id', '[{{"column": "visits", "aggregate": "count"}}]',
            'score', 'version', 'scored_at'
        );
        reset role;
        """
    )
    exports = Exports(reader, tmp_path)
    assert exports.next(profile="shop.parted") == {1, 2}
    session.run("alter table shop.parted attach partition shop.high for values from (100) to (200)")
    session.run("update shop.parted set score = 5 where id = 2")
    assert exports.next(profile="shop.parted") == {2, 101, 102}
    assert exports.done.changed
    assert exports.next(profile="shop.parted") == set()
    session.run("alter table shop.parted detach partition shop.high")
    session.run("drop table shop.high")
    assert exports.next(profile="shop.parted") == set()
