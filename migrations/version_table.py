"""The table in which Alembic keeps what is installed: made, locked and looked at before anything is read from it.

The lock is the table's own, so nobody holds it who may not write there. It also keeps away triggers, rules and
policies: a superuser who migrates writes to a table that may belong to another role, and runs no code of that role's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection

# A name of its own: the database's application may use Alembic too.
NAME = "pgscore_alembic_version"
# What each branch makes, and how to have it made anew where it is gone.
_SCHEMAS = {"core": ("pgscore", "pgscore_models"), "plpython": ("pgscore_trusted",), "churn": ("churn",)}
_REMEDIES = {
    "core": (
        "`pgscore rescue` takes away what is left beside the tables of users; then `pgscore install --anew`, or"
        " `alembic -x anew=yes upgrade core@head`, drops what is left of it and installs it again; models are"
        " published and attached again."
    ),
    "plpython": (
        "A superuser installs it again: `pgscore install --plpython --anew`, or `alembic -x anew=yes upgrade"
        " plpython@head`; keys are trusted again."
    ),
    "churn": "`alembic -x anew=yes upgrade churn@head` makes it again, without its customers.",
}
# Whatever would have writing or reading the table run somebody's code, or hide rows of it.
_HARMLESS = """
    select c.relkind = 'r' and not c.relhasrules and not c.relrowsecurity and not c.relhassubclass
        and not exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid)
        and not exists (select from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'c')
        and not exists (select from pg_catalog.pg_attrdef d where d.adrelid = c.oid)
        and not exists (
            select from pg_catalog.pg_index i
            where i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null)
        )
        and not exists (
            select from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and (a.attname <> 'version_num' or a.atttypid <> 'pg_catalog.varchar'::pg_catalog.regtype)
        )
    from pg_catalog.pg_class c where c.oid = %(table)s
"""
_TABLE = """
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relname = %(name)s
"""
_ELSEWHERE = """
    select n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relname = %(name)s and n.nspname !~ '^pg_(temp|toast)' order by 1 limit 1
"""
_IS_THERE = "select exists (select from pg_catalog.pg_namespace n where n.nspname = %(schema)s)"


def claim(connection: Connection, migrating: MigrationContext, scripts: ScriptDirectory, *, anew: bool = False) -> None:
    """Has this transaction be the only one that migrates, and looks whether the table tells the truth.

    Args:
        connection: in a transaction.
        migrating: what is to be done.
        scripts: the revisions that there are.
        anew: whether to forget what the table says of a branch whose schema is gone, and to drop the rest of it.

    Raises:
        PgscoreError: it is no table that can be trusted, or what it says is not what the database holds.
    """
    schema = migrating.version_table_schema or "public"
    # `current` and its kind read; `stamp` is what sets a table right that tells no truth.
    target = migrating.opts.get("destination_rev")
    changes, stamps = target is not None, target is not None and not isinstance(target, str)
    if changes:
        _refuse_standby(connection)
    quoted = connection.dialect.identifier_preparer.quote(schema)
    # Looked up by its schema, not along a search_path.
    table = _value(connection, _TABLE, schema=schema, name=NAME)
    if table is None and changes:
        _create(connection, schema, quoted)
        table = _value(connection, _TABLE, schema=schema, name=NAME)
    if table is not None:
        connection.exec_driver_sql(
            f"lock table only {quoted}.{NAME} in {'share row exclusive' if changes else 'access share'} mode"
        )
        if not _value(connection, _HARMLESS, table=table):
            raise PgscoreError(
                f"{quoted}.{NAME} is not the table that Alembic made: it has triggers, rules, policies or other"
                " columns, which would run with the rights of whoever migrates",
                "Look who made it, and drop what does not belong there.",
            )
    if changes and not stamps:
        _check_truth(connection, _Installed(connection, migrating, scripts, f"{quoted}.{NAME}"), schema, anew=anew)


def _refuse_standby(connection: Connection) -> None:
    if _value(connection, "select pg_catalog.pg_is_in_recovery()"):
        raise PgscoreError("this server is a standby, and changes nothing", "Run it on the primary.", "25006")


def _create(connection: Connection, schema: str, quoted: str) -> None:
    if not _value(connection, _IS_THERE, schema=schema):
        raise PgscoreError(
            f"there is no schema {quoted}, in which pgscore keeps what is installed",
            f"Create it, or name another one: -x version_schema=… or PGSCORE_VERSION_SCHEMA; it holds {NAME} alone.",
        )
    # As Alembic writes it offline. Of several sessions the first one makes it; the others wait for its end here.
    connection.exec_driver_sql(
        f"create table if not exists {quoted}.{NAME} (\n"
        f"    version_num VARCHAR(32) NOT NULL, \n    CONSTRAINT {NAME}_pkc PRIMARY KEY (version_num)\n)"
    )


def leave(connection: Connection, migrating: MigrationContext) -> None:
    """Takes the table away with the last branch."""
    if not migrating.get_current_heads():
        quoted = connection.dialect.identifier_preparer.quote(migrating.version_table_schema or "public")
        connection.exec_driver_sql(f"drop table if exists {quoted}.{NAME}")


class _Installed:
    """What the version table says, and which schemas are there."""

    def __init__(
        self, connection: Connection, migrating: MigrationContext, scripts: ScriptDirectory, table: str
    ) -> None:
        self.table = table
        self.heads = migrating.get_current_heads()
        self._all = scripts.get_all_current(self.heads)
        self._there = {
            name: bool(_value(connection, _IS_THERE, schema=name)) for names in _SCHEMAS.values() for name in names
        }

    def revisions(self, branch: str) -> list[str]:
        """Those of a branch."""
        return sorted(each.revision for each in self._all if branch in each.branch_labels)

    def schemas(self, branch: str, *, there: bool) -> list[str]:
        """Those of a branch's schemas that are there, or that are gone."""
        return [name for name in _SCHEMAS[branch] if self._there[name] == there]


