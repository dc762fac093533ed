"""Profiles that time alone has changed: what events, a dump, reconcile, the doctor and scores make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import pytest
from pgscore.doctor import examine
from sklearn.linear_model import LogisticRegression

from tests.support import migrate
from tests.support.database import refused

from . import shop, windows

if TYPE_CHECKING:
    from tests.support.database import Database, Session


def test_what_is_due_in_a_dump_is_due_where_it_is_restored(
    visits: Session, shopping: Database, empty: Database
) -> None:
    windows.leave(visits, 1, 3)
    migrate.psql(empty.dsn(), script=migrate.dump(shopping.dsn()))
    restored = empty.session()
    assert restored.value(windows.DUE) == [1, 3]
    rows = f"select p.*::text from {windows.PROFILE} p order by id"
    assert restored.run(rows) == visits.run(rows)
    assert windows.said_by_tick(restored) == ["visits.visit: 2 profiles brought up"]
    restored.run(f"insert into {windows.EVENTS} (id, member, at) values (5000, 2, clock_timestamp())")
    windows.assert_right(restored)


def test_any_event_brings_its_profile_up(visits: Session) -> None:
    """Also one that is in no window itself."""
    windows.leave(visits, 1, 3)
    visits.run(f"insert into {windows.EVENTS} (id, member) values (1, 1)")
    assert visits.value(windows.DUE) == [3]
    windows.assert_right(visits)


def test_the_clock_is_read_when_the_profile_is_locked(visits: Session, shopping: Database) -> None:
    """A transaction that began before an event left its window commits after another one has seen it leave."""
    early, late = shopping.session(), shopping.session()
    early.run("begin")
    early.run(f"insert into {windows.EVENTS} (id, member, at) values (1, 1, clock_timestamp())")
    late.run(
        f"insert into {windows.EVENTS} (id, member, at)"
        " values (2, 1, clock_timestamp() - interval '24 hours' + interval '0.5 seconds')"
    )
    assert visits.value(f"select n_day from {windows.PROFILE} where id = 1") == 1
    while visits.value(f"select due_at >= clock_timestamp() from {windows.PROFILE} where id = 1"):
        pass
    assert visits.value(windows.DUE) == [1]
    early.run("commit")
    assert visits.value(windows.DUE) is None
    assert visits.value(f"select n_day from {windows.PROFILE} where id = 1") == 1
    windows.assert_right(visits)


def test_reconcile_takes_nothing_for_wrong_that_is_due(visits: Session) -> None:
    windows.leave(visits, 1, 2)
    call = f"call pgscore.reconcile('{windows.EVENTS}', '{windows.PROFILE}'"
    assert windows.said_by_tick(visits, f"{call}, false)") == ["visits.visit: 3 profiles compared, 0 differed"]
    assert visits.value(windows.DUE) == [1, 2]
    # What is wrong is found, also of one that is due.
    visits.run(f"update {windows.PROFILE} set n_day = 7 where id = 1")
    visits.run(f"update {windows.PROFILE} set due_at = null where id = 2")
    said = windows.said_by_tick(visits, f"{call}, false)")
    assert said[-1] == "visits.visit: 3 profiles compared, 2 differed and were left as they are"
    assert "1: n_day is 7 and the events give 1" in said[0]
    assert "2: n_day is 1 and the events give 0" in said[0]
    assert (
        windows.said_by_tick(visits, f"{call})")[-1] == "visits.visit: 3 profiles compared, 2 differed and were mended"
    )
    assert visits.value(windows.DUE) is None
    windows.assert_right(visits)
    windows.leave(visits, 3)
    assert windows.said_by_tick(visits, f"{call})") == ["visits.visit: 3 profiles compared, 0 differed"]
    assert visits.value(windows.DUE) is None
    windows.assert_right(visits)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("indexed", [False, True])
def test_the_doctor_tells_what_is_due_from_what_is_wrong(
    visits: Session,
    shopping: Database,
    indexed: bool,
    full: bool,
) -> None:
    def found() -> dict[str, str]:
        return {
            each.code: each.sentence
            for each in examine(shopping.dsn(shop.OWNER), full=full)
            if each.subject == "visits.visit"
        }

    if not indexed:
        visits.run("drop index visits.visit_member_at_idx")
    windows.leave(visits, 1)
    assert found().keys() == {"due", "counters", "no-version"}
    assert found()["due"].startswith("1 profile is due, and has been since ")
    windows.tick(visits)
    assert "due" not in found()
    assert "counters" in found()
    visits.run(f"update {windows.PROFILE} set n_day = 7 where id = 1")
    assert "such as 1: n_day is 7 and the events give 0" in found()["counters-differ"]


def test_a_score_follows(visits: Session, shopping: Database) -> None:
    """Invariant 2: it is what the model gives for the windows as they stand, for one row and for many."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.integers(0, 5, (60, 2)).astype(float), columns=["n_day", "long_week"])
    model = LogisticRegression().fit(frame, (frame["n_day"] + frame["long_week"] > 4).astype(int))
    published = pgscore.publish(
        shopping.dsn(), "visits", model, profile=windows.PROFILE, golden=frame.head(5), promoted=True
    )
    assert published.problem is None
    visits.run(f"insert into {windows.PROFILE} (id) select generate_series(4, 30)")
    windows.leave(visits, 1)
    windows.tick(visits)
    windows.leave(visits, *range(2, 31))
    windows.tick(visits)
    rows = visits.run(f"select n_day, long_week, score from {windows.PROFILE}")
    assert {row[:2] for row in rows} == {(0, 1)}
    expected = model.predict_proba(pd.DataFrame([[0.0, 1.0]], columns=frame.columns))[0, 1]
    assert [row[2] for row in rows] == pytest.approx([expected] * 30, rel=1e-12)


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("on_missing", ["insert", "error"])
def test_events_that_find_no_profile(shopping: Database, on_missing: str, timing: str) -> None:
    session = shopping.session()
    windows.build(session)
    windows.attach(session, on_missing=on_missing, timing=timing)
    event = f"insert into {windows.EVENTS} (id, member, at) values (1, 1, clock_timestamp() - interval '1 hour')"
    if on_missing == "error":
        with refused("23503", "has no row whose id is 1"):
            session.run(event)
        session.run(f"insert into {windows.PROFILE} (id) values (1)")
    session.run(event)
    assert session.value(f"select n_day from {windows.PROFILE}") == 1
    windows.assert_right(session)
