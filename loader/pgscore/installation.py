"""Installing, upgrading and removing pgscore: what `alembic` does in a checkout, from wherever the package stands.

Both keep the same version table. Alembic is imported where it is needed: it takes longer than all else.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from .bindings import outdated, reattach_outdated
from .database import Database, connect, rows, transaction
from .dsn import without_passwords
from .errors import PgscoreError

if TYPE_CHECKING:
    from alembic.config import Config

# In a wheel, and in a checkout.
_FOLDERS = (Path(__file__).parent / "_migrations", Path(__file__).parents[2] / "migrations")
BRANCHES = ("core", "plpython", "churn")
# What a removal takes away and nothing else holds.
_ALL_DATA = "models,keys,customers,offsets"
_MAY_NOT = "42501"


@dataclass(frozen=True)
class Migrated:
    """What was done to a database.

    Attributes:
        revisions: the migrations that were run, in their order; none where it was done before.
    """

    revisions: list[str]


@dataclass(frozen=True)
class OwnersBinding:
    """A binding whose generated functions its owner writes anew.

    Attributes:
        binding: its name.
        owner: the role that owns its tables.
        statement: what the owner runs.
        problem: why that could not be done here, or None.
    """

    binding: str
    owner: str
    statement: str
    problem: str | None = None


@dataclass(frozen=True)
class Upgraded(Migrated):
    """What an upgrade did.

    Attributes:
        migrated: whether the database is of this release; False where the caller may not migrate it, and so did not.
        reattached: bindings of the caller that were outdated, whose functions were written anew.
        left: outdated bindings of other owners, and those of the caller that could not be reattached.
    """

    migrated: bool
    reattached: list[str]
    left: list[OwnersBinding]


@dataclass(frozen=True)
class Held:
    """What pgscore holds in a database.

    Attributes:
        bindings: what is attached, each as its name and its owner.
        models: names of models with published versions.
        keys: how many keys are trusted; None where the caller may not look, or there is no PL/Python.
    """

    bindings: list[tuple[str, str]]
    models: list[str]
    keys: int | None


def install(database: Database, *, plpython: bool = False, anew: bool = False) -> Migrated:
    """Installs pgscore, or finds it installed.

    Args:
        database: where to; whoever connects has CREATEROLE and may create in the database.
        plpython: whether to install what needs PL/Python too, as a superuser.
        anew: whether to install again what somebody dropped without the version table knowing; what is left of it goes.

    Raises:
        PgscoreError: the database refused; nothing was changed.
    """
    return _migrate(database, ["plpython" if plpython else "core"], anew=anew)


def upgrade(database: Database) -> Upgraded:
    """Brings what is installed up to this release, and the generated functions of the caller's bindings with it.

    What promotions have generated is part of the migrations. What `attach` has generated belongs to the owners of
    tables: bindings of others keep working, and are listed with what their owners run.

    An owner of tables who may not migrate has their own bindings written anew, when whoever may has migrated.

    Raises:
        PgscoreError: pgscore is not installed, or the database refused; the migrations of a branch are done as a whole
            or not at all.
    """
    revisions, migrated = [], True
    try:
        installed = installed_branches(database)
        if "core" not in installed:
            raise PgscoreError("pgscore is not installed in this database", "`pgscore install` installs it.")
        revisions = _migrate(database, installed).revisions
    except PgscoreError as error:
        if error.sqlstate != _MAY_NOT:
            raise
        migrated = False
    reattached, left = _reattach(database)
    if not migrated and not reattached:
        raise PgscoreError(
            "you may not migrate this database, and no binding in it is yours",
            "Whoever installed pgscore runs `pgscore upgrade`, then the owners of tables.",
            _MAY_NOT,
        )
    return Upgraded(revisions, migrated, reattached, left)


def uninstall(database: Database) -> Migrated:
    """Removes pgscore with all models, keys and logs; the roles, which other databases share, stay.

    Raises:
        PgscoreError: tables are attached, or the database refused; nothing was changed.
    """
    if "core" not in installed_branches(database):
        raise PgscoreError("pgscore is not installed in this database")
    bindings = held(database).bindings
    if bindings:
        named = ", ".join(f"{name} (of {owner})" for name, owner in bindings)
        raise PgscoreError(
            f"tables are still attached: {named}",
            "Their owners run `pgscore detach EVENTS PROFILE`; counters and scores stay.",
            "2BP01",
        )
    removed: list[str] = []
    with _alembic(database, removed, lose=_ALL_DATA, leave="yes") as (command, config):
        command.downgrade(config, "core@base")
    return Migrated(removed)


def script(branch: str, former: str | None = None) -> str:
    """The SQL that brings a branch to this release, exactly as it is run; for review.

    Args:
        branch: ``core``, ``plpython`` or ``churn``; the latter two bring what they need of core along.
        former: the revision that the database has, such as ``0001_core``; None: nothing.

    Raises:
        PgscoreError: there is no such branch or revision.
    """
    if branch not in BRANCHES:
        raise PgscoreError(f"there is no branch {branch!r}", f"There are {', '.join(BRANCHES)}.")
    output = io.StringIO()
    with _alembic("", []) as (command, config):
        config.output_buffer = output
        target = f"{branch}@head"
        command.upgrade(config, target if former is None else f"{former}:{target}", sql=True)
    return output.getvalue()


def installed_branches(database: Database) -> list[str]:
    """The branches that the version table names.

    Raises:
        PgscoreError: the database cannot be reached, or the table is none that can be trusted.
    """
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    heads: list[tuple[str, ...]] = []

    def look(found: tuple[str, ...], _: object) -> list[Any]:
        heads.append(found)
        return []

    with _alembic(database, []) as (_, config):
        scripts = ScriptDirectory.from_config(config)
        with EnvironmentContext(config, scripts, fn=look, dont_mutate=True):
            scripts.run_env()
        current = scripts.get_all_current(heads[-1])
    return [branch for branch in BRANCHES if any(branch in each.branch_labels for each in current)]


def held(database: Database) -> Held:
    """What would be lost with pgscore.

    Raises:
        PgscoreError: it is not installed, or the caller may not look.
    """
    with transaction(database) as connection:
        # The reference application's binding goes with it.
        bindings = rows(
            connection,
            "select b.name, b.owner::text as owner"
            " from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.events"
            " where b.owner is distinct from pg_catalog.to_regrole('churn_owner') order by b.name",
        )
        models = rows(connection, "select name from pgscore.model order by name")
        (may,) = rows(
            connection,
            "select coalesce(pg_catalog.has_table_privilege("
            "pg_catalog.to_regclass('pgscore_trusted.trusted_key')::oid, 'select'), false) as may",
        )
        keys = rows(connection, "select count(*) as many from pgscore_trusted.trusted_key") if may["may"] else []
    return Held(
        [(each["name"], each["owner"]) for each in bindings],
        [each["name"] for each in models],
        int(keys[0]["many"]) if keys else None,
    )


def _migrate(database: Database, branches: Sequence[str], *, anew: bool = False) -> Migrated:
    done: list[str] = []
    with _alembic(database, done, anew="yes" if anew else "") as (command, config):
        for branch in branches:
            command.upgrade(config, f"{branch}@head")
    return Migrated(done)


def _reattach(database: Database) -> tuple[list[str], list[OwnersBinding]]:
    found = [(each, _reattaching(each.events, each.profile)) for each in outdated(database)]
    mine = {each.binding: (each.owner, statement) for each, statement in found if each.mine}
    reattached, left = [], []
    for each in reattach_outdated(database):
        if each.problem is None:
            reattached.append(each.binding)
        else:
            left.append(OwnersBinding(each.binding, *mine[each.binding], f"{each.problem} {each.hint}".strip()))
    left += [OwnersBinding(each.binding, each.owner, statement) for each, statement in found if not each.mine]
    return reattached, left


def _reattaching(events: str, profile: str) -> str:
    quoted = (text.replace("'", "''") for text in (events, profile))
    return "select pgscore.reattach({})".format(", ".join(f"'{text}'" for text in quoted))


@contextmanager
def _alembic(database: Database, done: list[str], **attributes: str) -> Iterator[tuple[Any, Config]]:
    """Alembic's commands and their configuration; what they refuse is a PgscoreError."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))

    def note(*, step: Any, **_: object) -> None:  # noqa: ANN401
        done.append(step.up_revision_id)

    config.attributes.update(
        {"database": _opening(database), "on_version_apply": note, "configure_logging": False, **attributes}
    )
    try:
        yield command, config
    except CommandError as error:
        if isinstance(error.__cause__, PgscoreError):
            raise error.__cause__ from None
        hint = (
            "The database is of a newer release: pip install --upgrade pgscore."
            if "locate revision" in str(error)
            else ""
        )
        raise PgscoreError(without_passwords(" ".join(str(error).split())), hint) from None


def _opening(database: Database) -> Callable[[], Connection]:
    """What opens the connection that migrations use and close; a given connection is not theirs to close."""
    if isinstance(database, Connection):
        raise PgscoreError(
            "an open connection is given, and migrations take one of their own",
            "Give a connection string, or an SQLAlchemy engine on psycopg2.",
        )
    return lambda: connect(database)
