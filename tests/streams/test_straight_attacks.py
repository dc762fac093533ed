"""Straight to profiles: settings of the login, triggers of the table's owner, and messages that nobody expects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop
from tests.streams.processes import messages

from .straight import DEFINITION, LOGIN, Straight, grant, straight
from .working import send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

_SETTINGS = {
    "datestyle": "'SQL, DMY'",
    "timezone": "'Asia/Tokyo'",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-10",
    "search_path": "evil, pg_catalog",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "default_transaction_isolation": "serializable",
}
# Functions that hide those of PostgreSQL, where they are looked for first.
_EVIL = f"""
    create schema evil;
    grant usage on schema evil to public;
    create function evil.unnest(anyarray) returns setof anyelement language sql as
        'select null::anyelement where false';
    create function evil.now() returns timestamptz language sql as 'select null::timestamptz';
    create function evil.current_schemas(boolean) returns name[] language sql as $$select array['evil']::name[]$$;
    create table evil."Customer" (id bigint primary key, n bigint);
    grant all on all tables in schema evil to {LOGIN}
"""


@pytest.fixture
def told(broker: PrivateBroker, shopping: Database, tmp_path: Path) -> Iterator[Straight]:
    session = shopping.session()
    shop.run_as_owner(
        session,
        f'alter table {shop.PROFILE} alter "Age" type real using 1.1, add latest_at timestamptz, add low real,'
        " add since timestamp default '2026-03-04'",
    )
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i / 7.0 from generate_series(1, 9) i')
    grant(session)
    session.run(f"grant select, update (weight, latest_at, low) on {shop.PROFILE} to {LOGIN}")
    with straight(broker, shopping, tmp_path) as made:
        yield made
    session.run(f"alter role {LOGIN} reset all")


def _headers(message: Any) -> list[tuple[str, bytes]]:  # noqa: ANN401
    return message.headers() or []


def _reasons(told: Straight, topic: str) -> list[str]:
    return [dict(_headers(each))["pgscore-reason"].decode() for each in messages(told.working.broker.servers, topic)]


@pytest.mark.parametrize("enriched", [False, True])
def test_what_a_login_has_set_changes_nothing(told: Straight, topic: MakeTopic, *, enriched: bool) -> None:
    told.session.run(_EVIL)
    for name, value in _SETTINGS.items():
        told.session.run(f"alter role {LOGIN} set {name} = {value}")
    more = [
        {"column": "weight", "aggregate": "sum", "of": "weight"},
        {"column": "latest_at", "aggregate": "max", "of": "at"},
        {"column": "low", "aggregate": "min", "of": "low"},
    ]
    told.define(
        reducers=[*DEFINITION["reducers"], *more],
        event_columns=DEFINITION["event_columns"] | {"weight": "float8", "at": "timestamptz", "low": "real"},
    )
    events, scores = topic("events"), topic("scores")
    sent: list[dict[str, Any]] = [
        {
            "Customer Id": 1 + n % 3,
            "amount": n / 8,
            "weight": 0.1 + n,
            "at": f"2026-02-03T0{n % 7}:00:00.123456+01:00",
            "low": 0.1,
        }
        for n in range(30)
    ]
    rows = dict(told.session.run(f"select id, to_jsonb(p) from {shop.PROFILE} p"))
    found = [{"event": each, "profile": rows[each["Customer Id"]]} for each in sent] if enriched else sent
    send(told.working.broker, events, found, key="another key")
    said = told.run(events, "--batch", "30", "--to", scores, *(["--enriched"] if enriched else []))
    assert (said["dead"], said.get("profiles_as_told", 0)) == (0, 3 if enriched else 0)
    told.assert_right()
    for number in (1, 2, 3):
        own = [each for each in sent if each["Customer Id"] == number]
        assert told.session.row(
            f'select n, "Total", weight, latest_at = %s::timestamptz, low = 0.1::real from {shop.PROFILE}'
            " where id = %s",
            max(each["at"] for each in own),
            number,
        ) == (10, sum(each["amount"] for each in own), sum(each["weight"] for each in own), True, True)


def test_messages_that_nobody_expects(told: Straight, topic: MakeTopic) -> None:
    events, dead = topic("events"), topic("dead")
    poison = [
        b"[" * 100_000,
        b'{"Customer Id": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"Customer Id": 1, "amount": NaN}',
        b'{"Customer Id": 1, "amount": -Infinity}',
        b'{"Customer Id": ' + b"9" * 5000 + b"}",
        b'{"Customer Id": 99999999999999999999}',
        b'{"Customer Id": 1e400000}',
        b'{"Customer Id": 1, "amount": 1e200000}',
        b'{"Customer Id": 1, "Kind": "\\u0000"}',
        b'{"Customer Id": "\\ud800"}',
        b'{"Customer Id": true}',
        b'{"Customer Id": {"a": 1}}',
        b'{"Customer Id": 1, "amount": [1]}',
        b'{"Customer Id": 1, "rush": "true"}',
        b"\xff\xfe",
        b"",
        None,
    ]
    fine = [
        b'{"Customer Id": 2, "Customer Id": 1, "amount": 1}',
        b'{"Customer Id": 1.0, "amount": 1e0, "Kind": "\\ud800"}',
        b'{"Customer Id": 1, "amount": 1, "more": "' + b"x" * 900_000 + b'"}',
        b'{"Customer Id": 1, "amount": 1, "more": {"\\ud800": "\\ud800"}}',
    ]
    send(told.working.broker, events, [each for pair in zip(poison, fine * 5, strict=False) for each in pair], key="9")
    said = told.run(events, "--dead-letters", dead)
    count = len(poison)
    assert (said["messages"], said["dead"]) == (2 * count, count), _reasons(told, dead)
    assert len(_reasons(told, dead)) == count
    assert told.session.row(f'select n, "Total" from {shop.PROFILE} where id = 1') == (count, count)
    assert told.session.value(f"select sum(n) from {shop.PROFILE}") == count
    told.assert_right()


def test_rows_that_cannot_be_read_or_changed_are_dead_letters(told: Straight, topic: MakeTopic) -> None:
    told.define(
        reducers=[*DEFINITION["reducers"], {"column": "latest_at", "aggregate": "max", "of": "at"}],
        event_columns=DEFINITION["event_columns"] | {"at": "timestamptz"},
    )
    told.session.run(f"update {shop.PROFILE} set latest_at = '20000-01-01' where id = 2")
    shop.run_as_owner(
        told.session,
        """create function "Shop".keeping() returns trigger language plpgsql as
            'begin if new.id = 3 then return null; end if; '
            ' if new.id = 4 then raise exception $$no, %$$, new.id; end if;'
            ' perform set_config($$search_path$$, $$"Shop"$$, true), set_config($$datestyle$$, $$German$$, true),'
            '     set_config($$timezone$$, $$Asia/Tokyo$$, true), set_config($$extra_float_digits$$, $$-10$$, true);'
            ' return new; end';
        """
        f'create trigger keeping before update on {shop.PROFILE} for each row execute function "Shop".keeping()',
    )
    events, dead = topic("events"), topic("dead")
    send(
        told.working.broker,
        events,
        [{"Customer Id": n, "amount": 1, "at": "2026-01-01T00:00:00Z"} for n in (1, 2, 3, 4, 5, 3, 1)],
        key="all",
    )
    said = told.run(events, "--dead-letters", dead)
    assert said["dead"] == 4
    assert sorted(_reasons(told, dead)) == [
        f"a trigger of table {shop.PROFILE} keeps the row whose id is 3 from being changed",
        f"a trigger of table {shop.PROFILE} keeps the row whose id is 3 from being changed",
        "column \"latest_at\" of the profile is of type timestamp with time zone, and '20000-01-01 00:00:00+00' is no"
        " time such as 2026-01-31T12:00:00+02:00",
        "no, 4",
    ]
    assert told.session.run(f"select id, n from {shop.PROFILE} where n > 0 order by id") == [(1, 2), (5, 1)]
    told.assert_right()


def test_a_trigger_that_changes_the_row_each_time(told: Straight, topic: MakeTopic) -> None:
    shop.run_as_owner(
        told.session,
        f"""create function "Shop".aging() returns trigger language plpgsql as
            'begin new."Age" := new."Age" + 1; return new; end';
            create trigger aging before update on {shop.PROFILE} for each row execute function "Shop".aging()""",
    )
    events = topic("events")
    send(told.working.broker, events, [{"Customer Id": 1, "amount": 1}], key="all")
    said = told.run(events, expect=1)
    assert "changes what shop reads of a row whenever its score is stored" in said["error"]
    assert told.session.value(f"select sum(n) from {shop.PROFILE}") == 0


def test_a_superuser_is_refused(told: Straight, topic: MakeTopic) -> None:
    worker = told.working.start(*told.arguments(topic()), "--once", "--json", dsn=told.dsn)
    worker.end(1)
    assert json.loads(worker.lines[-1])["error"] == (
        f"table {shop.PROFILE} belongs to {shop.OWNER}, and a superuser who changes it would run its triggers"
    )
