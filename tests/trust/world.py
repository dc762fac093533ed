"""Three owners, an application that may only insert, a member, and a probe that notes as whom it runs."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import psycopg2
from pgscore.doctor import examine
from sklearn.linear_model import LogisticRegression

from tests.support.database import OPERATOR, PASSWORD, SCIENTIST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

MODEL = "m"
OWNERS = {"alice": "sa", "bob": "sb", "carol": "sc"}
APP = "app"
MEMBER = "member"
COUNT = [{"column": "n", "aggregate": "count"}]

_ROLES = f"""
    create role alice login password '{PASSWORD}' in role pgscore_reader;
    create role bob login password '{PASSWORD}' in role pgscore_reader;
    create role carol login password '{PASSWORD}' in role pgscore_reader;
    create role member login password '{PASSWORD}' in role alice, pgscore_reader;
    create role app login password '{PASSWORD}';
"""
_TABLES = """
    create schema {space} authorization {owner};
    set role {owner};
    grant usage on schema {space} to pgscore_owner, alice, bob, carol, app;
    create table {space}.pr (k text primary key, n bigint not null default 0, score double precision, secret text);
    create table {space}.ev (id bigint generated always as identity primary key, k text, v bigint);
    create index on {space}.ev (k);
    insert into {space}.pr (k) select 'k' || i from generate_series(1, 5) i;
    grant insert on {space}.ev to app;
    reset role;
"""
# A sequence forgets nothing when a transaction is rolled back. Whoever is a superuser behind another role becomes it.
_PROBE = """
    create schema evil;
    grant usage on schema evil to public;
    create sequence evil.other;
    do $$
    declare
        name text;
    begin
        for name in select rolname from pg_roles loop
            execute format('create sequence evil.%I', name);
        end loop;
    end
    $$;
    grant usage on all sequences in schema evil to public;
    create function evil.note() returns void language plpgsql as $$
    begin
        perform pg_catalog.nextval(coalesce(
            pg_catalog.to_regclass(pg_catalog.format('evil.%I', current_user)), 'evil.other'::pg_catalog.regclass
        ));
        if (select r.rolsuper from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) current_user) then
            create role gained superuser;
        end if;
    exception when others then
        return;
    end
    $$;
    create function evil.strike() returns boolean language plpgsql as $$
    begin
        perform evil.note();
        begin
            perform pg_catalog.set_config('role', 'none', true);
            perform evil.note();
            raise exception 'undone';
        exception when others then
            return true;
        end;
    end
    $$;
"""
# What attackers build with, each in a schema of their own.
TRAPS = """
    create function {space}.trap() returns boolean language plpgsql volatile as $$
    begin
        return evil.strike();
    end $$;
    create function {space}.trap(v anyelement) returns boolean language plpgsql immutable as $$
    begin
        return evil.strike();
    end $$;
    create function {space}.trap_value(v bigint) returns bigint language plpgsql immutable as $$
    begin
        perform evil.strike();
        return v;
    end $$;
    create function {space}.trap_trigger() returns trigger language plpgsql as $$
    begin
        perform evil.strike();
        return coalesce(new, old);
    end $$;
"""


def model(constant: float = 0.0) -> LogisticRegression:
    """A model of the column n."""
    frame = pd.DataFrame({"n": np.arange(20.0)})
    return LogisticRegression().fit(frame, (frame["n"] > 9 + constant).astype(int))


def publish(dsn: str, key: Path | None = None, constant: float = 0.0, *, promoted: bool = True) -> int:
    """Publishes it, without a table."""
    golden = pd.DataFrame({"n": [0.0, 3.0, 12.0]})
    published = pgscore.publish(dsn, MODEL, model(constant), profile=None, golden=golden, key=key, promoted=promoted)
    return published.version


def build(session: Session) -> None:
    """Makes roles, tables, the traps' parts and the probe, as a superuser."""
    session.run(_ROLES)
    for owner, space in OWNERS.items():
        session.run(_TABLES.format(owner=owner, space=space))
        session.run(f"set role {owner}")
        session.run(TRAPS.format(space=space))
        session.run("reset role")
    session.run("create schema lure authorization app; grant usage on schema lure to public")
    session.run(f"grant usage on schema sa, sb, sc to {OPERATOR}, {SCIENTIST}")
    session.run(_PROBE)


