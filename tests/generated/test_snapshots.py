"""What attach generates, as files to read: a change of sql/ shows in them as a difference.

`PGSCORE_UPDATE_SNAPSHOTS=1 make check TESTS=tests/generated` writes them anew; review the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bindings import shop, windows
from tests.support.migrate import ROOT

from .catalog import made_since, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.database import Database, Session

_FOLDER = Path(__file__).parent
_UPDATE = "PGSCORE_UPDATE_SNAPSHOTS"
_CALLS = '"Shop"."Calls"'


def _reference(session: Session) -> None:
    """The migration has tied its tables: they are untied, and tied as it does it."""
    session.run("set role churn_owner")
    session.run("select pgscore.detach('churn.complaints', 'churn.customer_profile')")
    session.run("reset role")


def _attach_reference(session: Session) -> None:
    session.run("set role churn_owner")
    session.run((ROOT / "sql/churn/binding.sql").read_text())
    session.run("reset role")


def _build_two(session: Session) -> None:
    shop.build(session)
    session.run(f"set role {shop.OWNER}; create table {_CALLS} (caller bigint, minutes integer); reset role")


def _build_rescored(session: Session) -> None:
    shop.build(session, "text", part="integer", event_part="bigint")
    shop.attach(session, composite=True)


def _make_rescore(session: Session) -> None:
    shop.run_as_owner(session, "select pgscore._make_rescore(b) from pgscore.binding b where b.model = 'shop'")


def _build_explained(session: Session) -> None:
    shop.build(session)
    shop.run_as_owner(session, f"alter table {shop.PROFILE} add column why jsonb")


def _attach_explained(session: Session) -> None:
    shop.attach(session, reasons="why")
    _make_rescore(session)


def _attach_two(session: Session) -> None:
    shop.attach(session, reducers=[each for each in shop.REDUCERS if each["column"] != "pieces"])
    session.run(f"set role {shop.OWNER}")
    session.run(
        "select pgscore.attach('shop', %s, %s, 'caller', 'id', %s, 'Score', 'Version')",
        _CALLS,
        shop.PROFILE,
        '[{"column": "pieces", "aggregate": "sum", "of": "minutes"}]',
    )
    session.run("reset role")


# What each file shows: its first line, how the tables are made, and how they are tied.
_VARIANTS: dict[str, tuple[str, Callable[[Session], object], Callable[[Session], object]]] = {
    "reference_application": ("The reference application", _reference, _attach_reference),
    "commit": ("The shop of tests/bindings/shop.py with all reducers, timing commit", shop.build, shop.attach),
    "statement": ("The same with timing statement", shop.build, lambda s: shop.attach(s, timing="statement")),
    "composite_key": (
        "The same as commit, with a key of two columns",
        lambda s: shop.build(s, "text", part="integer", event_part="bigint"),
        lambda s: shop.attach(s, composite=True),
    ),
    "partitioned_events": (
        "The same as commit, with events in partitions",
        lambda s: shop.build(s, partitioned=True),
        shop.attach,
    ),
    "partitioned_profile": (
        "The same as commit, with profiles in partitions",
        lambda s: shop.build(s, profile_partitioned=True),
        shop.attach,
    ),
    "tells": (
        "The same as commit, telling of changes, of scores above 0.8 and of such below 0.1",
        shop.build,
        lambda s: shop.attach(s, changes="true", notify_above="0.8", notify_below="0.1"),
    ),
    "reasons": ("The same as commit, with reasons beside the score", _build_explained, _attach_explained),
    "two_bindings": ("Two event tables that move one profile table", _build_two, _attach_two),
    "on_missing_insert": (
        "The same as commit, where events make their profiles",
        shop.build,
        lambda s: shop.attach(s, on_missing="insert"),
    ),
    "windows": ("The members of tests/bindings/windows.py, with windows of time", windows.build, windows.attach),
    "rescore": ("What rescoring makes for tables with a key of two columns", _build_rescored, _make_rescore),
    "counts": (
        "A binding that counts, and does nothing else",
        shop.build,
        lambda s: shop.attach(s, reducers=shop.REDUCERS[:2]),
    ),
}


@pytest.mark.parametrize("name", _VARIANTS)
def test_what_attach_generates(installed: Database, name: str) -> None:
    title, build, attach = _VARIANTS[name]
    session = installed.session()
    build(session)
    former = read(session)
    attach(session)
    found = f"-- {title}.\n\n{made_since(session, former)}"
    path = _FOLDER / f"{name}.sql"
    if os.environ.get(_UPDATE) == "1":
        path.write_text(found)
    assert found == path.read_text()


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in _FOLDER.glob("*.sql")} == set(_VARIANTS)
