"""The reference is what the code says. `PGSCORE_UPDATE_SNAPSHOTS=1 make check TESTS=tests/documents` writes it anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support.migrate import ROOT

from .formats_page import formats_page
from .reference import command_page, sql_page

if TYPE_CHECKING:
    from tests.support.database import Session

_FOLDER = ROOT / "docs/reference"


def _hold(page: str, text: str) -> None:
    path = _FOLDER / page
    if os.environ.get("PGSCORE_UPDATE_SNAPSHOTS") == "1":
        path.write_text(text)
    assert path.read_text() == text


def test_the_commands_are_those_of_help() -> None:
    """Each command with all its options."""
    _hold("command.md", command_page())


def test_the_formats_are_those_of_the_readers() -> None:
    """Each operator, model and function that has a reader."""
    _hold("formats.md", formats_page())


def test_the_sql_is_that_of_the_catalog(shared_session: Session) -> None:
    """Each call, table and view with its comment."""
    _hold("sql.md", sql_page(shared_session))
