"""The shop of tests/support/shopping.py, attached; and the visits of windows.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import shop, windows

if TYPE_CHECKING:
    from tests.support.database import Database, Session


@pytest.fixture
def owner(shopping: Database) -> Session:
    """A superuser's session in `shopping`, where the tables are attached with all reducers, without rows."""
    session = shopping.session()
    shop.attach(session)
    return session


@pytest.fixture
def visits(shopping: Database) -> Session:
    """A superuser's session, where tables with windows are attached, with three profiles that have no events."""
    session = shopping.session()
    windows.build(session)
    windows.attach(session)
    session.run(f"insert into {windows.PROFILE} (id) select generate_series(1, 3)")
    return session
