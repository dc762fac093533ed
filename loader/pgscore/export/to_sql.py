"""Exports to a table of another database, by SQLAlchemy: one transaction, in which rows are inserted or updated."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from pgscore.errors import BusyError, DeniedError, PgscoreError, UnreachableError

from .sql_columns import column_for, misfit
from .target import Target, needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from .address import Address
    from .records import Options, Plan, Stamp
    from .target import Row

_STAMPS = "pgscore_export"
# The driver where a URL names none, since those that SQLAlchemy would take are rarely there.
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
}
_SECONDS = 10
# What is too long or too large is an error with every setting, and times are UTC.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "psycopg2": {"connect_timeout": _SECONDS, "application_name": "pgscore"},
    "pymysql": {
        "connect_timeout": _SECONDS,
        "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
        "init_command": "set time_zone = '+00:00'",
    },
    "sqlite": {"timeout": _SECONDS},
}
# By what a driver's error says first: SQLSTATE, or MySQL's own number.
_BUSY = {"40001", "40P01", "55P03", 1205, 1213}
_DENIED = {"28000", "28P01", "42501", 1044, 1045, 1130, 1142, 1143, 1698}
_LOST = {"57P01", "57P02", "57P03", "53300", 1040, 1053, 2002, 2003, 2006, 2013, 2055}


class SqlTable(Target):
    """A table that is there, or is made, with a row for each profile.

    All is one transaction: readers see the former export until it is complete. Beside it stands a table of stamps.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"table"})

    def __init__(self, address: Address, options: Options) -> None:
        super().__init__(address, options)
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._table: sa.Table
        self._stamps: sa.Table
        self._plan: Plan
        self._made: list[sa.Table] = []

    @property
    def where(self) -> str:
        """With the table."""
        return f"{self.address.shown} {self.options.table or '{model}_scores'}"

    def check(self, *, changed: bool) -> None:
        """Changes are put upon what is there."""

    def prepare(self, plan: Plan) -> None:
        """Connects, and holds the columns of the table against the plan's."""
        import sqlalchemy as sa

        self._plan = plan
        schema, _, name = (self.options.table or f"{plan.model}_scores").rpartition(".")
        self._made = []
        with self._said():
            self._engine = self._connect()
            inspector = sa.inspect(self._engine)
            made = sa.MetaData(schema=schema or None)
            if inspector.has_table(name, schema=schema or None):
                self._table = sa.Table(name, made, autoload_with=self._engine)
                self._refuse_misfits(inspector, schema or None)
            else:
                columns = [column_for(self._engine.dialect, plan, each) for each in plan.columns]
                self._table = sa.Table(name, made, *columns, **_TRANSACTIONAL)
            self._stamps = _stamps(made)
            self._stamps_are_there = inspector.has_table(_STAMPS, schema=schema or None)

    def holds(self, stamp: str) -> bool:
        """Whether the stamp beside the table is that export's."""
        import sqlalchemy as sa

        if self._engine is None or not self._stamps_are_there:
            return False
        with self._said(), self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(self._table.name, schema=self._table.schema):
                return False
            # One that was truncated, or dropped and made anew, still has its stamp.
            if connection.execute(sa.select(sa.literal(1)).select_from(self._table).limit(1)).first() is None:
                return False
            query = sa.select(self._stamps.c.export).where(self._stamps.c.table_name == self._table.name)
            return bool(connection.execute(query).scalar() == stamp)

    def begin(self, stamp: str, *, changed: bool) -> None:
        """Makes the tables that are not there, and begins the transaction."""
        import sqlalchemy as sa

        if self._engine is None:
            raise AssertionError
        with self._said():
            inspector = sa.inspect(self._engine)
            for table in (self._table, self._stamps):
                if not inspector.has_table(table.name, schema=table.schema):
                    table.create(self._engine)
                    self._made.append(table)
            self._connection = self._engine.connect()
            self._connection.begin()
            self._statement = _upsert(self._engine.dialect, self._table, self._plan)

    def write(self, rows: Sequence[Row]) -> None:
        """Inserts or updates rows."""
        if self._connection is None:
            raise AssertionError
        if self._connection.dialect.name == "postgresql":
            with self._said():
                columns = zip(*rows, strict=True)
                self._connection.execute(self._statement, {f"c{n}": list(held) for n, held in enumerate(columns)})
            return
        names = [column.name for column in self._plan.columns]
        given = [dict(zip(names, map(self._plain, row), strict=True)) for row in rows]
        with self._said():
            if self._statement is None:
                self._replace(given)
            else:
                self._connection.execute(self._statement, given)

    def finish(self, stamp: Stamp) -> Mapping[str, Any]:
        """Writes the stamp, and commits."""
        import json

        if self._connection is None:
            raise AssertionError
        known = self._stamps.c.table_name == self._table.name
        with self._said():
            self._connection.execute(self._stamps.delete().where(known))
            self._connection.execute(
                self._stamps.insert(),
                {
                    "table_name": self._table.name,
                    "export": stamp.stamp,
                    "model": stamp.model,
                    "profile": stamp.profile,
                    "row_count": stamp.rows,
                    "versions": json.dumps(dict(stamp.versions)),
                    "exported_at": stamp.at.isoformat(),
                    "changes": stamp.changed,
                },
            )
            self._connection.commit()
            self._made = []
        return {"table": self._table.fullname, "stamps": self._stamps.fullname}

    def abandon(self) -> None:
        """Rolls back; tables that were made for this export go."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.rollback()
        for table in self._made:
            with suppress(Exception):
                if self._engine is not None:
                    table.drop(self._engine)
        self._made = []

    def close(self) -> None:
        """Closes the connections."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        if self._engine is not None:
            with suppress(Exception):
                self._engine.dispose()
        self._connection = self._engine = None

    def _connect(self) -> sa.Engine:
        import sqlalchemy as sa

        url = sa.make_url(self.address.given)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        driver = "sqlite" if url.drivername == "sqlite" else url.get_driver_name()
        try:
            return sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=_ARGUMENTS.get(driver, {}))
        except ModuleNotFoundError as error:
            raise needs(error.name or "a driver") from None

    def _refuse_misfits(self, inspector: sa.Inspector, schema: str | None) -> None:
        import sqlalchemy as sa

        dialect = inspector.dialect
        where = f"table {self._table.fullname} of {self.address.shown}"
        for column in self._plan.columns:
            found = self._table.columns.get(column.name)
            problem = misfit(dialect, column, found)
            if problem is not None:
                raise PgscoreError(
                    f'{where} {problem}: column "{column.name}"', "Change the table, or name another with --table."
                )
            if found is not None and isinstance(found.type, sa.Uuid):
                found.type = sa.Uuid(as_uuid=False)
        key = {column.name for column in self._plan.columns[: self._plan.key]}
        unique = [{each.name for each in self._table.primary_key}]
        unique += [set(each["column_names"]) for each in inspector.get_unique_constraints(self._table.name, schema)]
        if key not in unique:
            listed = ", ".join(sorted(key))
            raise PgscoreError(
                f"{where} has no primary key on {listed}, by which rows are updated",
                f"alter table {self._table.fullname} add primary key ({listed})",
            )
        ours = {column.name for column in self._plan.columns}
        for other in self._table.columns:
            required = not other.nullable and other.server_default is None and other.autoincrement is not True
            if other.name not in ours and required:
                raise PgscoreError(
                    f'{where} wants a value for column "{other.name}", which is not exported',
                    "Give it a default, or export a column of that name: --columns.",
                )
        if dialect.name in ("mysql", "mariadb"):
            self._refuse_lossy(inspector, schema, where)

    def _refuse_lossy(self, inspector: sa.Inspector, schema: str | None, where: str) -> None:
        """What MySQL may do otherwise than others: tables without transactions, and texts that are equal by half."""
        import sqlalchemy as sa

        options = inspector.get_table_options(self._table.name, schema=schema)
        engine = next((value for name, value in options.items() if name.endswith("_engine")), "InnoDB")
        if engine.lower() not in ("innodb", "rocksdb"):
            raise PgscoreError(
                f"{where} has the engine {engine}, which has no transactions: an export that dies would leave half",
                f"alter table {self._table.fullname} engine = InnoDB",
            )
        query = sa.text(
            "select column_name, collation_name from information_schema.columns"
            " where table_schema = coalesce(:schema, database()) and table_name = :name"
        )
        with inspector.engine.connect() as connection:
            found = connection.execute(query, {"schema": schema, "name": self._table.name})
            collations: dict[str, str | None] = {each[0]: each[1] for each in found}
        for column in self._plan.columns[: self._plan.key]:
            collation = collations.get(column.name)
            if column.kind == "text" and collation is not None and not collation.endswith("_bin"):
                raise PgscoreError(
                    f'{where} compares its key "{column.name}" by {collation}: two profiles would be one there',
                    "Give the column a collation that ends in _bin.",
                )

    def _plain(self, value: Any) -> Any:  # noqa: ANN401
        # What keeps no time zones gets UTC.
        return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value

    def _replace(self, given: list[dict[str, Any]]) -> None:
        """What every database understands: the rows go, and come anew."""
        import sqlalchemy as sa

        if self._connection is None:
            raise AssertionError
        keys = [column.name for column in self._plan.columns[: self._plan.key]]
        same = sa.and_(*(self._table.c[key] == sa.bindparam(f"the_{key}") for key in keys))
        self._connection.execute(
            self._table.delete().where(same), [{f"the_{key}": row[key] for key in keys} for row in given]
        )
        self._connection.execute(self._table.insert(), given)

    @contextmanager
    def _said(self) -> Iterator[None]:
        from sqlalchemy import exc

        where = self.address.shown
        try:
            yield
        except exc.DBAPIError as error:
            raise self._refusal(error) from None
        except (exc.NoSuchModuleError, exc.ArgumentError):
            raise PgscoreError(
                f"no target is known for {self.address.scheme}://, or its URL is malformed",
                "redis://, sftp://, postgresql://, mysql://, sqlite:///FILE, or a file that ends in .csv or .parquet.",
            ) from None
        except ModuleNotFoundError as error:
            raise needs(error.name or "a driver") from None
        except exc.SQLAlchemyError as error:
            raise PgscoreError(f"{where} refused: {self.address.hidden(error)}") from None

    def _refusal(self, error: sa.exc.DBAPIError) -> PgscoreError:
        said = self.address.hidden(error.orig or error)
        where = self.address.shown
        code: Any = getattr(error.orig, "pgcode", None)
        if code is None and getattr(error.orig, "args", None) and isinstance(error.orig.args[0], int):  # type: ignore[union-attr]
            code = error.orig.args[0]  # type: ignore[union-attr]
        if code in _DENIED or "authentication failed" in said:
            return DeniedError(f"{where} denies it: {said}")
        if code in _BUSY or "database is locked" in said:
            return BusyError(f"{where} is busy: {said}")
        no_connection = code is None and self._connection is None and type(error).__name__ == "OperationalError"
        if code in _LOST or error.connection_invalidated or (no_connection and self.address.scheme != "sqlite"):
            return UnreachableError(f"the target {where} cannot be reached: {said}")
        return PgscoreError(f"{where} refused: {said}", "It holds what the last export has left.")


