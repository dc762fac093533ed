"""Connection strings: their forms, what stands for a database, and messages without passwords."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pgscore
import psycopg2
import pytest
from pgscore.command import run
from pgscore.dsn import libpq_dsn, without_passwords
from psycopg2.extensions import parse_dsn
from sqlalchemy import create_engine

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = "a b/c@d%e:f'g\\h?i"  # noqa: S105
_WHERE = {"user": "me", "password": _SECRET, "host": "db", "port": "5433", "dbname": "shop"}
_QUOTED = quote(_SECRET, safe="")


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://me:{_QUOTED}@db:5433/shop",
        f"postgres://me:{_QUOTED}@db:5433/shop",
        f"  POSTGRESQL://me:{_QUOTED}@db:5433/shop\n",
        f"postgresql+psycopg2://me:{_QUOTED}@db:5433/shop",
        f"postgresql+psycopg://me:{_QUOTED}@db:5433/shop",
        # As SQLAlchemy renders it.
        create_engine(f"postgresql+psycopg2://me:{_QUOTED}@db:5433/shop").url.render_as_string(hide_password=False),
        f"postgresql+psycopg2://me:{_QUOTED}@/shop?host=db&port=5433",
        psycopg2.extensions.make_dsn(**_WHERE),
    ],
)
def test_every_form_names_the_same_place(dsn: str) -> None:
    assert parse_dsn(libpq_dsn(dsn)) == _WHERE


def test_further_parameters_and_several_hosts_are_kept() -> None:
    assert parse_dsn(libpq_dsn("postgresql+psycopg2://me@/shop?host=a:1&host=b:2&sslmode=require")) == {
        **{"user": "me", "dbname": "shop", "host": "a,b", "port": "1,2", "sslmode": "require"}
    }
    assert libpq_dsn("") == ""
    assert parse_dsn(libpq_dsn("postgresql://a:1,b:2/shop"))["port"] == "1,2"


@pytest.mark.parametrize(
    "text",
    [
        f"no such thing as postgresql://me:{_QUOTED}@db/shop",
        "no such thing as postgresql+psycopg2://me:s3cret/@of@me@db/shop, or so",
        f"password={_QUOTED} host=db",
        f"host=db password = 's3cret of\\' me' sslpassword=s3cret {_SECRET}",
        f"PGPASSWORD={_QUOTED}: not found",
        f"ValueError: {_SECRET!r}",
    ],
)
def test_no_message_shows_a_password(text: str) -> None:
    shown = without_passwords(text, f"postgresql://me:{_QUOTED}@db/shop")
    for piece in (_SECRET, _QUOTED, "s3cret", "of@me", "of\\' me", "c@d"):
        assert piece not in shown
    assert "***" in shown


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_shows_no_password_in_whatever_way_it_ends(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = f"postgresql+psycopg2://me:{_QUOTED}@127.0.0.1:1/shop"
    as_asked = ["--json"] if as_json else []

    def fail(_: str) -> None:
        raise ValueError(f"a fault with {dsn} and {_SECRET}")

    for arguments, code in (
        (["list", "--dsn", dsn], 3),
        (["list", dsn], 2),
        (["list", "--dsn", dsn.replace(_QUOTED, "s3cret/@1")], 1),
        (["install", "--dsn", dsn], 3),
        (["upgrade", f"--dsn={dsn}"], 3),
    ):
        assert run([*arguments, *as_asked]) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert not any(piece in said.err for piece in (_SECRET, _QUOTED, "s3cret", "Traceback"))
        assert not as_json or json.loads(said.err)["error"]
    monkeypatch.setenv("PGSCORE_DSN", "" if as_json else dsn)
    monkeypatch.setenv("PGPASSWORD", _SECRET if as_json else "")
    monkeypatch.setenv("PGSCORE_DEBUG", "1")
    monkeypatch.setattr("pgscore.registry.list_models", fail)
    assert run(["list"]) == 70
    said = capsys.readouterr()
    assert "a fault with" in said.err
    assert _SECRET not in said.err + said.out
    assert _QUOTED not in said.err + said.out


class _Async:
    """Stands for SQLAlchemy's AsyncEngine, which needs a package of its own."""

    sync_engine = None


@pytest.mark.parametrize(
    ("database", "said"),
    [
        (create_engine("postgresql+psycopg://me:s3cret@127.0.0.1:1/shop"), "one on postgresql+psycopg, and"),
        (create_engine("sqlite://"), "one on sqlite+pysqlite, and"),
        (_Async(), "an async engine is given"),
        (None, "a builtins.NoneType is given, which is no database"),
        (create_engine("postgresql+psycopg2://me:s3cret@127.0.0.1:1/shop"), "cannot be reached"),
        ("postgresql+pg8000://me:s3cret@127.0.0.1:1/shop", "is for the driver pg8000"),
    ],
)
@pytest.mark.parametrize("call", [pgscore.list_models, pgscore.install, pgscore.upgrade])
def test_what_stands_for_no_database_is_refused_in_a_sentence(
    call: Callable[..., object], database: object, said: str
) -> None:
    with pytest.raises(pgscore.PgscoreError) as caught:
        call(database)
    assert said in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
