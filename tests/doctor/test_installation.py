"""Who looks, and at what: roles, settings, databases without pgscore or with half of it, servers without PL/Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore import doctor
from pgscore.doctor import examine, exit_code, installation

from tests.bindings import shop
from tests.support.command import run, run_json
from tests.support.database import ANALYST, NOBODY, OPERATOR, PASSWORD, SCIENTIST

from . import ward as wards

if TYPE_CHECKING:
    from pgscore.doctor import Finding

    from tests.support.database import Database

_DATABASE_OWNER = "test_database_owner"
_NEVER = {"check-failed", "half-installed", "too-slow"}


def _by_code(database: Database, user: str | None = None) -> dict[str, Finding]:
    return {each.code: each for each in examine(database.dsn(user))}


def test_a_database_without_pgscore(empty: Database) -> None:
    found = run_json(empty.dsn(), "doctor", expect=1)
    assert found["ok"] is False
    (error,) = [each for each in found["findings"] if each["level"] == "error"]
    assert (error["code"], error["remedy"]) == ("not-installed", "pgscore install")
    assert found["summary"]["error"] == 1


@pytest.mark.parametrize("user", [None, SCIENTIST, OPERATOR, ANALYST, shop.OWNER])
def test_each_role_is_told_what_it_may_see(ward: Database, user: str | None) -> None:
    found = _by_code(ward, user)
    assert not _NEVER & set(found), found
    assert exit_code(list(found.values())) == 0, found
    # How publishers and operators ask about the server's Python.
    assert ("python" in found) == (user in (None, SCIENTIST, OPERATOR))
    assert ("counters" in found) == (user in (None, shop.OWNER))
    assert ("golden-unlooked" in found) == (user in (ANALYST, shop.OWNER))
    assert ("cannot-look" in found) == (user in (ANALYST, shop.OWNER))
    assert "serves, by " in found["model"].sentence


def test_a_login_with_nothing_and_who_owns_the_database(ward: Database) -> None:
    session = ward.session()
    if session.value("select to_regrole(%s)", _DATABASE_OWNER) is None:
        session.run(f"create role {_DATABASE_OWNER} login password '{PASSWORD}'")
    session.run(f"alter database {ward.name} owner to {_DATABASE_OWNER}")
    for user in (NOBODY, _DATABASE_OWNER):
        found = _by_code(ward, user)
        assert set(found) == {"server", "core", "no-role"}
        assert found["no-role"].remedy == f'grant pgscore_reader to "{user}";'
    session.run(f"alter database {ward.name} owner to postgres")


def test_settings_that_stand_in_the_way(ward: Database) -> None:
    options = (
        "-cstatement_timeout%3D20ms%20-clock_timeout%3D1ms%20-cdefault_transaction_isolation%3Dserializable"
        "%20-csearch_path%3Dnowhere%20-cDateStyle%3DGerman%20-cstandard_conforming_strings%3Doff"
    )
    found = examine(f"{ward.dsn()}?options={options}")
    assert [each for each in found if each.code in _NEVER] == []
    assert exit_code(found) == 0, found


def test_a_session_whose_events_would_not_count(ward: Database) -> None:
    session = ward.session()
    session.run(f"alter database {ward.name} set session_replication_role = replica")
    found = _by_code(ward)
    assert exit_code(list(found.values())) == 4
    wards.apply(ward, found["replica-role"])
    assert "replica-role" not in _by_code(ward)


def test_a_log_that_has_grown(ward: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_LARGE_LOG", 1)
    found = _by_code(ward)["log-growth"]
    assert "and about" in found.sentence
    wards.apply(ward, found)


def test_a_log_without_partitions(ward: Database) -> None:
    session = ward.session()
    for (partition,) in session.run("select partition from pgscore._partition_bounds('pgscore.prediction_log')"):
        session.run(f"drop table {partition}")
    assert "hold no row of today" in _by_code(ward)["log-partitions"].sentence
    session.run("insert into pgscore.prediction_log (model, version) values ('shop', 1)")
    found = _by_code(ward)["log-default"]
    assert found.sentence.startswith("1 rows stand in its default partition")
    wards.apply(ward, found)
    assert not {"log-default", "log-partitions"} & set(_by_code(ward))
    assert session.value("select count(*) from pgscore.prediction_log where model = 'shop' and binding is null") == 1


def test_what_the_command_prints(ward: Database) -> None:
    said = run(ward.dsn(), "doctor", "--full").stdout
    assert said.rstrip().splitlines()[-1].startswith("Nothing to mend (")
    assert [line for line in said.splitlines() if line in doctor.AREAS] == list(doctor.AREAS)
    session = ward.session()
    session.run(f"alter table {shop.PROFILE} disable trigger pgscore_arrive")
    said = run(ward.dsn(), "doctor", expect=1).stdout
    assert f"remedy (as {shop.OWNER}):" in said
    assert f"alter table {shop.PROFILE} enable trigger pgscore_arrive;" in said
    assert "1 error, 0 warnings; " in said
    session.run(f"alter table {shop.PROFILE} enable trigger pgscore_arrive")


def test_a_server_without_plpython(ward: Database) -> None:
    """It is healthy, and told so; a model that needs it is not, and its remedy works."""
    session = ward.session()
    session.run("select pgscore.promote('shop', 1, 'interpreter')")
    session.run("drop extension plpython3u cascade")
    found = _by_code(ward)
    assert "or its functions are gone" in found["plpython-broken"].sentence
    missing = found["engine-missing"]
    assert (missing.subject, missing.remedy) == ("shop", "pgscore promote shop 1 --engine sql")
    assert "golden-failed" not in found
    session.run("drop schema pgscore_trusted cascade")
    assert _by_code(ward)["plpython-offered"].remedy == "pgscore install --plpython"
    # Whether a library loads only a superuser can try.
    found = _by_code(ward, OPERATOR)
    assert "whether its library loads the doctor can tell a superuser" in found["no-plpython"].sentence
    wards.apply(ward, missing)
    for user in (None, OPERATOR):
        found = _by_code(ward, user)
        assert exit_code(list(found.values())) == 0, found
        assert found["model"].sentence.startswith("version 1 serves, by sql; ")


def test_a_schema_that_is_there_by_half(ward: Database) -> None:
    """The last of this file: nothing mends this but a restore."""
    session = ward.session()
    session.run("drop function pgscore._doctor_triggers()")
    found = _by_code(ward)
    assert "the schema pgscore lacks pgscore._doctor_triggers()" in found["half-installed"].sentence
    session.run("drop schema pgscore cascade")
    found = _by_code(ward)
    assert found["schema-dropped"].remedy == "pgscore rescue\npgscore install --anew"
    assert "triggers of " in found["schema-dropped"].sentence
    assert exit_code(list(found.values())) == 1
    session.run(f"drop schema churn cascade; drop table {shop.EVENTS}, {shop.PROFILE}, {shop.QUEUE} cascade")
    assert "pgscore_alembic_version says that it is installed" in _by_code(ward, NOBODY)["schema-dropped"].sentence
