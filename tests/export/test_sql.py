"""Other databases: one transaction, and tables that fit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from pgscore import PgscoreError
from pgscore.export import export_scores
from pgscore.export.to_sql import SqlTable

from tests.support.command import run, run_json

from . import world
from .servers import QUOTED, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

    from .servers import Server

_TABLES = ("shop_scores", "pgscore_export", "named")


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def engine(request: pytest.FixtureRequest, empty: Database, mariadb: Server, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database of each kind."""
    urls = {
        "postgresql": empty.dsn(),
        "mysql": f"mysql+pymysql://me:{QUOTED}@127.0.0.1:{mariadb.port}/shop",
        "sqlite": f"sqlite:///{tmp_path / 'scores.db'}",
    }
    engine = sa.create_engine(urls[request.param], poolclass=sa.pool.NullPool)
    yield engine
    with engine.begin() as connection:
        for name in _TABLES:
            connection.execute(sa.text(f"drop table if exists {name}"))
    engine.dispose()


def _url(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _row(engine: sa.Engine, sql: str) -> tuple[object, ...]:
    with engine.connect() as connection:
        return tuple(connection.execute(sa.text(sql)).one())


def test_a_table_is_made_and_changes_are_put_upon_it(engine: sa.Engine, reader: str, session: Session) -> None:
    session.run("update shop.customer set score = 8 where id = 8")
    to = _url(engine)
    first = run_json(reader, "export", "shop", "--to", to, "--columns", "name,paid,tags", "--changed")
    assert first["rows"] == world.ROWS
    assert SECRET not in str(first)
    score, version, name = _row(engine, "select score, version, name from shop_scores where id = 9")
    assert (score, version, name) == (9 / 7, 2, "")
    assert _row(engine, "select score, version from shop_scores where id = 7") == (None, None)
    made = sa.Table("shop_scores", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        at = connection.execute(sa.select(made.c.scored_at).where(made.c.id == 9)).scalar_one()
    assert at.replace(tzinfo=None).isoformat() == "2026-01-02T03:04:05.678901"
    world.change(session, 5, 7)
    second = run_json(reader, "export", "shop", "--to", to, "--columns", "name,paid,tags", "--changed")
    assert (second["changed"], second["rows"]) == (True, 2)
    assert _row(engine, "select score, version from shop_scores where id = 7") == (9007, 3)
    assert _row(engine, "select count(*) from shop_scores") == (world.ROWS,)
    assert _row(engine, "select export, row_count from pgscore_export") == (second["stamp"], 2)
    if engine.dialect.name != "sqlite":
        session.run("alter table shop.customer alter version type bigint")
        done = run(reader, "export", "shop", "--to", to, "--columns", "name,paid,tags", expect=1)
        assert 'does not take all integers of 64 bits: column "version"' in done.stderr
    with engine.begin() as connection:
        connection.execute(sa.text("delete from shop_scores"))
        if engine.dialect.name != "sqlite":
            connection.execute(sa.text("drop table shop_scores"))
    third = run_json(reader, "export", "shop", "--to", to, "--columns", "name,paid,tags", "--changed")
    assert (third["changed"], third["rows"]) == (False, world.ROWS)


def test_tables_that_do_not_fit_are_refused_before_anything_is_written(engine: sa.Engine, reader: str) -> None:
    def refused(columns: str, said: str) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(f"create table named ({columns})"))
        with pytest.raises(PgscoreError) as caught:
            export_scores(reader, "shop", _url(engine), table="named")
        assert said in str(caught.value)
        assert SECRET not in str(caught.value)
        assert not sa.inspect(engine).has_table("pgscore_export")
        with engine.begin() as connection:
            connection.execute(sa.text("drop table named"))

    rest = "version integer, scored_at timestamp null"
    refused(f"id bigint primary key, score text, {rest}", 'which takes no double: column "score"')
    refused(
        "id bigint primary key, score double precision, scored_at timestamp null", 'lacks a column: column "version"'
    )
    refused(f"id bigint, score double precision, {rest}", "has no primary key on id")
    refused(
        f"id bigint primary key, score double precision, {rest}, more integer not null",
        'wants a value for column "more"',
    )
    if engine.dialect.name != "sqlite":
        refused(f"id integer primary key, score double precision, {rest}", "does not take all integers of 64 bits")
        refused(f"id bigint primary key, score numeric(10, 3), {rest}", "which")
    if engine.dialect.name == "mysql":
        refused(f"id bigint primary key, score float, {rest}", "which rounds")
        with engine.begin() as connection:
            connection.execute(
                sa.text(f"create table named (id bigint primary key, score double, {rest}) engine = MyISAM")
            )
        with pytest.raises(PgscoreError, match="has no transactions"):
            export_scores(reader, "shop", _url(engine), table="named")


def test_a_value_that_does_not_fit_leaves_nothing(engine: sa.Engine, reader: str, session: Session) -> None:
    session.run("update shop.customer set score = 8 where id = 8")
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "create table named (id bigint primary key, score double precision check (score < 700),"
                " version integer, scored_at timestamp null)"
            )
        )
    done = run(reader, "export", "shop", "--to", _url(engine), "--table", "named", expect=1)
    assert "refused" in done.stderr
    assert _row(engine, "select count(*) from named") == (0,)
    assert not sa.inspect(engine).has_table("pgscore_export")
    assert session.value("select count(*) from pgscore.export where exported is not null") == 0


