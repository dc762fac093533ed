"""Invariant 6, of releases: revision by revision it is the tree, also where models and bindings are in use."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

import pgscore
import pytest

from migrations.authoring.checkout import AuthoringError, Checkout, hash_of
from migrations.authoring.draft import TO_DO
from migrations.authoring.freeze import freeze
from migrations.authoring.release import release
from tests.support import migrate
from tests.support.database import APPLICATION, Database, Session
from tests.support.models import light_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.cluster import PrivateCluster

# What promotions write anew, so that a database in use has others.
_BY_MODELS = ("score(text, jsonb)", "predict(text, jsonb)", "_scored(text, jsonb)", "churn.customer_profile")
_ADDED = "alter table pgscore.model_version add column note text;"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of this one, in which everything is released."""
    for name in ("sql", "migrations"):
        shutil.copytree(migrate.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = Checkout(tmp_path)
    release(made)
    return made


def _change(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for former, present in changes:
        assert former in text, former
        text = text.replace(former, present)
    path.write_text(text)


def _next_release(checkout: Checkout) -> str:
    """A column, a function, and another text of what promotions generate: by the recipes of CONTRIBUTING.md."""
    core = checkout.root / "sql" / "core"
    _change(
        core / "tables" / "model_version.sql",
        ("    primary key (model, version),\n", "    note text,\n    primary key (model, version),\n"),
        (
            "\ngrant select on pgscore.model_version",
            "\ncomment on column pgscore.model_version.note is 'What it is for';"
            "\n\ngrant select on pgscore.model_version",
        ),
    )
    _change(core / "functions" / "scoring.sql", ("version %s: a row as JSON'", "version %s: one row as JSON'"))
    _change(core / "functions" / "scoring.sql", ("'%sa row of %s', says", "'%sone row of %s', says"))
    _change(core / "program" / "scorer.sql", ("says || 'the score')", "says || 'its only score')"))
    with (core / "functions" / "confirm.sql").open("a") as file:
        file.write(
            "\ncreate function pgscore._noted(note text, long boolean default false) returns text\n"
            "language sql immutable\nset search_path = pg_catalog, pg_temp\nas $$ select note; $$;\n\n"
            "comment on function pgscore._noted(text, boolean) is 'A note';\n"
        )
    said = freeze(checkout)[0]
    assert said.startswith("began ")
    revision = checkout.chain("core")[-1]
    up, down = (checkout.versions / f"{revision}.{each}.sql" for each in ("up", "down"))
    # What the draft cannot know stands in it as something to do, with the difference.
    for script, statement in ((up, _ADDED), (down, "alter table pgscore.model_version drop column note;")):
        with pytest.raises(AuthoringError, match="is not finished"):
            release(checkout)
        (to_do,) = re.findall(rf"{TO_DO}: .*\n(?:--.*\n)+", script.read_text())
        assert "note text," in to_do
        _change(script, (to_do, statement + "\n"))
        assert freeze(checkout)[0] == f"froze {revision}"
    return revision


@pytest.fixture
def of_the_tree(cluster: PrivateCluster, checkout: Checkout) -> Iterator[str]:
    """The schema that the copy's next release makes from nothing; the copy has that release then."""
    _next_release(checkout)
    session = Session(cluster.dsn())
    session.run("create database of_the_tree template template0")
    for branch in ("core", "plpython", "churn"):
        migrate.psql(cluster.dsn("of_the_tree"), "-1", "-f", str(checkout.root / "sql" / f"{branch}.sql"))
    yield migrate.schema(cluster.dsn("of_the_tree"))
    session.run("drop database of_the_tree with (force)")
    session.close()


def test_a_hash_that_is_written_within_the_same_second_counts(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    revision = _next_release(checkout)
    migration = checkout.versions / f"{revision}.py"
    # Compiles it.
    checkout.chain("core")
    before = migration.stat()
    with (checkout.versions / f"{revision}.up.sql").open("a") as script:
        script.write("-- And a line.\n")
    freeze(checkout)
    os.utime(migration, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert migration.stat().st_size == before.st_size
    loader = SourceFileLoader("revision", str(migration))
    module = module_from_spec(ModuleSpec("revision", loader))
    loader.exec_module(module)
    assert hash_of(checkout.versions / f"{revision}.up.sql") in module.upgrade.__code__.co_consts


def test_invariant_6_revision_by_revision_and_at_once_are_the_tree(
    empty: Database, checkout: Checkout, of_the_tree: str
) -> None:
    scripts = checkout.root / "migrations"
    former = checkout.chain("core")[-2]
    for target in (former, "plpython@head", "churn@head"):
        migrate.upgrade(empty.dsn(), target, scripts=scripts)
    before = migrate.schema(empty.dsn())
    assert before != of_the_tree
    migrate.upgrade(empty.dsn(), "core@head", scripts=scripts)
    assert migrate.schema(empty.dsn()) == of_the_tree
    migrate.downgrade(empty.dsn(), former, scripts=scripts)
    assert migrate.schema(empty.dsn()) == before
    migrate.downgrade(empty.dsn(), "core@base", scripts=scripts)
    migrate.upgrade(empty.dsn(), scripts=scripts)
    assert migrate.schema(empty.dsn()) == of_the_tree


def test_invariant_6_a_database_in_use_is_upgraded_while_events_come(
    installed: Database, checkout: Checkout, of_the_tree: str
) -> None:
    scripts = checkout.root / "migrations"
    session = installed.session()
    pgscore.publish(installed.dsn(), "churn", light_pipeline(), profile="churn.customer_profile")
    pgscore.promote(installed.dsn(), "churn", 1, max_seconds=60)
    versions = "select model, version, contract, sha256 from pgscore.model_version order by 1, 2"
    kept = session.run(versions)
    calls = "select sum(number_customer_service_calls) from churn.customer_profile"
    called = session.value(calls)
    before = migrate.schema(installed.dsn())
    with _Inserting(installed) as inserting:
        migrate.upgrade(installed.dsn(), scripts=scripts)
        inserting.go_on()
        assert _blocks(of_the_tree) - _blocks(migrate.schema(installed.dsn())) == set()
        for function in ("pgscore_models.churn(jsonb)", "pgscore_models.churn(churn.customer_profile)"):
            assert "one row" in session.value("select obj_description(%s::regprocedure)", function)
        (says,) = session.row("select obj_description(oid) from pg_proc where proname = '_churn 1'")
        assert says.endswith("its only score")
        assert session.run("select * from pgscore._outdated_profiles()") == []
        # Down and up again: the versions stay, and what they are noted with goes.
        migrate.downgrade(installed.dsn(), checkout.chain("core")[-2], scripts=scripts)
        inserting.go_on()
        assert migrate.schema(installed.dsn()) == before
        migrate.upgrade(installed.dsn(), scripts=scripts)
        inserting.go_on()
    assert session.run(versions) == kept
    assert session.value(calls) == called + inserting.inserted
    assert session.run("select * from pgscore.stale") == []
    wrong = "select customer_id from churn.customer_profile c where churn_score <> pgscore.score('churn', c)"
    assert session.run(wrong) == []
    pgscore.promote(installed.dsn(), "churn", 1, max_seconds=60)


class _Inserting:
    """An application that inserts events, one transaction after the other, and never fails."""

    def __init__(self, database: Database) -> None:
        self._session = database.session(APPLICATION)
        self._stop = threading.Event()
        self._more = threading.Semaphore(0)
        self.inserted = 0

    def __enter__(self) -> _Inserting:
        self._working = self._session.work(self._insert)
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._working.result()

    def go_on(self) -> None:
        """Returns when another event is committed."""
        while not self._more.acquire(blocking=False):
            if self._working.done():
                self._working.result()
        assert self._more.acquire(timeout=60)

    def _insert(self) -> None:
        while not self._stop.is_set():
            self._session.run(
                "insert into churn.complaints (customer_id, kind) values (%s, 'x')", 1 + self.inserted % 60
            )
            self.inserted += 1
            self._more.release()


def _blocks(schema: str) -> set[str]:
    """The objects of pgscore's schemas in a dump, without what differs by models and tables."""
    blocks = re.split(r"\n--\n(?=-- Name: )", schema)
    return {
        each
        for each in blocks
        if (head := re.match(r"-- Name: (.*); Type: .*; Schema: pgscore(_trusted)?;", each))
        and not any(word in head[1] for word in _BY_MODELS)
    }


def test_what_is_released_never_changes(checkout: Checkout) -> None:
    before = {path: path.read_bytes() for path in checkout.versions.iterdir() if path.is_file()}
    assert all("as released with" in said for said in freeze(checkout))
    # A change of the tree is a new revision, and nothing else.
    revision = _next_release(checkout)
    assert {path: path.read_bytes() for path in before} == before
    file = checkout.root / "sql" / "core" / "functions" / "confirm.sql"
    file.write_text(file.read_text() + "\n-- And so on.\n")
    with pytest.raises(AuthoringError, match="sql/core has changed since it was frozen: run make freeze"):
        release(checkout)
    assert freeze(checkout)[0].startswith(f"{revision}: the tree has changed since it was frozen")
    assert release(checkout) == [revision]
    changed = checkout.versions / f"{revision}.up.sql"
    changed.write_text(changed.read_text() + "\n")
    for call in (freeze, release):
        with pytest.raises(AuthoringError, match=rf"{revision}.up.sql is released and was changed: git checkout"):
            call(checkout)


def test_this_checkout_keeps_what_it_has_released() -> None:
    Checkout().check_released()


def test_the_tree_is_in_ascii(checkout: Checkout) -> None:
    """A database in another encoding than UTF8 could not hold it."""
    file = checkout.root / "sql" / "core" / "functions" / "confirm.sql"
    file.write_text(file.read_text() + "-- …\n")
    with pytest.raises(AuthoringError, match=r"sql/core/functions/confirm.sql is not in ASCII"):
        freeze(checkout)
