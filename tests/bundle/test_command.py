"""Making bundles: from the command line and from Python, by whom, and into which files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pgscore
import pytest
from pgscore import DeniedError, NotFoundError, PgscoreError
from pgscore.bundle import load

from tests.bindings import shop
from tests.support.command import run_here as run
from tests.support.command import run_json_here as run_json
from tests.support.database import ANALYST, OPERATOR, SCIENTIST
from tests.support.models import OBSTACLE

from .samples import CHURN_BINDING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database

_OPTION = ("--binding", ":".join(CHURN_BINDING))


def test_a_bundle_is_printed_or_written(shared: Database, tmp_path: Path, key: Path) -> None:
    dsn = shared.dsn(OPERATOR)
    printed = run(dsn, "bundle", "churn", *_OPTION).stdout
    assert printed == pgscore.make_bundle(dsn, "churn", bindings=[CHURN_BINDING]) + "\n"
    path = tmp_path / "churn.json"
    said = run_json(dsn, "bundle", "churn", "1", *_OPTION, "--to", path, "--key", key)
    signed = json.loads(path.read_text())
    assert {name: value for name, value in signed.items() if name != "signature"} == json.loads(printed)
    assert said == {
        "model": "churn",
        "version": 1,
        "bindings": ["churn.complaints"],
        "golden": len(signed["golden"]),
        "sha256": signed["sha256"],
        "key_id": signed["signature"]["key_id"],
        "bytes": path.stat().st_size,
        "files": [str(path)],
    }
    bundle = load(path, key=f"{key}.pub")
    assert bundle.reduce({"number_customer_service_calls": 3}, [{}]) == {"number_customer_service_calls": 4}
    lines = run(dsn, "bundle", "churn", "2", "--to", path).stdout.splitlines()
    assert lines == [f"Version 2 of churn is in {path}, {path.stat().st_size:,} bytes."]
    assert load(path).bindings == ()


def test_a_folder_gets_the_module_beside_it(shared: Database, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "browser"
    files = run_json(shared.dsn(), "bundle", "churn", "--to", f"{folder}/")["files"]
    assert files[0] == str(folder / "churn.json")
    assert sorted(map(str, folder.iterdir())) == sorted(files)
    assert run_json(shared.dsn(), "bundle", "churn", "--to", folder)["files"] == files
    others = folder / "package.json"
    for text in ('{"name": "shop"}', "[]", "{"):
        others.write_text(text)
        written = run_json(shared.dsn(), "bundle", "churn", "--to", folder)["files"]
        assert written == [each for each in files if each != str(others)]
        assert others.read_text() == text
    (tmp_path / "file").touch()
    assert "cannot be made" in run(shared.dsn(), "bundle", "churn", "--to", f"{tmp_path}/file/x/", expect=1).stderr
    assert "cannot be written" in run(shared.dsn(), "bundle", "churn", "--to", tmp_path / "no" / "x", expect=1).stderr
    assert sorted(map(str, folder.iterdir())) == sorted(files)


@pytest.mark.parametrize("given", ["churn.complaints", ":x", "x:", '"a:b"'])
def test_a_binding_is_named_by_two_tables(shared: Database, given: str) -> None:
    assert "is no EVENTS:PROFILE" in run(shared.dsn(), "bundle", "churn", "--binding", given, expect=2).stderr


def test_quoted_names_and_other_sessions_settings_do_not_matter(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session)
    name = f"{shop.EVENTS}:{shop.PROFILE}"
    before = run(shopping.dsn(), "bundle", "shop", "--binding", name).stdout
    (binding,) = json.loads(before)["bindings"]
    assert (binding["events"], binding["profile"]) == (shop.EVENTS, shop.PROFILE)
    session.run(
        f"""
        alter database {shopping.name} set datestyle = 'German';
        alter database {shopping.name} set timezone = 'Asia/Tokyo';
        alter database {shopping.name} set extra_float_digits = -15;
        alter database {shopping.name} set search_path = 'Shop';
        """
    )
    name = '"Order Lines":"Customer"'
    assert run(shopping.dsn(), "bundle", "shop", "--binding", name).stdout == before


def test_who_may_read_golden_rows_makes_bundles(shared: Database) -> None:
    for user in (SCIENTIST, OPERATOR):
        assert load(pgscore.make_bundle(shared.dsn(user), "churn", bindings=[CHURN_BINDING]).encode()).version == 1
    with pytest.raises(DeniedError, match="may not read the golden rows of model 'churn'"):
        pgscore.make_bundle(shared.dsn(ANALYST), "churn")


def test_what_is_not_there_is_refused(shared: Database) -> None:
    for arguments, error, message in (
        (("nothing",), NotFoundError, "model 'nothing' is unknown"),
        (("churn", 9), NotFoundError, "model 'churn' has no version 9"),
    ):
        with pytest.raises(error, match=message):
            pgscore.make_bundle(shared.dsn(), *arguments)
    with pytest.raises(NotFoundError, match=r"no binding of model 'churn' attaches churn\.customer_profile to"):
        pgscore.make_bundle(shared.dsn(), "churn", bindings=[CHURN_BINDING[::-1]])
    with pytest.raises(PgscoreError, match='is not a valid identifier: "a-b"'):
        pgscore.make_bundle(shared.dsn(), "churn", bindings=[("a-b", CHURN_BINDING[1])])


def test_a_version_that_is_no_program_has_no_bundle(opaque: Database) -> None:
    assert OBSTACLE
    with pytest.raises(
        PgscoreError, match="model 'churn' version 3 is no program: its artifact alone gives its scores"
    ):
        pgscore.make_bundle(opaque.dsn(), "churn")
    assert load(pgscore.make_bundle(opaque.dsn(), "churn", 2).encode()).version == 2


def test_a_model_that_does_not_serve_has_the_bundle_of_a_version(installed: Database) -> None:
    pgscore.publish(installed.dsn(), "late", shop.model(), golden=shop._golden())
    with pytest.raises(PgscoreError, match="no version of model 'late' answers yet"):
        pgscore.make_bundle(installed.dsn(), "late")
    assert load(pgscore.make_bundle(installed.dsn(), "late", 1).encode()).model == "late"


def test_some_golden_rows_are_spread_over_all(shared: Database) -> None:
    every = json.loads(pgscore.make_bundle(shared.dsn(), "churn"))["golden"]
    few = json.loads(run(shared.dsn(), "bundle", "churn", "--golden", "5").stdout)
    assert load(few).version == 1
    assert few["golden"] == [every[n * len(every) // 5] for n in range(5)]
    assert json.loads(pgscore.make_bundle(shared.dsn(), "churn", golden=10**6))["golden"] == every
    with pytest.raises(PgscoreError, match="at least one golden row"):
        pgscore.make_bundle(shared.dsn(), "churn", golden=0)


def test_nothing_of_an_owners_runs_with_the_rights_of_who_makes_a_bundle(shopping: Database) -> None:
    """An owner may write its own binding, and make a type whose casts and input do what it likes."""
    session = shopping.session()
    shop.attach(session)
    shop.run_as_owner(
        session,
        f"""
        create type "Shop".sly as (a integer);
        create function "Shop".say("Shop".sly) returns text language plpgsql as $$ begin raise 'it ran'; end $$;
        create cast ("Shop".sly as text) with function "Shop".say("Shop".sly);
        create domain "Shop".slyer as text check ("Shop".say(null::"Shop".sly) is null);
        alter table {shop.EVENTS} add sly "Shop".sly, add slyer "Shop".slyer;
        update pgscore.binding set reducers = '[
            {{"column": "n", "aggregate": "count", "where": {{"sly": "(1)", "slyer": "x", "amount": "1e2"}}}}
        ]';
        """,
    )
    tables = [(shop.EVENTS, shop.PROFILE)]
    made = json.loads(pgscore.make_bundle(shopping.dsn(), "shop", bindings=tables))
    (binding,) = made["bindings"]
    assert binding["reducers"][0]["where"] == {"sly": "(1)", "slyer": "x", "amount": "100"}
    assert binding["event_columns"]["slyer"] == {"type": "text", "collation": "C"}
    for reducers, message in (
        ("[5]", "are malformed"),
        ("[{}]", "are malformed"),
        ('[{"column": "n", "aggregate": "count", "where": {"gone": 1}}]', "has no column gone"),
        ('[{"column": "n", "aggregate": "count", "where": {"at": "x"}}]', "invalid input syntax for type integer"),
        ('[{"column": "gone", "aggregate": "count"}]', "names 'gone', and its table's columns have none of that name"),
    ):
        shop.run_as_owner(session, "update pgscore.binding set reducers = %s", reducers)
        with pytest.raises(PgscoreError, match=message):
            pgscore.make_bundle(shopping.dsn(), "shop", bindings=tables)
