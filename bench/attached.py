"""Tables of an application, with nothing on them, with a trigger by hand, or attached to a model: alike in all else."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contender import NotTheSameError
from .customers import CUSTOMERS, declared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .setting import Session

SPACE = "shop"
CLERK = "shop_clerk"
"""The application's role."""
COUNTER = "number_customer_service_calls"
"""The column that counts events; a model reads it."""
OWNER = "shop_owner"
"""Who owns the tables, and attaches them: no superuser."""
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Pair:
    """An event table and its profile table.

    Attributes:
        events: id, customer, at; a foreign key to the profiles, and an index of it.
        profile: the 15 numbers of the reference data, score and version.
        insert: the statement of the application: one event of customer `$1`.
    """

    events: str
    profile: str

    @property
    def insert(self) -> str:
        """One event of customer `$1`."""
        return f"insert into {self.events} (customer) values ($1)"  # noqa: S608  our own text


def make(session: Session, name: str, customers: int) -> Pair:
    """Makes an event table without rows, and a profile table of so many customers.

    They belong to a role that is no superuser. The application's role may insert events, and may do to profiles what
    a trigger by hand does with its rights.
    """
    _make_roles(session)
    pair = Pair(f"{SPACE}.{name}_event", f"{SPACE}.{name}_customer")
    columns = ", ".join(f"{each} {'bigint' if each == COUNTER else kind} not null" for each, kind in declared().items())
    session.run("set role " + OWNER)
    # Half of each page stays free: a new version of a row stays on its page, as on a table that is looked after.
    session.run(
        f"create table {pair.profile} (id integer primary key, {columns}, score double precision, version integer)"
        " with (fillfactor = 50)"
    )
    session.run(
        f"create table {pair.events} (id bigint generated always as identity primary key,"
        f" customer integer not null references {pair.profile}, at timestamptz not null default now())"
    )
    session.run(f"create index on {pair.events} (customer)")
    session.run("reset role")
    fill(session, pair, customers)
    session.run(f"grant insert on {pair.events} to {CLERK}; grant select, update on {pair.profile} to {CLERK}")
    return pair


def fill(session: Session, pair: Pair, customers: int) -> None:
    """Makes customers as a restore does, without triggers: counting each on its arrival is another measurement."""
    names = ", ".join(declared())
    values = ", ".join("0" if each == COUNTER else f"c.{each}" for each in declared())
    session.run("set session_replication_role = 'replica'; set statement_timeout = 0")
    session.run(
        f"insert into {pair.profile} (id, {names})"  # noqa: S608  our own names
        f" select i, {values} from generate_series(1, {customers}) i"
        f" join {CUSTOMERS} c on c.id = 1 + (i - 1) % (select count(*) from {CUSTOMERS})"
    )
    session.run("reset session_replication_role; reset statement_timeout")
    session.run(f"vacuum analyze {pair.profile}")


def attach(
    session: Session,
    pair: Pair,
    model: str,
    timing: str,
    *,
    owner: str = OWNER,
    columns: tuple[str, str, str] = (COUNTER, "score", "version"),
) -> None:
    """Attaches the tables to a model, without the prediction log, as their owner.

    Args:
        session: a superuser's.
        pair: the tables.
        model: the model that scores.
        timing: commit or statement.
        owner: the tables'.
        columns: of the profile: what counts events, score and version.

    Raises:
        psycopg2.Error: pgscore refuses.
    """
    counter, score, version = columns
    session.run("set role " + owner)
    session.run(
        "select pgscore.attach(%s, %s, %s, 'customer', 'id', %s, %s, %s, timing => %s, log => false, backfill => true)",
        (
            *(model, pair.events, pair.profile, f'[{{"column": "{counter}", "aggregate": "count"}}]'),
            *(score, version, timing),
        ),
    )
    session.run("reset role")


def detach(session: Session, pair: Pair) -> None:
    """Detaches the tables of all models, as their owner."""
    session.run("set role " + OWNER)
    session.run("select pgscore.detach(%s, %s)", (pair.events, pair.profile))
    session.run("reset role")


@contextmanager
def attached(session: Session, pair: Pair, model: str, timing: str) -> Iterator[None]:
    """Attaches the tables to a model that serves, without the prediction log; detaches them at the end.

    Raises:
        psycopg2.Error: pgscore refuses.
    """
    attach(session, pair, model, timing)
    try:
        session.run(f"vacuum analyze {pair.profile}")
        yield
    finally:
        detach(session, pair)


