"""Exports to a table of another database, by SQLAlchemy: one transaction, in which rows are inserted or updated."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from pgscore.errors import BusyError, DeniedError, PgscoreError, UnreachableError

from .sql_columns import as_stored, column_for, misfit
from .sql_statements import STAMPS, TRANSACTIONAL, stamps, upsert
from .target import KeyedTarget, Target, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from .address import Address
    from .records import Options, Plan, Stamp
    from .target import Row

# The driver where a URL names none, since those that SQLAlchemy would take are rarely there.
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
}
_KEPT = "pgscore_kept"
_HAS_TEMPORARY = ("postgresql", "mysql", "mariadb", "sqlite")
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
# Among what is busy is a table, or a stamp, that another export makes at the same time.
_BUSY = {"40001", "40P01", "55P03", "42P07", 1050, 1205, 1213}
_MADE_AT_ONCE = ("pg_type_typname_nsp_index", "pg_class_relname_nsp_index", "pgscore_export_pkey")
_DENIED = {"28000", "28P01", "42501", 1044, 1045, 1130, 1142, 1143, 1698}
_LOST = {"57P01", "57P02", "57P03", "53300", 1040, 1053, 2002, 2003, 2006, 2013, 2055}


class SqlTable(KeyedTarget):
    """A table that is there, or is made, with a row for each profile.

    All is one transaction: readers see the former export until it is complete. Beside it stands a table of stamps.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"table", "delete_missing"})

    def __init__(self, address: Address, options: Options) -> None:
        super().__init__(address, options)
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._table: sa.Table
        self._stamps: sa.Table
        self._plan: Plan
        self._made: list[sa.Table] = []
        self._stored: list[Callable[[Any], Any] | None] = []
        self._kept: sa.Table | None = None

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
                self._table = sa.Table(name, made, *columns, **TRANSACTIONAL)
            self._stamps = stamps(made)
            self._stamps_are_there = inspector.has_table(STAMPS, schema=schema or None)

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
        """Begins the transaction, and makes the tables that are not there."""
        if self._engine is None:
            raise AssertionError
        with self._said():
            if self._engine.dialect.name != "postgresql":
                self._make_before(self._engine)
            self._connection = self._engine.connect()
            self._connection.begin()
            if self._engine.dialect.name == "postgresql":
                for table in (self._table, self._stamps):
                    table.create(self._connection, checkfirst=True)
            self._statement = upsert(self._engine.dialect, self._table, self._plan)
            self._stored = [
                as_stored(self._engine.dialect, column, self._table.columns[column.name])
                for column in self._plan.columns
            ]
            self._kept = self._make_kept() if self.options.delete_missing else None

    def _make_before(self, engine: sa.Engine) -> None:
        """Makes them where that ends a transaction."""
        import sqlalchemy as sa

        inspector = sa.inspect(engine)
        for table in (self._table, self._stamps):
            if not inspector.has_table(table.name, schema=table.schema):
                table.create(engine)
                self._made.append(table)

    def _make_kept(self) -> sa.Table:
        """A table for the keys that stay, which goes with the connection."""
        import sqlalchemy as sa

        if self._connection is None:
            raise AssertionError
        if self._connection.dialect.name not in _HAS_TEMPORARY:
            raise PgscoreError(f"--delete-missing is not known for {self._connection.dialect.name}")
        keys = [self._table.c[column.name] for column in self._plan.columns[: self._plan.key]]
        columns = [sa.Column(key.name, key.type, primary_key=True, autoincrement=False) for key in keys]
        kept = sa.Table(_KEPT, sa.MetaData(), *columns, prefixes=["TEMPORARY"], **TRANSACTIONAL)
        kept.create(self._connection, checkfirst=False)
        return kept

    def write(self, rows: Sequence[Row]) -> None:
        """Inserts or updates rows."""
        if self._connection is None:
            raise AssertionError
        columns = [
            list(held) if stored is None else [value if value is None else stored(value) for value in held]
            for stored, held in zip(self._stored, zip(*rows, strict=True), strict=True)
        ]
        if self._connection.dialect.name == "postgresql":
            with self._said():
                self._connection.execute(self._statement, {f"c{n}": held for n, held in enumerate(columns)})
            return
        names = [column.name for column in self._plan.columns]
        given = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        with self._said():
            if self._statement is None:
                self._replace(given)
            else:
                self._connection.execute(self._statement, given)

    def keep(self, rows: Sequence[Row]) -> None:
        """Notes keys that stay."""
        if self._connection is None or self._kept is None:
            raise AssertionError
        names = [column.name for column in self._plan.columns[: self._plan.key]]
        with self._said():
            self._connection.execute(
                self._kept.insert(), [dict(zip(names, row[: self._plan.key], strict=True)) for row in rows]
            )

    def may_hold_more(self, rows: int) -> bool:
        """It holds all profiles by now: as many rows are these."""
        import sqlalchemy as sa

        if self._connection is None or self._kept is None:
            raise AssertionError
        with self._said():
            held = self._connection.execute(sa.select(sa.func.count()).select_from(self._table)).scalar_one()
            if held > rows:
                return True
            self._kept.drop(self._connection)
        self._kept = None
        return False

    def _delete_missing(self) -> int:
        import sqlalchemy as sa

        if self._connection is None or self._kept is None:
            return 0
        same = sa.and_(*(self._table.c[key.name] == key for key in self._kept.columns))
        gone = sa.delete(self._table).where(~sa.exists().where(same))
        with self._said():
            return int(self._connection.execute(gone).rowcount)

    def finish(self, stamp: Stamp) -> Mapping[str, Any]:
        """Writes the stamp, and commits."""
        import json

        if self._connection is None:
            raise AssertionError
        known = self._stamps.c.table_name == self._table.name
        deleted = {"deleted": self._delete_missing()} if self.options.delete_missing else {}
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
        return {"table": self._table.fullname, "stamps": self._stamps.fullname, **deleted}

    def abandon(self) -> None:
        """Rolls back; tables that were made for this export go, unless another one has written to them since."""
        import sqlalchemy as sa

        if self._connection is not None:
            with suppress(Exception):
                self._connection.rollback()
        for table in self._made:
            with suppress(Exception):
                if self._engine is not None:
                    with self._engine.begin() as connection:
                        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None:
                            table.drop(connection)
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
        if code in _BUSY or "database is locked" in said or any(name in said for name in _MADE_AT_ONCE):
            return BusyError(f"{where} is busy: {said}")
        no_connection = code is None and self._connection is None and type(error).__name__ == "OperationalError"
        if code in _LOST or error.connection_invalidated or (no_connection and self.address.scheme != "sqlite"):
            return UnreachableError(f"the target {where} cannot be reached: {said}")
        return PgscoreError(f"{where} refused: {said}", "It holds what the last export has left.")


TARGETS: dict[str, type[Target]] = dict.fromkeys(("postgresql", "postgres", "mysql", "mariadb", "sqlite"), SqlTable)
