"""Windows of time: what events make of a profile, and what time alone does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import windows

if TYPE_CHECKING:
    from tests.support.database import Database


def test_thin(shopping: Database) -> None:
    session = shopping.session()
    windows.build(session)
    windows.attach(session)
    session.run(f"insert into {windows.PROFILE} (id) values (1), (2)")
    session.run(
        f"insert into {windows.EVENTS} values (1, 1, 'long', 5, 1.5, now() - interval '1 hour', now()),"
        " (2, 1, 'short', 7, 2.5, now() - interval '25 hours', now() - interval '2 hours'),"
        " (3, 1, 'long', 9, 3.5, now() - interval '169 hours', now() - interval '89 minutes')"
    )
    session.run(f"alter table {windows.EVENTS} disable trigger all")
    session.run(f"update {windows.EVENTS} set at = now() - interval '24 hours' where id = 1")
    session.run(f"update {windows.PROFILE} set due_at = now() where id = 1")
    with session.said() as said:
        windows.tick(session)
