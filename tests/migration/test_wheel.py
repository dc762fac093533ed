"""The wheel, in an environment of its own and outside of a checkout, from installing to uninstalling."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING, Any

import joblib
import pytest

from migrations.authoring.checkout import Checkout
from tests.support import migrate
from tests.support.command import environment
from tests.support.models import LIGHT_INPUTS, customers, light_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database

_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "loader", "plpython", "migrations", "sql")
_OWNER = "test_wheel_owner"


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `pgscore` of an environment with the wheel; what the wheel needs is this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    # Of a copy: setuptools takes up what an earlier build has left.
    (folder / "source").mkdir()
    for name in _SOURCES:
        copy = shutil.copytree if (migrate.ROOT / name).is_dir() else shutil.copy
        copy(migrate.ROOT / name, folder / "source" / name)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    (wheel,) = folder.glob("pgscore-*.whl")
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    _pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    # Folders that such a file names are searched, and files like it in them are not read: so not this checkout's.
    (installed,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (installed / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.with_name("pgscore")


def _run(command: Path, dsn: str, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [command, *map(str, arguments)], cwd="/", env=environment(dsn), capture_output=True, text=True, check=False
    )
    assert done.returncode == expect, done.stderr + done.stdout
    return done


def _json(command: Path, dsn: str, *arguments: object, expect: int = 0) -> Any:  # noqa: ANN401
    return json.loads(_run(command, dsn, *arguments, "--json", expect=expect).stdout)


def _owners_tables(database: Database) -> str:
    """Two tables of an owner who may attach them; the owner's connection string."""
    session = database.session()
    session.run(
        f"create role {_OWNER} login password 'own'; grant pgscore_reader to {_OWNER}; create schema shop authorization"
        f" {_OWNER}; grant usage on schema shop to pgscore_owner; set role {_OWNER};"
        f" create table shop.customer (id integer primary key, {', '.join(f'{n} float8' for n in LIGHT_INPUTS)},"
        "   calls bigint not null default 0, score float8);"
        " create table shop.call (id integer primary key, customer integer references shop.customer);"
        " insert into shop.customer values (1, 1, 2, 3), (2, 4, 5, 6); reset role"
    )
    user, _, rest = database.dsn().partition("@")
    return f"{user.rpartition('//')[0]}//{_OWNER}:own@{rest}"


def test_from_installing_to_uninstalling(command: Path, empty: Database, tmp_path: Path) -> None:
    dsn = empty.dsn()
    session = empty.session()
    before = migrate.schema(dsn)
    script = _run(command, dsn, "sql", "core").stdout
    assert script == migrate.offline_script("core@head")
    assert "is not installed" in _run(command, dsn, "upgrade", expect=1).stderr
    assert _json(command, dsn, "install") == {"revisions": Checkout().chain("core")}
    assert _json(command, dsn, "install", "--plpython") == {"revisions": Checkout().chain("plpython")}
    assert "installed already" in _run(command, dsn, "install").stdout
    # Alembic in a checkout knows what was done.
    migrate.upgrade(dsn, "plpython@head")

    owner = _owners_tables(empty)
    model, golden = tmp_path / "model.joblib", tmp_path / "golden.csv"
    joblib.dump(light_pipeline(), model)
    customers().head(5).to_csv(golden, index=False)
    published = _json(command, dsn, "publish", "calls", model, "--golden", golden, "--profile", "shop.customer")
    assert (published["version"], published["problem"]) == (1, None)
    assert _json(command, dsn, "promote", "calls", 1, "--max-seconds", 60)["version"] == 1
    keys = ("--event-key", "customer", "--profile-key", "id", "--count", "calls", "--score", "score")
    assert _json(command, owner, "attach", "calls", "shop.call", "shop.customer", *keys)["binding"] == "shop.call"
    session.run("insert into shop.call values (1, 1)")
    assert session.row("select calls, score is not null from shop.customer where id = 1") == (1, True)

    reattach = "select pgscore.reattach('shop.call', 'shop.customer')"
    nothing = {"ok": True, "revisions": [], "migrated": True, "reattached": [], "left": []}
    assert _json(command, dsn, "upgrade") == nothing
    session.run(
        "create or replace function shop._pgscore_call_insert() returns trigger language plpgsql"
        " as $$ begin return null; end $$"
    )
    left = {"binding": "shop.call", "owner": _OWNER, "statement": reattach, "problem": None}
    expected = {"ok": True, "revisions": [], "migrated": True, "reattached": [], "left": [left]}
    assert _json(command, dsn, "upgrade") == expected
    expected = {"ok": True, "revisions": [], "migrated": False, "reattached": ["shop.call"], "left": []}
    assert _json(command, owner, "upgrade") == expected
    session.run("insert into shop.call values (2, 1)")
    assert session.value("select calls from shop.customer where id = 1") == 2

    refused = _run(command, dsn, "uninstall", "--yes", expect=1).stderr
    assert f"tables are still attached: shop.call (of {_OWNER})" in refused
    _run(command, owner, "detach", "shop.call", "shop.customer")
    assert "with 1 model (calls): nothing was done" in _run(command, dsn, "uninstall", expect=1).stderr
    assert _json(command, dsn, "uninstall", "--yes")["revisions"] == [
        *reversed(Checkout().chain("plpython")),
        *reversed(Checkout().chain("core")),
    ]
    session.run("insert into shop.call values (3, 1)")
    assert session.value("select calls from shop.customer where id = 1") == 2
    session.run(
        f"drop schema shop cascade; drop owned by pgscore_owner, {_OWNER}; drop role {_OWNER};"
        " drop extension plpython3u"
    )
    assert migrate.schema(dsn) == before


def test_every_package_is_in_the_wheel(command: Path) -> None:
    (installed,) = command.parents[1].glob("lib/python*/site-packages")
    for source, there in (("loader/pgscore", "pgscore"), ("plpython/pgscore_runtime", "pgscore_runtime")):
        modules = {path.relative_to(migrate.ROOT / source) for path in (migrate.ROOT / source).rglob("*.py")}
        assert {each for each in modules if not (installed / there / each).exists()} == set()
    for source, there in (("sql", "_sql"), ("migrations/versions", "_migrations/versions")):
        files = {path.relative_to(migrate.ROOT / source) for path in (migrate.ROOT / source).rglob("*.sql")}
        missing = {each for each in files if not (installed / "pgscore" / there / each).exists()}
        # Trees of revisions are for those who write migrations.
        assert {each for each in missing if not each.name.endswith(".tree.sql")} == set()
    assert not (installed / "pgscore" / "_migrations" / "authoring").exists()
