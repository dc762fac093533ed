"""The environment with the oldest libraries, which PGSCORE_TEST_OLDEST names. Without it nothing here is collected."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.drawn.place import TEMPLATE, place
from tests.support.database import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST = os.environ.get("PGSCORE_TEST_OLDEST", "")
collect_ignore_glob = [] if _OLDEST else ["test_*.py"]


@dataclass
class Meeting:
    """Two environments, and a database between them.

    Attributes:
        publisher: the Python that fits and publishes.
        dsn: of the database, whose server has the other environment's libraries.
        session: a superuser's session there.
        key: a private key that it trusts.
    """

    publisher: Path
    dsn: str
    session: Session
    key: Path


@pytest.fixture(scope="session", params=["oldest publishes", "newest publishes"])
def meeting(request: pytest.FixtureRequest, key: Path) -> Iterator[Meeting]:
    """Each of both ways."""
    oldest = Path(_OLDEST) / "bin" / "python"
    libraries = next((Path(_OLDEST) / "lib").glob("python*/site-packages"))
    newest = os.environ["PGSCORE_SERVER_PYTHONPATH"]
    publisher, serves = (oldest, newest) if request.param == "oldest publishes" else (Path(sys.executable), libraries)
    with place(key, str(serves)) as cluster:
        session = Session(cluster.dsn(TEMPLATE))
        yield Meeting(publisher, cluster.dsn(TEMPLATE), session, key)
        session.close()
