"""What applications connect with, and what they are to leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import APPLICATION
from tests.support.models import (
    assert_counters_are_right,
    assert_scores_are_right,
    counters,
    light_pipeline,
    pipeline,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.database import Database, Session


@pytest.fixture
def observer(serving: Database) -> Session:
    """A superuser's session, where the application's role may read and change its own events too."""
    session = serving.session()
    session.run(f"grant select, update, delete on churn.complaints to {APPLICATION}")
    return session


@pytest.fixture
def check(observer: Session) -> Iterator[Callable[[], None]]:
    """Holds invariants 1 and 2 for the reference application; also when the test ends."""
    start = counters(observer)

    def check() -> None:
        assert_counters_are_right(observer, start)
        assert assert_scores_are_right(observer, {1: pipeline(), 2: light_pipeline()}) > 0
        assert observer.value("select count(*) from churn._pgscore_customer_profile_queue") == 0
        assert observer.value("select count(*) from pgscore.stale") == 0

    yield check
    check()
