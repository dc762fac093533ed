"""What stands in the registry: listing, showing and verifying versions, and which of them answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .database import Database, row, rows, transaction
from .errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

# How long a promotion may replay golden rows, unless told otherwise; the database's own default.
MAX_SECONDS = 10.0


@dataclass(frozen=True)
class Verification:
    """How an engine's scores compare with the fitted estimator's, over the golden rows.

    Attributes:
        engine: ``sql``, ``interpreter`` or ``estimator``.
        rows: how many golden rows were replayed.
        max_abs_diff: the largest absolute difference; infinite where one is NULL and the other is not.
        ok: whether every row is within the tolerance.
    """

    engine: str
    rows: int
    max_abs_diff: float
    ok: bool


def verify(database: Database, model: str, version: int | None = None) -> list[Verification]:
    """Replays the golden rows of a version (None: the latest) in each of its engines.

    Raises:
        PgscoreError: there is no such version, or it cannot be loaded.
    """
    with transaction(database) as connection:
        return [
            Verification(**found)
            for found in rows(connection, "select * from pgscore.verify(%s, %s)", (model, version))
        ]


def promote(
    database: Database, model: str, version: int, *, engine: str | None = None, max_seconds: float = MAX_SECONDS
) -> None:
    """Makes a version the one that answers.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        version: the version's number.
        engine: ``sql``, ``interpreter`` or ``estimator``, to take it for all rows; without it, the engines for one row
            and for many are those that the database measures to be the fastest.
        max_seconds: how long replaying the golden rows may take, in all engines together.

    Raises:
        PgscoreError: there is no such version, it has no such engine, the database does not give what the fitted
            estimator gave, or it takes too long to say.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.promote(%s, %s, %s, %s)", (model, version, engine, max_seconds))


def rollback(database: Database, model: str, *, max_seconds: float = MAX_SECONDS) -> int:
    """Takes the latest promotion back and returns the version that answers now.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        max_seconds: how long replaying the golden rows may take, in all engines together.

    Raises:
        PgscoreError: there is nothing to go back to, or the database does not give what the fitted estimator gave.
    """
    with transaction(database) as connection:
        found = row(connection, "select pgscore.rollback(%s, %s) as version", (model, max_seconds))
    return int(found["version"])


def forget_profile(database: Database, model: str, table: str) -> None:
    """Has a model forget a profile table: no functions are generated for its rows any more.

    They are scored like those of any other table from then on.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        table: the table's name, or its number where it was dropped.

    Raises:
        PgscoreError: the model does not score the table, the table is attached, or the caller may not read it and is no
            operator.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore._drop_profile(%s, %s::regclass)", (model, table))


def retire(database: Database, model: str, version: int, *, undo: bool = False) -> None:
    """Marks a version as not to be promoted any more, or takes the mark back.

    Raises:
        PgscoreError: there is no such version, it serves, or its artifact is gone where the mark is to be taken back.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.retire(%s, %s, %s)", (model, version, undo))


def prune(
    database: Database, model: str, *, older_than: timedelta = timedelta(), keep: int = 0, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Removes the artifacts of retired versions; never that of the version to roll back to.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        older_than: how long ago they were retired, at least.
        keep: how many of those that were retired last keep theirs.
        dry_run: whether only to say what would be removed.

    Returns:
        ``version`` and ``bytes`` of each.

    Raises:
        PgscoreError: there is no such model, or the count is negative.
    """
    with transaction(database) as connection:
        return rows(
            connection,
            "select version, bytes from pgscore.prune(%s, %s, %s, %s)",
            (model, older_than, keep, dry_run),
        )


def confirm(database: Database, model: str, version: int, types: Sequence[str] | None = None) -> list[str]:
    """Confirms types that a skops artifact asks for, all of them where none is named; returns those still missing.

    Raises:
        PgscoreError: there is no such version, or it does not ask for one of these types.
    """
    with transaction(database) as connection:
        wanted = list(types) if types is not None else None
        return list(row(connection, "select pgscore.confirm(%s, %s, %s) as left", (model, version, wanted))["left"])


def list_models(database: Database) -> list[dict[str, Any]]:
    """All models: name, serving version, latest version, how many, when and by whom the latest was published."""
    with transaction(database) as connection:
        return rows(
            connection,
            """
            select m.name as model, m.serving, max(v.version) as latest, count(v.version) as versions,
                max(v.published_at) as published_at,
                (array_agg(v.published_by order by v.version desc))[1] as published_by
            from pgscore.model m left join pgscore.model_version v on v.model = m.name
            group by m.name order by m.name
            """,
        )


def show_model(database: Database, model: str) -> dict[str, Any]:
    """A model with its versions and promotions, the latest first, and the profile tables that it scores.

    Raises:
        PgscoreError: there is no such model.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "select name as model, serving, engine, one_engine, many_engine from pgscore.model where name = %s",
            (model,),
        )
        if not found:
            raise PgscoreError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
        versions = rows(
            connection,
            """
            select v.version, v.digest, v.sha256, v.size, v.format, v.contract, v.key_id, v.metrics, v.published_at,
                v.published_by, r.retired_at, r.pruned_at,
                p.size as program_size,
                (
                    select jsonb_object_agg(t.engine, jsonb_build_object('one_us', t.one_us, 'many_us', t.many_us))
                    from pgscore.measurement t where t.model = v.model and t.version = v.version
                ) as engines,
                array(
                    select c.type from pgscore.confirmed_type c
                    where c.model = v.model and c.version = v.version order by 1
                ) as confirmed_types
            from pgscore.model_version v
            left join pgscore.retirement r on r.model = v.model and r.version = v.version
            left join pgscore.program p on p.model = v.model and p.version = v.version
            where v.model = %s order by v.version desc
            """,
            (model,),
        )
        promotions = rows(
            connection,
            "select version, promoted_at, promoted_by, rolled_back_at, rolled_back_by from pgscore.promotion"
            " where model = %s order by id desc",
            (model,),
        )
        profiles = rows(
            connection,
            "select profile::text from pgscore.model_profile where model = %s order by 1",
            (model,),
        )
    return {
        **found[0],
        "profiles": [each["profile"] for each in profiles],
        "versions": versions,
        "promotions": promotions,
    }
