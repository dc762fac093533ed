"""Who may export what, and profiles that cannot be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore import DeniedError, NotFoundError, PgscoreError, UnreachableError, export_scores
from pgscore.export.to_file import LocalFile

from tests.support.command import run
from tests.support.database import OPERATOR, SCIENTIST

from . import world

if TYPE_CHECKING:
    from pathlib import Path

    from pgscore.export.records import Plan

    from tests.support.database import Database, Session


def test_who_may_read_the_profile_exports_it(shop: Database, reader: str, session: Session, tmp_path: Path) -> None:
    to = str(tmp_path / "scores.csv")
    scientist = shop.dsn(SCIENTIST)
    session.run(f"grant usage on schema shop to {SCIENTIST}")
    with pytest.raises(DeniedError, match="permission denied for table customer") as caught:
        export_scores(scientist, "shop", to)
    assert caught.value.hint == "grant select on shop.customer to the role that exports."
    assert list(tmp_path.iterdir()) == []
    # The columns that are exported are enough.
    session.run(f"grant select (id, score, version, scored_at) on shop.customer to {SCIENTIST}")
    assert export_scores(scientist, "shop", to).rows == world.ROWS
    with pytest.raises(DeniedError):
        export_scores(scientist, "shop", to, columns=["name"])
    assert export_scores(reader, "shop", to).rows == world.ROWS
    seen = "select count(*) from pgscore.export"
    assert session.value(seen) == 2
    for role, number in ((SCIENTIST, 1), (world.READER, 1), (OPERATOR, 2), (world.OWNER, 2)):
        session.run(f"set role {role}")
        assert session.value(seen) == number, role
        session.run("reset role")
    # The account of others is nobody's to change, and nobody is somebody else in it.
    session.run(f"set role {SCIENTIST}")
    session.run("update pgscore.export set rows = 1")
    session.run("delete from pgscore.export")
    session.run("reset role")
    assert session.run("select exporter::text, rows from pgscore.export") == [(world.READER, world.ROWS)]
    session.run(f"set role {world.OWNER}")
    session.run("select pgscore.detach('shop.visit', 'shop.customer')")
    session.run("reset role")
    assert session.value(seen) == 0
    with pytest.raises(NotFoundError, match='model "shop" has no binding'):
        export_scores(reader, "shop", to)


def test_profiles_that_cannot_be_exported(reader: str, session: Session, tmp_path: Path) -> None:
    to = str(tmp_path / "scores.parquet")
    session.run(
        "alter table shop.customer drop constraint customer_pkey, alter id drop not null, add unique (id);"
        " insert into shop.customer (id) values (null), (null)"
    )
    with pytest.raises(PgscoreError, match=r"2 rows of table shop.customer have NULL in their key, id"):
        export_scores(reader, "shop", to)
    session.run("delete from shop.customer where id is null")
    session.run(f"alter table shop.customer enable row level security; grant select on shop.customer to {OPERATOR}")
    with pytest.raises(DeniedError, match=r"row-level security may hide rows of table shop.customer"):
        export_scores(reader, "shop", to)
    session.run("alter table shop.customer disable row level security")
    for wrong, said in (
        (str(tmp_path / "scores.txt"), "its name does not say"),
        (str(tmp_path / "no" / "scores.csv"), "there is no folder"),
        ("nosuch://h/d", "no target is known for nosuch://"),
        ("redis://:pa#ss@h/0", "the target's URL is malformed"),
        ("redis://:pa/ss@h/0", "the target's URL is malformed"),
        ("sftp://h/x.csv?what=1", "has the parameter what"),
        ("sqlite:////no/such/folder/x.db", "unable to open database file"),
    ):
        with pytest.raises(PgscoreError) as caught:
            export_scores(reader, "shop", wrong, retries=0)
        assert said in str(caught.value), caught.value
        assert "ss@h" not in str(caught.value)
    with pytest.raises(PgscoreError, match="would replace"):
        export_scores(reader, "shop", to, changed=True)
    with pytest.raises(UnreachableError):
        export_scores("postgresql://127.0.0.1:1/x", "shop", to, retries=0)
    session.run("alter table shop.customer add column born date; update shop.customer set born = '0044-03-15 BC'")
    with pytest.raises(PgscoreError, match=r"a value of table shop.customer is beyond what Python can hold"):
        export_scores(reader, "shop", to, columns=["born"])
    session.run("delete from shop.customer")
    assert export_scores(reader, "shop", to).rows == 0
    assert "0 scores of shop are in" in run(reader, "export", "shop", "--to", str(tmp_path / "x.csv")).stdout
    assert (tmp_path / "x.csv").read_text() == '"id","score","version","scored_at"\n'
    session.run("alter table shop.customer drop column scored_at")
    with pytest.raises(NotFoundError, match='has no column "scored_at"'):
        export_scores(reader, "shop", to)


def test_what_a_session_has_set_changes_nothing(reader: str, session: Session, tmp_path: Path) -> None:
    export_scores(reader, "shop", str(tmp_path / "plain.csv"), columns=["tags"])
    settings = {
        "extra_float_digits": "0",
        "datestyle": "'SQL, DMY'",
        "timezone": "'Asia/Tokyo'",
        "default_transaction_isolation": "'serializable'",
        "search_path": "shop",
        "default_transaction_read_only": "on",
    }
    for name, value in settings.items():
        session.run(f"alter role {world.READER} set {name} = {value}")
    try:
        export_scores(reader, "shop", str(tmp_path / "set.csv"), columns=["tags"])
        with pytest.raises(PgscoreError, match="transactions are read-only here"):
            export_scores(reader, "shop", str(tmp_path / "{at}.csv"), changed=True)
    finally:
        session.run(f"alter role {world.READER} reset all")
    assert (tmp_path / "set.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_no_setting_of_the_role_is_in_the_way(
    reader: str, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    export_scores(reader, "shop", str(first), columns=["tags", "paid"])
    for setting in (
        *("statement_timeout = 1", "row_security = off", "datestyle = 'German, DMY'", "extra_float_digits = -15"),
        *("search_path = shop", "standard_conforming_strings = off", "timezone = 'Asia/Tokyo'"),
        *("default_transaction_isolation = serializable", "idle_in_transaction_session_timeout = 1"),
        "idle_session_timeout = 200",
    ):
        session.run(f"alter role {world.READER} set {setting}")
    prepare = LocalFile.prepare

    def prepare_slowly(self: LocalFile, plan: Plan) -> None:
        session.run("select pg_sleep(0.4)")
        prepare(self, plan)

    monkeypatch.setattr(LocalFile, "prepare", prepare_slowly)
    try:
        export_scores(reader, "shop", str(again), columns=["tags", "paid"])
        assert again.read_bytes() == first.read_bytes()
        session.run("alter table shop.customer enable row level security")
        with pytest.raises(DeniedError, match="row-level security may hide rows"):
            export_scores(reader, "shop", str(again))
    finally:
        session.run(f"alter role {world.READER} reset all")