def _check_truth(connection: Connection, installed: _Installed, schema: str, *, anew: bool) -> None:
    for branch in _SCHEMAS:
        revisions = installed.revisions(branch)
        gone, there = (installed.schemas(branch, there=each) for each in (False, True))
        if revisions and gone and anew:
            _forget(connection, installed, branch)
            return
        if revisions and gone:
            raise PgscoreError(
                f"{installed.table} says that {branch} is installed ({', '.join(revisions)}),"
                f" and schema {' and '.join(gone)} is gone",
                _REMEDIES[branch],
            )
        # An application may have a schema churn of its own; one that is in the way says so itself.
        if branch != "churn" and not revisions and there:
            elsewhere = _value(connection, _ELSEWHERE, name=NAME)
            found = (
                f"; {elsewhere}.{NAME} may: -x version_schema={elsewhere}" if elsewhere not in (None, schema) else ""
            )
            raise PgscoreError(
                f"schema {' and '.join(there)} is there, and {installed.table} does not say that {branch} is installed"
                + found,
                f"Where it was made by psql with sql/{branch}.sql of this release: alembic stamp {branch}@head."
                f" Where it is left over: drop schema {', '.join(there)} cascade.",
            )


def _forget(connection: Connection, installed: _Installed, branch: str) -> None:
    """Has the table say that a branch is not installed, nor what needs it, and drops the rest."""
    dropped = ("core", "plpython") if branch == "core" else (branch,)
    schemas = ", ".join(name for each in dropped for name in _SCHEMAS[each])
    connection.exec_driver_sql(f"drop schema if exists {schemas} cascade")
    gone = {each for each in installed.heads if branch == "core" or each in installed.revisions(branch)}
    left = [each for each in installed.heads if each not in gone]
    if branch != "core" and not left:
        left = installed.revisions("core")[-1:]
    connection.exec_driver_sql(f"delete from {installed.table}")  # noqa: S608  quoted
    for each in left:
        connection.exec_driver_sql(f"insert into {installed.table} values (%s)", (each,))  # noqa: S608  quoted


def _value(connection: Connection, sql: str, **parameters: object) -> object:
    return connection.exec_driver_sql(sql, parameters or None).scalar()