_TRANSACTIONAL: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def _stamps(made: sa.MetaData) -> sa.Table:
    import sqlalchemy as sa

    return sa.Table(
        _STAMPS,
        made,
        sa.Column("table_name", sa.String(200), primary_key=True),
        sa.Column("export", sa.String(36), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("profile", sa.String(200), nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("exported_at", sa.String(40), nullable=False),
        sa.Column("changes", sa.Boolean, nullable=False),
        **_TRANSACTIONAL,
    )


def _upsert(dialect: sa.Dialect, table: sa.Table, plan: Plan) -> Any:  # noqa: ANN401  each dialect has its own class
    """The statement that inserts or updates; None where the dialect has none."""
    keys = [column.name for column in plan.columns[: plan.key]]
    rest = [column.name for column in plan.columns[plan.key :]]
    if dialect.name in ("mysql", "mariadb"):
        from sqlalchemy.dialects import mysql

        into = mysql.insert(table)
        return into.on_duplicate_key_update({name: into.inserted[name] for name in rest})
    if dialect.name == "postgresql":
        return _of_arrays(dialect, table, plan)
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        insert = sqlite.insert(table)
        return insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in rest})
    return None


def _of_arrays(dialect: sa.Dialect, table: sa.Table, plan: Plan) -> Any:  # noqa: ANN401
    """PostgreSQL's, with an array for each column: a statement for each batch, of the same text. Equal rows stay."""
    import sqlalchemy as sa

    def quoted(name: str) -> str:
        # A colon would begin a parameter of SQLAlchemy's, which sees to % itself.
        return '"' + name.replace('"', '""').replace(":", "\\:") + '"'

    names = [quoted(column.name) for column in plan.columns]
    into = ".".join(quoted(name) for name in (table.schema, table.name) if name)
    keys, rest = names[: plan.key], names[plan.key :]
    types = [table.columns[column.name].type.compile(dialect) for column in plan.columns]
    arrays = ", ".join(f"cast(:c{number} as {kind}[])" for number, kind in enumerate(types))
    sets = ", ".join(f"{name} = excluded.{name}" for name in rest)
    present, coming = (", ".join(f"{of}.{name}" for name in rest) for of in ("present", "excluded"))
    return sa.text(
        f"insert into {into} as present ({', '.join(names)})"  # noqa: S608  quoted above
        f" select * from unnest({arrays})"
        f" on conflict ({', '.join(keys)}) do update set {sets} where ({present}) is distinct from ({coming})"
    )


TARGETS: dict[str, type[Target]] = dict.fromkeys(("postgresql", "postgres", "mysql", "mariadb", "sqlite"), SqlTable)
