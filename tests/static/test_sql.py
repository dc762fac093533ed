"""SQL as text: pgspot on search paths, squawk on migrations, and the house's style. No database is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pglast import parse_sql
from pglast.parser import scan
from pgspot.state import Counter, State  # type: ignore[import-untyped]
from pgspot.visitors import visit_sql  # type: ignore[import-untyped]

from tests.support.migrate import ROOT

from .exceptions import unexplained

if TYPE_CHECKING:
    from collections.abc import Iterator

_TREE = sorted(path for path in (ROOT / "sql").rglob("*.sql") if len(path.relative_to(ROOT).parts) > 2)
# Trees run nowhere.
_MIGRATIONS = sorted(
    path for path in (ROOT / "migrations" / "versions").glob("*.sql") if not path.name.endswith(".tree.sql")
)
_SNAPSHOTS = sorted((ROOT / "tests" / "generated").glob("*.sql"))
_FUNCTION = re.compile(r"^create or replace function .*?\$function\$;$", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_CREATED = re.compile(r"^create (?:or replace )?\w+ (\S+?)\(", re.IGNORECASE | re.MULTILINE)
_COLUMNS = 120
_PYTHON = "language plpython3u"


# Search paths ---------------------------------------------------------------------------------------------------------


class _Findings(Counter):  # type: ignore[misc]
    """What pgspot says, kept instead of printed."""

    def __init__(self) -> None:
        super().__init__(
            Namespace(plpgsql=True, ignore=[], ignore_lang=["plpython3u"], sql_fn=[], proc_without_search_path=[])
        )
        self.said: list[str] = []

    def print_issue(self, code: str, context: str) -> None:
        self.said.append(f"{code}: {context}")

    def unknown(self, message: str) -> None:
        self.said.append(f"unknown: {message}")


def _pgspot(sql: str) -> Iterator[str]:
    """What it says of a script that begins with a pinned path, statement by statement: some it cannot read."""
    counter = _Findings()
    state = State(counter)
    visit_sql(state, "set search_path = pg_catalog, pg_temp", toplevel=True)
    for statement in parse_sql(sql):
        start = statement.stmt_location
        text = sql.encode()[start : start + statement.stmt_len if statement.stmt_len else None].decode()
        try:
            visit_sql(state, text, toplevel=True)
        except Exception as error:  # pgspot's own, or pglast's for what pgspot hands it
            name = _CREATED.search(text)
            yield f"cannot be read: {name[1] if name else text.strip()[:60]}: {' '.join(str(error).split())}"
    yield from counter.said


def test_search_paths_of_the_tree() -> None:
    found = [f"{_named(path)}: {said}" for path in _TREE for said in _pgspot(path.read_text())]
    assert unexplained("pgspot", found) == []


def test_search_paths_of_what_is_generated() -> None:
    functions = {text for path in _SNAPSHOTS for text in _FUNCTION.findall(path.read_text())}
    assert len(functions) > 50
    assert unexplained("pgspot_generated", [said for text in functions for said in _pgspot(text)]) == []


def test_a_path_that_is_not_pinned_is_found() -> None:
    (said,) = _pgspot("create function pgscore.f() returns integer language sql security definer as 'select 1'")
    assert said.startswith("PS003: ")


# Migrations -----------------------------------------------------------------------------------------------------------


def _squawk(*paths: Path) -> list[str]:
    command = [str(Path(sys.executable).with_name("squawk")), "--reporter", "gcc", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = re.findall(r"^(.*?):\d+:\d+: \w+: ([\w-]+) ", done.stdout, re.MULTILINE)
    assert lines or done.returncode == 0, done.stdout + done.stderr
    return [f"{Path(path).name}: {rule}" for path, rule in lines]


def test_migrations() -> None:
    assert unexplained("squawk", _squawk(*_MIGRATIONS)) == []


def test_a_migration_that_locks_for_long_is_found(tmp_path: Path) -> None:
    path = tmp_path / "0009_wrong.up.sql"
    path.write_text("alter table churn.complaints alter column reason type varchar(10);")
    assert "0009_wrong.up.sql: changing-column-type" in _squawk(path)


# Style ----------------------------------------------------------------------------------------------------------------


def _style(sql: str) -> set[str]:
    """What is no style of the house, in a word each."""
    wrong = {"other characters than ASCII"} if not sql.isascii() else set()
    if any(len(line) > _COLUMNS for line in sql.splitlines()):
        wrong.add("lines past 120 columns")
    if any(line != line.rstrip() or "\t" in line for line in sql.splitlines()) or not sql.endswith("\n"):
        wrong.add("blanks at the end, or tabs")
    return wrong | set(_words(sql, in_body=False))


def _words(sql: str, *, in_body: bool) -> Iterator[str]:
    """Keywords that are not in lower case, in bodies too, and what a session may read otherwise there."""
    for token in scan(sql):
        text = sql.encode()[token.start : token.end + 1].decode()
        if token.kind != "NO_KEYWORD" and text != text.lower():
            yield f"keyword {text}"
        elif token.name == "SCONST" and text.startswith("$") and _PYTHON not in sql:
            tag = text[: text.index("$", 1) + 1]
            yield from _words(text[len(tag) : -len(tag)], in_body=True)
        elif in_body and token.name == "SCONST" and "\\" in text and not text.startswith(("e", "E", "$")):
            yield "a backslash in a body, which standard_conforming_strings = off takes for an escape: E''"


def test_style() -> None:
    found = [f"{_named(path)}: {wrong}" for path in _TREE for wrong in _style(path.read_text())]
    assert unexplained("style", found) == []


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("select 1;\n", set()),
        ("SELECT 'SELECT', \"SELECT\"; -- SELECT\n", {"keyword SELECT"}),
        ("do $$ begin IF true then null; end if; end $$;\n", {"keyword IF"}),
        ("select '\\d'; do $$ begin perform E'\\\\d'; end $$;\n", set()),
        (
            "do $$ begin perform '\\d'; end $$;\n",
            {"a backslash in a body, which standard_conforming_strings = off takes for an escape: E''"},
        ),
        ("select 'ä';\n", {"other characters than ASCII"}),
        (f"select {'1 + ' * 40}1;\n", {"lines past 120 columns"}),
    ],
)
def test_what_is_no_style_is_found(sql: str, wrong: set[str]) -> None:
    assert _style(sql) == wrong


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))
