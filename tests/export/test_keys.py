"""Keys of several columns, of texts and of UUIDs, and what stands in names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa
from pgscore import PgscoreError, export_scores

from . import world
from .servers import QUOTED, SECRET

if TYPE_CHECKING:
    from tests.support.database import Database, Session

    from .servers import Server

_UUID = "3b0c5a8e-6c6f-4f0e-9c39-9c5f5f2b8a01"


def _build(session: Session) -> None:
    session.run(
        f"""
        set role {world.OWNER};
        create table shop."Odd: 100%" (
            "Shop" text, "No: %" uuid, n bigint not null default 0, "The score" double precision,
            primary key ("Shop", "No: %")
        );
        create table shop.odd_events (id bigint primary key, s text, u uuid);
        grant select on shop."Odd: 100%" to {world.READER};
        insert into shop."Odd: 100%" ("Shop", "No: %", "The score") values
            ('a', '{_UUID}', 0.1), ('A', '{_UUID}', 0.2), ('a:b%', '{_UUID}', 0.3), ('a ', '{_UUID}', 0.4);
        select pgscore.attach(
            'odd', 'shop.odd_events', 'shop."Odd: 100%"', '{{s,u}}'::name[], '{{Shop,"No: %"}}'::name[],
            '[{{"column": "n", "aggregate": "count"}}]', 'The score'
        );
        reset role;
        """
    )


def test_keys_of_several_columns(
    reader: str, session: Session, empty: Database, redis_at: Server, mariadb: Server
) -> None:
    _build(session)
    to = f"redis://:{QUOTED}@127.0.0.1:{redis_at.port}/1"
    export_scores(reader, "odd", to)
    cache = redis.Redis(port=redis_at.port, db=1, password=SECRET, decode_responses=True)
    assert cache.get(f"odd:a:{_UUID}") == "0.1"
    assert cache.get(f"odd:a%3Ab%25:{_UUID}") == "0.3"
    assert len(cache.keys("odd:*")) == 5
    export_scores(reader, "odd", to, pattern="x:{No: %}:{Shop}")
    assert cache.get(f"x:{_UUID}:A") == "0.2"
    cache.close()
    with pytest.raises(PgscoreError, match="gives several profiles the same key"):
        export_scores(reader, "odd", to, pattern="{Shop}{No: %}")
    target = empty.session()
    target.run('create table own ("Shop" text, "No: %" uuid, score double precision, primary key ("No: %", "Shop"))')
    export_scores(reader, "odd", empty.dsn(), table="public.own")
    export_scores(reader, "odd", empty.dsn(), table="Made: 5%")
    wanted = [("A", 0.2), ("a", 0.1), ("a ", 0.4), ("a:b%", 0.3)]
    for table in ("own", '"Made: 5%"'):
        found = target.run(f'select "Shop", score from {table} order by "Shop" collate "C"')
        assert [(shop, pytest.approx(score)) for shop, score in wanted] == found
    maria = f"mysql://me:{QUOTED}@127.0.0.1:{mariadb.port}/shop"
    engine = sa.create_engine(maria.replace("mysql:", "mysql+pymysql:"), poolclass=sa.pool.NullPool)
    export_scores(reader, "odd", maria)
    with engine.begin() as connection:
        assert connection.execute(sa.text("select count(*) from odd_scores")).scalar() == 4
        connection.execute(sa.text("drop table odd_scores"))
        connection.execute(
            sa.text(
                "create table odd_scores (`Shop` varchar(90) collate utf8mb4_general_ci, `No: %` varchar(40),"
                " score double, primary key (`Shop`, `No: %`))".replace(": %", r"\: %")
            )
        )
    with pytest.raises(PgscoreError, match='compares its key "Shop" by utf8mb4_general_ci'):
        export_scores(reader, "odd", maria)
    with engine.begin() as connection:
        connection.execute(sa.text("drop table odd_scores"))
        connection.execute(sa.text("drop table pgscore_export"))
