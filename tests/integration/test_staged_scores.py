"""What a staging table holds reaches rows that are still what was scored, and no others; Spark is not needed for it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest
from pgscore.database import row, transaction
from pgscore.spark.storing import Target, find_target, store_statement
from pgscore.vector.fetching import read_serving

from tests.bindings import shop
from tests.support.database import Session, wait_until_blocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from tests.support.database import Database

_STAGE = '"Shop".staged'
_ALL = (0, 1000)


@contextmanager
def _shop(database: Database, *, customers: int = 4, **options: Any) -> Iterator[tuple[Session, Connection]]:  # noqa: ANN401
    """Customers with a score of version 1, and a connection of the tables' owner."""
    session = database.session()
    shop.build(session, **options)
    shop.publish(database.dsn(), None)
    shop.attach(session, log="true")
    session.run(f'insert into {shop.PROFILE} (id, "Age", n) select i, i, i from generate_series(1, {customers}) i')
    with closing(psycopg2.connect(database.dsn(shop.OWNER))) as connection:
        yield session, connection


def _target(connection: Connection, **options: Any) -> Target:  # noqa: ANN401
    with transaction(connection):
        _, contract = read_serving(connection, "shop")
        given = {"into": None, "key": None, "floats": ()} | options
        return find_target(connection, "shop", shop.PROFILE, contract.inputs, **given)


def _stage(session: Session, connection: Connection, score: str = "0.5", version: int = 1) -> Target:
    """Puts a score for each customer, as they are now, into the staging table."""
    target = _target(connection)
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(target.create_sql(_STAGE))
    read = ", ".join(f"{each}" for each in target.read)
    session.run(f"insert into {_STAGE} select p.id, {score}, {version}, {read} from {shop.PROFILE} p")
    return target


def _store(connection: Connection, target: Target) -> int:
    with transaction(connection):
        return int(row(connection, store_statement(target, _STAGE, *_ALL))["written"])


def _scores(session: Session) -> dict[int, float]:
    return dict(session.run(f'select id, "Score" from {shop.PROFILE}'))


@pytest.mark.parametrize("options", [{}, {"profile_partitioned": True}])
def test_a_row_that_has_changed_is_left_alone(serving: Database, options: dict[str, Any]) -> None:
    with _shop(serving, **options) as (session, connection):
        before = _scores(session)
        target = _stage(session, connection)
        session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 2, 7)')  # moves what is read
        session.run(f"update {shop.PROFILE} set note = 'x' where id = 3")  # and what is not
        session.run(f"delete from {shop.PROFILE} where id = 4")
        moved = _scores(session)[2]
        assert moved != before[2]
        assert _store(connection, target) == 2
        assert _scores(session) == {1: 0.5, 2: moved, 3: 0.5}
        # The same once more changes nothing, and what was stored is logged once.
        assert _store(connection, target) == 0
        logged = session.run("select key, version from pgscore.prediction_log where score = 0.5 order by key")
        assert logged == [("1", 1), ("3", 1)]


def test_who_holds_a_row_is_not_waited_for(serving: Database) -> None:
    with _shop(serving) as (session, connection):
        target = _stage(session, connection)
        other = serving.session()
        other.run("begin")
        other.run(f"update {shop.PROFILE} set note = 'mine' where id = 2")
        with connection.cursor() as cursor:
            cursor.execute("set statement_timeout = '30s'")
        assert _store(connection, target) == 3
        other.run("rollback")
        assert _store(connection, target) == 1


def test_a_score_that_came_meanwhile_is_newer(serving: Database) -> None:
    """A row is rescored by another version after the statement has found it, and before it has locked it."""
    with _shop(serving) as (session, connection):
        target = _stage(session, connection)
        session.run(
            f"""create function "Shop".wait() returns trigger language plpgsql as
            'begin perform pg_advisory_xact_lock(1, 1); return new; end';
            create trigger a_wait before update on {shop.PROFILE} for each row when (old.id = 1)
                execute function "Shop".wait()"""
        )
        writer, other = serving.session(shop.OWNER), serving.session()
        writer.run("set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off")
        session.run("begin; select pg_advisory_xact_lock(1, 1)")
        waiting = writer.start(store_statement(target, _STAGE, *_ALL))
        wait_until_blocked(other, writer.pid)
        other.run(f'update {shop.PROFILE} set "Score" = 0.25, "Version" = 2 where id = 3')
        session.run("commit")
        assert waiting.result() == [(3,)]
        assert _scores(session) == {1: 0.5, 2: 0.5, 3: 0.25, 4: 0.5}


def test_what_is_missing_is_like_what_is_missing(serving: Database) -> None:
    with _shop(serving) as (session, connection):
        session.run(f'alter table {shop.PROFILE} alter "Total" drop not null')
        session.run(
            f"update {shop.PROFILE} set \"Total\" = case id when 1 then 'NaN' when 2 then null else '3' end::numeric"
        )
        target = _stage(session, connection)
        session.run(f'update {shop.PROFILE} set "Total" = null where id = 3')
        assert _store(connection, target) == 3
        assert _scores(session)[3] is None


def test_a_stale_row_is_right_again(serving: Database) -> None:
    with _shop(serving) as (session, connection):
        session.run(
            "insert into pgscore.stale_row (binding, key, cause, reason)"
            " select b.number, k, 'score', 'a test' from pgscore.binding b, unnest(array['1', '2', '9']) k"
            " where b.model = 'shop'"
        )
        # One keeps its score, which is right.
        target = _stage(session, connection, score='case id when 1 then p."Score" else 0.5 end')
        assert _store(connection, target) == 4
        assert session.run("select key from pgscore.stale_row") == [("9",)]


def test_where_scores_cannot_go(serving: Database) -> None:
    with _shop(serving) as (session, connection):
        session.run(f'create view "Shop".seen as select * from {shop.PROFILE}; grant select on "Shop".seen to public')
        session.run('create table "Shop".bare (id integer, "Age" integer, n bigint, billed text, "Total" numeric)')
        session.run(f'alter table "Shop".bare owner to {shop.OWNER}')
        inputs = _target(connection).inputs
        refused: list[tuple[dict[str, Any], type[Exception], str]] = [
            ({"name": '"Shop".nothing'}, pgscore.NotFoundError, "there is no table"),
            ({"name": '"Shop".seen'}, pgscore.PgscoreError, "no table whose rows could be updated"),
            ({"name": '"Shop".bare'}, pgscore.PgscoreError, "has no primary key"),
            ({"name": '"Shop".bare', "key": ["id"]}, pgscore.PgscoreError, "no binding says where"),
            ({"name": '"Shop".bare', "key": ["it"]}, pgscore.PgscoreError, "no column it, which is to be its key"),
            ({"name": '"Shop".bare', "key": ["id"], "into": ["n", "Age"]}, pgscore.PgscoreError, 'column "billed"'),
            ({"into": ["Score", "nothing"]}, pgscore.PgscoreError, "no column nothing, which scores are to go into"),
            ({"into": ["Score"]}, pgscore.PgscoreError, "into names two columns"),
        ]
        for given, error, message in refused:
            options = {"name": shop.PROFILE, "into": None, "key": None, "floats": ()} | given
            with pytest.raises(error, match=message), transaction(connection):
                find_target(connection, "shop", inputs=inputs, **options)
        with (
            closing(psycopg2.connect(serving.dsn())) as superuser,
            pytest.raises(pgscore.DeniedError, match="belongs to shop_owner"),
        ):
            _target(superuser)