class World:
    """The database of a test, with a session for each login, opened when it is first asked for."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @cached_property
    def root(self) -> Session:
        """A superuser's."""
        return self.database.session()

    @cached_property
    def alice(self) -> Session:
        """The attacker's, in most tests."""
        return self.database.session("alice")

    @cached_property
    def bob(self) -> Session:
        """Another owner's."""
        return self.database.session("bob")

    @cached_property
    def carol(self) -> Session:
        """Another owner's."""
        return self.database.session("carol")

    @cached_property
    def member(self) -> Session:
        """A member of alice."""
        return self.database.session(MEMBER)

    @cached_property
    def app(self) -> Session:
        """Who may only insert events."""
        return self.database.session(APP)

    @cached_property
    def operator(self) -> Session:
        """Who promotes."""
        return self.database.session(OPERATOR)

    def problems(self) -> list[str]:
        """What the doctor says of alice's tables."""
        found = examine(self.database.dsn())
        said = [f"{each.subject}: {each.sentence} {each.remedy}" for each in found if each.is_to_mend]
        return [each for each in said if "sa." in each]

    def attach(self, owner: str, **options: str) -> None:
        """Ties an owner's tables, as the owner."""
        attach(getattr(self, owner), OWNERS[owner], **options)

    def insert(self, space: str, events: int = 1, *, key: str = "k1") -> None:
        """Events as the application inserts them."""
        self.app.run(f"insert into {space}.ev (k, v) select %s, 1 from pg_catalog.generate_series(1, %s)", key, events)

    def assert_counted(self, *spaces: str) -> None:
        """Counters are what the events give, and there are events."""
        for space in spaces:
            found = self.root.run(
                f"select p.k, p.n, (select count(*) from {space}.ev e where e.k = p.k) from {space}.pr p order by p.k"
            )
            assert [n for _, n, _ in found] == [events for *_, events in found], found
            assert any(n for _, n, _ in found), "no event came"

    def ran_as(self) -> set[str]:
        """The roles as which attackers' code ran, or which it could take on."""
        return {
            name
            for (name,) in self.root.run(
                "select sequencename::text from pg_sequences where schemaname = 'evil' and last_value is not null"
            )
        }

    def forget(self) -> None:
        """As if no attackers' code had run yet."""
        for name in self.ran_as():
            self.root.run(f'alter sequence evil."{name}" restart')

    def assert_ran_only_as(self, *roles: str) -> None:
        """Nobody's code ran as anybody but these, and nobody became a superuser."""
        ran = self.ran_as()
        assert ran <= set(roles), f"attackers' code ran as {', '.join(sorted(ran))}"
        assert self.root.value("select to_regrole('gained')") is None


def attach(session: Session, space: str, **options: str) -> None:
    """Ties the tables of a schema."""
    named = "".join(f", {name} => '{value}'" for name, value in options.items())
    session.run(
        f"select pgscore.attach('{MODEL}', '{space}.ev', '{space}.pr', 'k', 'k', %s, 'score'{named})",
        json.dumps(COUNT),
    )


# How attach refuses tables that it does not do.
UNSUITABLE = ("22023", "42809", "0A000", "55000", "42602", "42701", "42939")
# What is called for bound tables, beside attach.
CALLS = {
    "reattach": "select pgscore.reattach('{space}.ev', '{space}.pr')",
    "reconcile": "call pgscore.reconcile('{space}.ev', '{space}.pr')",
    "rescore": f"call pgscore.rescore('{MODEL}', '{{space}}.pr')",
    "detach": "select pgscore.detach('{space}.ev', '{space}.pr')",
}


def call(session: Session, what: str, space: str) -> None:
    """Calls something for the tables of a schema."""
    if what == "attach":
        attach(session, space)
    else:
        session.run(CALLS[what].format(space=space))


def attempt(session: Session, sql: str, *parameters: object) -> psycopg2.Error | None:
    """Runs what should fail or do nothing; its error."""
    try:
        session.run(sql, *parameters)
    except psycopg2.Error as error:
        return error
    return None


def assert_one_sentence(error: psycopg2.Error) -> None:
    """An application's log gets a sentence, and no text of a function."""
    said = error.diag.message_primary or ""
    assert said
    assert "\n" not in said, said
    assert len(error.diag.internal_query or "") <= 200, error.diag.internal_query
    # A line for each call; one that says which statement it was holds the statement.
    calls = re.split(r"\n(?=PL/pgSQL |SQL )", error.diag.context or "")
    assert all(len(call) <= 250 for call in calls), error.diag.context


def generated(session: Session, space: str) -> Iterator[tuple[int, str]]:
    """Generated functions that stand beside tables: number and name."""
    yield from session.run(
        "select p.oid, p.proname::text from pg_proc p where p.pronamespace = %s::regnamespace"
        " and p.proname ~ '^_pgscore_' order by 2",
        space,
    )