def check(
    session: Session, pair: Pair, model: str, *, scored: bool = False, columns: tuple[str, str] = (COUNTER, "score")
) -> None:
    """Compares counters with the events, and scores with what the model says of the profiles.

    Args:
        session: a superuser's.
        pair: the tables.
        model: the model that scores.
        scored: whether profiles without an event have no score.
        columns: of the profile: what counts events, and the score.

    Raises:
        NotTheSameError: an event is lost or counted twice, a score is wrong, or a profile is stale.
    """
    counter, score = columns
    lost = session.value(
        f"select count(*) from {pair.profile} c"  # noqa: S608  our own names
        f" left join (select customer, count(*) as n from {pair.events} group by customer) e on e.customer = c.id"
        f" where c.{counter} <> coalesce(e.n, 0)"
    )
    wrong = session.value(
        f"select count(*) from {pair.profile} c"  # noqa: S608  our own names
        f" where (abs(c.{score} - pgscore.score(%s, c)) <= {_TOLERANCE}) is not true"
        f" and not (%s and c.{score} is null)",
        (model, scored),
    )
    stale = session.value("select count(*) from pgscore.stale_row")
    if lost or wrong or stale:
        raise NotTheSameError(f"{model}: {lost} counters and {wrong} scores are wrong, {stale} profiles are stale")


def sweep(session: Session, *pairs: Pair) -> None:
    """Removes dead rows, also of queues, as autovacuum would: it is off, so that it starts in no measurement."""
    queues = session.run(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname !~ '^pg_' and c.relname ~ '(^|_)queue'"
    )
    session.run(f"vacuum {', '.join([each.profile for each in pairs] + [name for (name,) in queues])}")


def count_each(session: Session, pair: Pair) -> None:
    """The trigger that many write by hand: for each event, it counts, and does nothing else."""
    session.run(
        f"""
        create function {pair.events}_count() returns trigger language plpgsql as $$
        begin
            update {pair.profile} set {COUNTER} = {COUNTER} + 1 where id = new.customer;
            return null;
        end
        $$;
        create trigger count after insert on {pair.events} for each row execute function {pair.events}_count()
        """  # noqa: S608  our own names
    )


def count_all(session: Session, pair: Pair) -> None:
    """The trigger that few write by hand: for each statement, it counts all events in one UPDATE."""
    session.run(
        f"""
        create function {pair.events}_count() returns trigger language plpgsql as $$
        begin
            update {pair.profile} p set {COUNTER} = p.{COUNTER} + n.events
            from (select customer, count(*) as events from new_events group by customer) n where p.id = n.customer;
            return null;
        end
        $$;
        create trigger count after insert on {pair.events} referencing new table as new_events
        for each statement execute function {pair.events}_count()
        """  # noqa: S608  our own names
    )


def score_each(session: Session, pair: Pair, model: str) -> None:
    """What tutorials do: for each event, count, and have a pickled pipeline score a DataFrame of one row.

    The pipeline is read once for each connection, from the table that `pickled.install` filled.
    """
    session.run(
        f"""
        create function {pair.events}_score() returns trigger language plpython3u as $$
            key = "bench.trigger_{model}"
            if key not in GD:
                import pickle
                row = plpy.execute("select content from bench.pickle where model = '{model}'")[0]
                count = plpy.prepare("update {pair.profile} set {COUNTER} = {COUNTER} + 1 where id = $1"
                    " returning {", ".join(declared())}", ["integer"])
                store = plpy.prepare("update {pair.profile} set score = $2 where id = $1", ["integer", "float8"])
                GD[key] = pickle.loads(row["content"]), count, store
            pipeline, count, store = GD[key]
            import pandas as pd
            customer = TD["new"]["customer"]
            frame = pd.DataFrame([dict(plpy.execute(count, [customer])[0])], columns={list(declared())!r})
            plpy.execute(store, [customer, float(pipeline.predict_proba(frame)[0, 1])])
        $$;
        create trigger score after insert on {pair.events} for each row execute function {pair.events}_score()
        """  # noqa: S608  our own names
    )


def _make_roles(session: Session) -> None:
    if session.value("select to_regrole(%s)", (OWNER,)) is not None:
        return
    session.run(
        f"""
        create role {OWNER}; create role {CLERK}; grant pgscore_reader to {OWNER};
        create schema {SPACE} authorization {OWNER};
        grant usage on schema {SPACE} to pgscore_owner, {CLERK}
        """
    )