def test_numbers_of_any_length_stay_as_they_are_or_are_refused(
    engine: sa.Engine, reader: str, session: Session
) -> None:
    session.run(
        "alter table shop.customer alter paid type numeric; delete from shop.customer where id > 2;"
        " update shop.customer set paid = 12345678901234567890.1234567891"
    )
    to = _url(engine)
    for _ in range(2):
        export_scores(reader, "shop", to, columns=["paid"])
    (paid,) = _row(engine, "select paid from shop_scores where id = 2")
    assert Decimal(str(paid)) == Decimal("12345678901234567890.1234567891")
    for value in ("1e-31", "Infinity"):
        session.run("update shop.customer set paid = %s where id = 1", value)
        if engine.dialect.name == "mysql":
            with pytest.raises(PgscoreError, match="does not fit there: numbers have 65 digits"):
                export_scores(reader, "shop", to, columns=["paid"])
            continue
        export_scores(reader, "shop", to, columns=["paid"])
        (paid,) = _row(engine, "select paid from shop_scores where id = 1")
        assert Decimal(str(paid)) == Decimal(value)
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "create table named (id integer primary key, score double, version int, scored_at, paid numeric)"
                )
            )
        with pytest.raises(PgscoreError, match="holds a type that is not known here, which takes no moment"):
            export_scores(reader, "shop", to, columns=["paid"], table="named")
        with engine.begin() as connection:
            connection.execute(sa.text("alter table named drop column scored_at"))
            connection.execute(sa.text("alter table named add column scored_at timestamp"))
        with pytest.raises(PgscoreError, match='which rounds: column "paid"'):
            export_scores(reader, "shop", to, columns=["paid"], table="named")


def test_what_is_no_number_stays_so_or_is_refused(engine: sa.Engine, reader: str, session: Session) -> None:
    session.run("delete from shop.customer where id > 2; update shop.customer set score = 'NaN' where id = 2")
    if engine.dialect.name == "postgresql":
        export_scores(reader, "shop", _url(engine))
        assert _row(engine, "select score = 'NaN' from shop_scores where id = 2") == (True,)
        return
    with pytest.raises(PgscoreError, match=r"SQLite has no such number|nan can not be used"):
        export_scores(reader, "shop", _url(engine))
    assert not sa.inspect(engine).has_table("shop_scores")


def test_one_that_dies_leaves_what_another_has_put_into_the_table_that_it_made(
    engine: sa.Engine, reader: str, shop: Database, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.run("delete from shop.customer where id > 10; update shop.customer set score = 1")
    to = _url(engine)
    whole: list[int] = []
    begin = SqlTable.begin

    def begin_and_be_overtaken(self: SqlTable, stamp: str, *, changed: bool) -> None:
        begin(self, stamp, changed=changed)
        if not whole:
            whole.append(1)
            # PostgreSQL makes the table in the transaction, and the other one has to wait.
            if engine.dialect.name != "postgresql":
                export_scores(shop.dsn(), "shop", to)
            raise KeyboardInterrupt

    monkeypatch.setattr(SqlTable, "begin", begin_and_be_overtaken)
    with pytest.raises(KeyboardInterrupt):
        export_scores(reader, "shop", to)
    if engine.dialect.name == "postgresql":
        assert not sa.inspect(engine).has_table("shop_scores")
    else:
        assert _row(engine, "select count(*) from shop_scores") == (10,)
