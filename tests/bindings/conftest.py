"""The shop of tests/support/shopping.py, attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session


@pytest.fixture
def owner(shopping: Database) -> Session:
    """A superuser's session in `shopping`, where the tables are attached with all reducers, without rows."""
    session = shopping.session()
    shop.attach(session)
    return session
