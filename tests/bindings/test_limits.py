"""What `max_scoring_ms` does to many rows, and with `keep` and with `abort`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_REASON = "scoring took longer than the binding's max_scoring_ms, 1"
_PROFILES = 2300
_EVENTS = f'insert into {shop.EVENTS} (id, "Customer Id", amount) select n, n, 2 from generate_series(1, {_PROFILES}) n'
_STALE = "select count(*), min(reason), max(reason) from pgscore.stale"


@pytest.fixture
def slow(installed: Database, key: Path) -> Session:
    """Many profiles, and the engine that takes milliseconds for a thousand of them: the artifact is signed here."""
    session = installed.session()
    shop.build(session)
    shop.publish(installed.dsn(), key)
    session.run("select pgscore.promote('shop', 1, 'estimator', 300)")
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, {_PROFILES})")
    return session


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_rows_past_the_limit_are_stale_and_the_others_are_scored(slow: Session, timing: str) -> None:
    slow.run(f'update {shop.PROFILE} set "Score" = 0.125, "Version" = 7')
    shop.attach(slow, timing=timing, max_scoring_ms="1")
    slow.run(_EVENTS)
    rest = _PROFILES - 1000
    assert slow.row(_STALE) == (rest, _REASON, _REASON)
    assert slow.run(f"select distinct n from {shop.PROFILE}") == [(1,)]
    kept = f'select count(*) from {shop.PROFILE} where "Score" = 0.125 and "Version" = 7'
    assert slow.value(kept) == rest
    listed = "id::text in (select key from pgscore.stale)"
    assert slow.value(f"{kept} and {listed}") == rest
    # The rest is for later: by the row, or by reconcile.
    slow.run(f'update {shop.PROFILE} set "Age" = 2 where id = {_PROFILES}')
    assert slow.row(_STALE) == (rest - 1, _REASON, _REASON)
    shop.reconcile(slow)
    assert slow.row(_STALE) == (0, None, None)
    assert shop.assert_right(slow) == _PROFILES


def test_with_abort_the_transaction_fails(slow: Session) -> None:
    shop.attach(slow, on_error="abort")
    before = slow.run(f"select * from {shop.PROFILE} order by id")
    shop.attach(slow, on_error="abort", max_scoring_ms="1")
    sentence = f'model "shop" could not score {_PROFILES - 1000} of {_PROFILES} rows'
    with refused("22000", f'{sentence} for "Shop"."Order Lines": {_REASON}'):
        slow.run(_EVENTS)
    assert slow.value(f"select count(*) from {shop.EVENTS}") == 0
    assert slow.run(f"select * from {shop.PROFILE} order by id") == before
    assert slow.row(_STALE) == (0, None, None)
    # A thousand rows are asked for at once, and one has no limit.
    slow.run(_EVENTS + " where n <= 1000")
    slow.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (5000, 2000)')
    assert shop.assert_right(slow) == _PROFILES


def test_rows_that_were_stale_are_followed_to_another_key(slow: Session) -> None:
    shop.attach(slow, max_scoring_ms="1")
    slow.run(_EVENTS)
    slow.run(f"update {shop.PROFILE} set id = -id where id = {_PROFILES}")
    gone = (
        f"select count(*) from pgscore.stale s where not exists (select from {shop.PROFILE} p where p.id::text = s.key)"
    )
    assert slow.value(gone) == 0
    shop.reconcile(slow)
    assert slow.row(_STALE) == (0, None, None)
    assert shop.assert_right(slow) == _PROFILES
