"""Changes of tables under a binding: they work, or the next event says in a sentence what mends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from . import shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.database import Database, Session

# Tables of their own: a column of each kind that a reducer reads.
_EVENTS, _PROFILE = "c.event", "c.profile"
_REDUCERS = [
    {"column": "n", "aggregate": "count"},
    {"column": "kinds", "aggregate": "count", "where": {"kind": "a"}},
    {"column": "total", "aggregate": "sum", "of": "amount"},
    {"column": "pieces", "aggregate": "sum", "of": "pieces"},
    {"column": "most", "aggregate": "max", "of": "money"},
    {"column": "seen", "aggregate": "max", "of": "at"},
    {"column": "said", "aggregate": "last", "of": "says", "order_by": "at"},
]
_TIMES = f"alter table {_EVENTS} alter at type timestamptz; alter table {_PROFILE} alter seen type timestamptz"
_ENUM = f"create type c.kind as enum ('a', 'b'); alter table {_EVENTS} alter kind type c.kind using kind::c.kind"
_REATTACH = "select pgscore.reattach("

# What works without another word, and what it must not stand in the way of: a change of what is generated.
WORKS = [
    f"alter table {_EVENTS} alter who type bigint",
    f"alter table {_EVENTS} alter pieces type bigint",
    f"alter table {_PROFILE} alter n type numeric",
    f"alter table {_EVENTS} alter kind type varchar(20)",
    f"alter table {_EVENTS} alter says type varchar(20)",
    f"alter table {_EVENTS} alter amount type numeric(10, 2)",
    f"alter table {_EVENTS} alter money type numeric(8, 2)",
]
# What fails the next event, with what the sentence says; reattach mends it.
MENDED = {
    _ENUM: "operator does not exist: c.kind = text",
    _TIMES: "timestamp with time zone",
    f"alter table {_EVENTS} alter who type text; alter table {_PROFILE} alter id type text": "text = bigint",
    f"alter table {_EVENTS} rename who to whom": 'column "who" of c.event is called "whom" now',
    f"alter table {_EVENTS} rename kind to sort": 'column "kind" of c.event is called "sort" now',
    f"alter table {_EVENTS} rename at to moment": 'column "at" of c.event is called "moment" now',
    f"alter table {_EVENTS} rename money to cash": 'column "money" of c.event is called "cash" now',
    f"alter table {_PROFILE} rename id to pid": 'column "id" of c.profile is called "pid" now',
    f"alter table {_PROFILE} rename total to sum": 'column "total" of c.profile is called "sum" now',
    f"alter table {_PROFILE} rename score to risk": 'column "score" of c.profile is called "risk" now',
    f"alter table {_EVENTS} rename to happening": 'relation "c.event" does not exist',
    f"alter table {_PROFILE} rename to person": 'relation "c.profile" does not exist',
    f"alter table {_EVENTS} set schema d": 'relation "c.event" does not exist',
    f"alter table {_PROFILE} set schema d": 'relation "c.profile" does not exist',
    "alter schema c rename to e": "does not exist",
    "alter table c._pgscore_profile_queue alter id type text": "integer = text",
    "drop table c._pgscore_profile_queue cascade": "does not exist",
}
# What fails the next event, or rounds, and says what to change; then reattach mends it.
REFUSED = {
    f"alter table {_EVENTS} alter at type timestamptz": (
        "42883",
        'column "seen" is of type timestamp without time zone and takes the max of a column of type timestamp with time'
        " zone: they must be the same; run: ",
        f"alter table {_PROFILE} alter column seen type timestamp with time zone",
    ),
    f"alter table {_PROFILE} alter total type bigint": (
        "42883",
        'column "total" must be numeric, without a precision, for a sum of numeric "amount"; run: ',
        f"alter table {_PROFILE} alter column total type numeric",
    ),
    f"create type c.word as enum ('x', 'y'); alter table {_EVENTS} alter says type c.word using says::c.word": (
        "42883",
        'column "said" is of type text and takes the last of a column of type c.word: they must be the same; run: ',
        f"alter table {_PROFILE} alter column said type c.word using said::text::c.word",
    ),
}


@pytest.fixture(scope="module")
def changed(shared: Database) -> Iterator[Session]:
    """A session as the owner of attached tables; each test rolls back what it does."""
    session = shared.session()
    shop.make_roles(session)
    database = session.value("select quote_ident(current_database())")
    session.run(
        f"""
        create schema c authorization {shop.OWNER}; create schema d authorization {shop.OWNER};
        grant create on database {database} to {shop.OWNER};
        set role {shop.OWNER};
        grant usage on schema c, d to pgscore_owner;
        create table {_PROFILE} (
            id integer primary key, n bigint, kinds bigint, total numeric, pieces bigint, most numeric(10, 2),
            seen timestamp, said text, score double precision
        );
        create table {_EVENTS} (
            id integer primary key, who integer, kind text, amount numeric, pieces integer, money numeric(10, 2),
            at timestamp, says text
        );
        create index on {_EVENTS} (who);
        insert into {_PROFILE} (id) values (1), (2);
        """
    )
    attach = "select pgscore.attach('c', %s, %s, 'who', 'id', %s, 'score')"
    session.run(attach, _EVENTS, _PROFILE, json.dumps(_REDUCERS))
    session.run("insert into c.event values (1, 1, 'a', 2, 1, 3, '2024-01-01', 'x')")  # its plans are made
    yield session
    session.run("select pgscore.detach('c.event', 'c.profile')")
    session.run(f"reset role; drop schema c, d cascade; revoke create on database {database} from {shop.OWNER}")


def _insert(session: Session, number: int) -> None:
    events = session.value("select events::text from pgscore.binding where model = 'c'")
    session.run(f"insert into {events} values ({number}, 1, 'a', 2.5, 1, 4.5, '2024-01-02 10:00', 'y')")
    session.run("set constraints all immediate; set constraints all deferred")


def _failure(session: Session, attempt: Callable[..., None], *arguments: object) -> Any:  # noqa: ANN401
    """The diagnostics of an error, and nothing of the attempt; None where it works."""
    session.run("savepoint attempt")
    try:
        attempt(session, *arguments)
    except psycopg2.Error as error:
        session.run("rollback to attempt")
        return error.diag
    session.run("rollback to attempt")
    return None


def _said(failed: Any) -> str:  # noqa: ANN401
    """What comes behind the words that each such sentence begins with."""
    start, _, sentence = str(failed.message_primary).partition(" does not fit its tables any more: ")
    assert start == "the binding of c.event", failed.message_primary
    return sentence


def _change_profile(session: Session) -> None:
    profile = session.value("select profile::text from pgscore.binding where model = 'c'")
    session.run(f"insert into {profile} values (7)")
    session.run("set constraints all immediate; set constraints all deferred")


def _is_right(session: Session, count: int) -> None:
    profile = session.value("select profile::text from pgscore.binding where model = 'c'")
    row = session.run(f"select * from {profile} order by 1 limit 1")[0]
    assert [str(each) for each in row[1:3]] == [str(count)] * 2
    assert float(row[3]) == 2 + 2.5 * (count - 1)
    assert (float(row[5]), str(row[6])[:16], row[7]) == (4.5, "2024-01-02 10:00", "y")


@pytest.mark.parametrize("change", WORKS)
def test_changes_that_work(changed: Session, change: str) -> None:
    changed.run("begin")
    try:
        changed.run(change)
        _insert(changed, 2)
        _change_profile(changed)
        _is_right(changed, 2)
        changed.run("select pgscore.reattach(events, profile) from pgscore.binding where model = 'c'")
        _insert(changed, 3)
        _is_right(changed, 3)
        assert changed.run("select * from pgscore._outdated_bindings() where mine") == []
    finally:
        changed.run("rollback")


def test_a_profiles_key_may_get_another_type(changed: Session) -> None:
    """No trigger names its columns, or PostgreSQL would refuse it; open sessions want the functions anew."""
    changed.run("begin")
    changed.run(f"alter table {_PROFILE} alter id type bigint")
    changed.run(f"{_REATTACH}'{_EVENTS}', '{_PROFILE}')")
    _insert(changed, 2)
    _is_right(changed, 2)
    changed.run("update c.profile set id = 5000000000 where id = 1")
    changed.run("set constraints all immediate; set constraints all deferred")
    assert changed.run("select id, n from c.profile order by id") == [(2, 0), (5000000000, 0)]
    changed.run("rollback")


@pytest.mark.parametrize("change", MENDED)
def test_changes_that_reattach_mends(changed: Session, change: str) -> None:
    changed.run("begin")
    try:
        changed.run(change)
        failed = _failure(changed, _insert, 2)
        assert failed.message_primary == f"the binding of c.event does not fit its tables any more: {_said(failed)}"
        assert MENDED[change] in _said(failed)
        assert (failed.message_hint or "").startswith(f"As {shop.OWNER}: {_REATTACH}")
        # A change of profiles is refused in a sentence, too, where it is.
        other = _failure(changed, _change_profile)
        assert other is None or _said(other), other
        ((state, reasons),) = changed.run("select state, reasons from pgscore._outdated_bindings() where mine")
        assert state in ("outdated", "edited"), reasons
        changed.run((failed.message_hint or "").partition(": ")[2])
        _insert(changed, 2)
        _is_right(changed, 2)
        _change_profile(changed)
        assert changed.run("select * from pgscore._outdated_bindings() where mine") == []
    finally:
        changed.run("rollback")


@pytest.mark.parametrize("change", REFUSED)
def test_changes_that_want_another_one(changed: Session, change: str) -> None:
    state, sentence, remedy = REFUSED[change]
    changed.run("begin")
    try:
        changed.run(change)
        failed = _failure(changed, _insert, 2)
        assert failed.sqlstate == state
        assert _said(failed).startswith(sentence)
        assert (failed.message_hint or "").startswith(f"Mend that; then, as {shop.OWNER}: {_REATTACH}")
        # The doctor is told the same.
        ((how, reasons),) = changed.run("select state, reasons from pgscore._outdated_bindings() where mine")
        assert (how, reasons) == ("unfit", [_said(failed)])
        assert changed.run("select state from pgscore.reattach()") == [("unfit",)]
        changed.run(remedy)
        changed.run((failed.message_hint or "").partition(": ")[2])
        assert changed.run("select * from pgscore._outdated_bindings() where mine") == []
        _insert(changed, 2)
    finally:
        changed.run("rollback")


def test_the_number_of_a_column_is_forgotten_where_another_has_its_name(changed: Session) -> None:
    """Columns that were exchanged are found by their names; a restored table has other numbers, and is not followed."""
    changed.run("begin")
    changed.run(f"alter table {_EVENTS} rename amount to former; alter table {_EVENTS} add column amount numeric")
    changed.run(f"{_REATTACH}'{_EVENTS}', '{_PROFILE}')")
    assert changed.value("select reducers #>> '{2,of}' from pgscore.binding where model = 'c'") == "amount"
    changed.run("rollback")
    changed.run("begin")
    changed.run("update pgscore.binding set columns = jsonb_set(columns, '{events,table}', '\"1\"') where model = 'c'")
    changed.run(f"alter table {_EVENTS} rename amount to former")
    failed = _failure(changed, lambda s: s.run(f"{_REATTACH}'{_EVENTS}', '{_PROFILE}')"))
    assert failed.message_primary == 'table c.event has no column "amount" for sum'
    changed.run("rollback")


def test_partitioned_events_take_other_types_in_open_sessions(changed: Session) -> None:
    """Their trigger is for rows, whose types a session would keep for ever if its plans did not name the table."""
    changed.run("begin")
    changed.run(
        f"""
        create table c.parted (like {_EVENTS}, primary key (id)) partition by range (id);
        create table c.part partition of c.parted default;
        create table c.other (like {_PROFILE} including all); insert into c.other (id) values (1);
        """
    )
    attach = "select pgscore.attach('p', 'c.parted', 'c.other', 'who', 'id', %s, 'score')"
    changed.run(attach, json.dumps(_REDUCERS))
    event = "insert into c.parted values (%s, 1, 'a', 2.5, 1, 4.5, '2024-01-02 10:00', 'y')"
    changed.run(event, 1)
    changed.run("set constraints all immediate; set constraints all deferred")
    for change in ("who type bigint", "pieces type bigint", "kind type varchar(9)", "amount type numeric(9, 3)"):
        changed.run(f"alter table c.parted alter {change}")
    changed.run(event, 2)
    changed.run("update c.parted set amount = 3 where id = 2; delete from c.parted where id = 1")
    changed.run("set constraints all immediate; set constraints all deferred")
    assert changed.run("select n, kinds, total, pieces from c.other") == [(1, 1, 3, 1)]
    changed.run("alter table c.parted alter at type timestamptz")
    failed = _failure(changed, lambda s: s.run(event, 3))
    assert 'column "seen" is of type timestamp without time zone' in str(failed.message_primary)
    changed.run("rollback")
