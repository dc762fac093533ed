"""Whoever follows a page gets what it promises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from examples.churn.story import tell_in
from tests.support import migrate
from tests.support.database import Session
from tests.support.migrate import ROOT

from . import shop
from .examples import pages, steps
from .session import replayed, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.server.cluster import PrivateCluster

    from .examples import Reader

# The guide is one story, in the order in which somebody lives through it.
_GUIDE = [
    "docs/guide/installation.md",
    "docs/guide/roles.md",
    "docs/guide/first-model.md",
    "docs/guide/releases.md",
    "docs/guide/bulk.md",
    "docs/guide/changes.md",
    "docs/guide/shards.md",
    "docs/guide/spark.md",
    "docs/guide/compare.md",
    "docs/guide/explaining.md",
    "docs/guide/reduce.md",
    "docs/guide/browser.md",
    "docs/guide/maintenance.md",
    "docs/guide/export.md",
    "docs/guide/export-model.md",
    "docs/guide/rescore.md",
    "docs/guide/costs.md",
    "docs/guide/limits.md",
    "docs/guide/models.md",
    "docs/guide/onnx-engine.md",
    "docs/guide/removal.md",
]


def test_the_guide_from_installation_to_removal(reader: Callable[[str], Reader]) -> None:
    """Nothing of pgscore is left in the end, and the owner's tables go on working."""
    ada = reader("guide")
    shop.build(ada)
    shop.write_files(ada)
    for page in _GUIDE:
        ada.follow(page)
    session = Session(ada.dsn(None))
    session.run("insert into shop.complaints (customer_id) values (1)")
    assert session.run("select rolname from pg_roles where rolname ~ '^pgscore'") == []
    assert session.row("select complaints, churn_score is null from shop.customer where id = 1") == (2, False)
    session.close()


def test_five_minutes_of_the_readme(reader: Callable[[str], Reader]) -> None:
    """The README's commands, on tables that are not the demo's."""
    newcomer = reader("five_minutes")
    shop.build(newcomer)
    shop.add_columns(newcomer)
    shop.write_files(newcomer)
    newcomer.follow("README.md")


def test_the_session_of_the_readme(own_cluster: PrivateCluster) -> None:
    """What it shows of psql is what psql shows, after the demo's story."""
    tell_in(own_cluster.dsn())
    typed, lines = shown("README.md")
    assert replayed(own_cluster.dsn(), typed) == lines


def test_the_page_about_bindings(reader: Callable[[str], Reader]) -> None:
    """Its calls say the same in SQL, in a shell and in Python: each finds what the one before has attached."""
    owner = reader("bindings")
    migrate.upgrade(owner.dsn(None))
    shop.build(owner)
    shop.add_columns(owner)
    shop.grant(owner)
    owner.follow("docs/bindings.md")


def test_invariants_are_held_by_tests() -> None:
    """Each that the page defines is cited by some test, and none else is."""
    defined = set(re.findall(r"^\*\*(\d+)\.", (ROOT / "docs/invariants.md").read_text(), re.MULTILINE))
    cited = {
        number
        for path in (ROOT / "tests").rglob("test_*.py")
        for number in re.findall(r"^def test_invariant_(\d+)_", path.read_text(), re.MULTILINE)
    }
    assert cited == defined


def test_all_pages_are_followed() -> None:
    """An example that no test runs says why."""
    followed = {*_GUIDE, "README.md", "docs/bindings.md"}
    for page in pages():
        left = [step.place for step in steps(page) if step.reason is None]
        assert page in followed or not left, f"{left} are run by nothing"
