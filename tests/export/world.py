"""Customers with scores, that an analyst exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.database import ANALYST

if TYPE_CHECKING:
    from tests.support.database import Session

OWNER = "export_owner"
READER = ANALYST
ROWS = 5000

_BUILD = f"""
    grant pgscore_reader to {OWNER};
    create schema shop authorization {OWNER};
    set role {OWNER};
    grant usage on schema shop to pgscore_owner, {READER};
    create table shop.customer (
        id bigint primary key, visits bigint not null default 0, score double precision, version integer,
        scored_at timestamptz, name text, tags jsonb, paid numeric(10, 2)
    );
    create table shop.visit (id bigint primary key, customer bigint);
    create index on shop.visit (customer);
    grant select on shop.customer to {READER};
    insert into shop.customer (id, score, version, scored_at, name, tags, paid)
    select i, i / 7.0, 1 + i % 2, '2026-01-02 03:04:05.678901+00', case i % 3 when 0 then '' when 1 then 'a,"b"' end,
        '{{"a": [1]}}', i / 100.0
    from generate_series(1, {ROWS}) i;
    update shop.customer set score = null, version = null, scored_at = null where id = 7;
    update shop.customer set score = 'infinity' where id = 8;
    select pgscore.attach(
        'shop', 'shop.visit', 'shop.customer', 'customer', 'id', '[{{"column": "visits", "aggregate": "count"}}]',
        'score', 'version', 'scored_at'
    );
    reset role;
"""


def build(session: Session) -> None:
    """Makes the tables as a role of their own, and attaches them; their model is not published yet."""
    if session.value("select to_regrole(%s)", OWNER) is None:
        session.run(f"create role {OWNER}")
    session.run(_BUILD)


def change(session: Session, *numbers: int) -> None:
    """Scores customers anew: 9 and their number."""
    session.run(
        "update shop.customer set score = 9000 + id, version = 3, scored_at = now() where id = any (%s)", list(numbers)
    )
