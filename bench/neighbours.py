"""One event in a database with a hundred other owners' attached tables, beside one in a database with none."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from psycopg2.extensions import make_dsn, parse_dsn

from .attached import CLERK, Pair, attach, attached, check, make, sweep
from .customers import predictors
from .figure import Detail, ratio
from .inserts import Client, times
from .models import LINEAR
from .pairs import in_turn, spread
from .setting import Server
from .single_row import Transactions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .field import Field
    from .figure import Measured
    from .setting import Session

_OWNERS = 100
_CROWDED = "bench_crowded"
_MODEL = "not_published"


def compare(field: Field) -> list[Measured]:
    """Time of an INSERT where others have attached tables, divided by its time where nobody has."""
    field.ours(LINEAR)
    with field.server.session() as owner:
        pair = make(owner, "neighbours", len(predictors()))
    # The other database is a copy of this one: it has the same model, and the same tables.
    with _crowded(field.server, pair) as crowded:
        return _compare(field, crowded, pair)


def _compare(field: Field, crowded: Server, pair: Pair) -> list[Measured]:
    with ExitStack() as stack:
        sessions = []
        for server in (crowded, field.server):
            owner = stack.enter_context(server.session())
            stack.enter_context(attached(owner, pair, LINEAR, "commit"))
            sweep(owner, pair)
            stack.callback(check, owner, pair, LINEAR)
            session = stack.enter_context(server.session())
            session.run(f"set role {CLERK}")
            sessions.append(session)
        outside = in_turn([Client(session, pair.insert, 1).measure for session in sessions], field.effort.single)
        inside = in_turn(
            [Transactions(session, "neighbours", pair.insert).measure for session in sessions], field.effort.single
        )
    ratios = spread([crowd / alone for crowd, alone in inside])
    names = (f"{_OWNERS} other owners", "none")
    return ratio(
        [crowd / alone for crowd, alone in outside],
        [
            *times("over a connection", outside, names),
            Detail("inside the server, without network and client", ratios, ""),
            *times("inside the server", inside, names),
        ],
        f"{ratios.median:.2f} inside the server",
    )


@contextmanager
def _crowded(server: Server, pair: Pair) -> Iterator[Server]:
    """A copy of the database in which other owners have attached tables like these; it is dropped at the end."""
    elsewhere = Server(make_dsn(server.dsn, dbname="template1"))
    source = parse_dsn(server.dsn)["dbname"]
    copy = Server(make_dsn(server.dsn, dbname=_CROWDED))
    with elsewhere.session() as session:
        session.run(f"create database {_CROWDED} template {source}")
        try:
            with copy.session() as owner:
                for number in range(_OWNERS):
                    _attach_another(owner, pair, f"bench_owner_{number}")
            yield copy
        finally:
            session.run(f"drop database {_CROWDED} with (force)")


def _attach_another(session: Session, pair: Pair, name: str) -> None:
    """Makes an owner, with a schema of the same name and two empty tables in it, and attaches them to a model to come.

    A model that serves would be generated anew for each table, which takes minutes and is no part of an INSERT.
    """
    session.run(
        f"create role {name} in role pgscore_reader; create schema {name} authorization {name};"
        f"grant usage on schema {name} to pgscore_owner;"
        f"create table {name}.event (customer integer);"
        f"create table {name}.customer (like {pair.profile} including all);"
        f"alter table {name}.event owner to {name}; alter table {name}.customer owner to {name}"
    )
    others = Pair(f"{name}.event", f"{name}.customer")
    attach(session, others, _MODEL, "commit", owner=name)
