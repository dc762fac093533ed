"""What stands in the registry: listing, showing and verifying versions, and which of them answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .database import Database, row, rows, transaction
from .errors import NotFoundError, PgscoreError
from .overview.outdated import outdated_rows
from .records import (
    Dependent,
    EngineTimes,
    LateTable,
    ModelDetails,
    ModelSummary,
    ModelVersion,
    Promoted,
    Promotion,
    Pruned,
    Verification,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

# How long a promotion may replay golden rows, unless told otherwise; the database's own default.
MAX_SECONDS = 10.0


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
    database: Database,
    model: str,
    version: int,
    *,
    engine: str | None = None,
    max_seconds: float = MAX_SECONDS,
    despite_dependents: bool = False,
) -> Promoted:
    """Makes a version the one that answers.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        version: the version's number.
        engine: ``sql``, ``interpreter``, ``estimator`` or ``onnx``, to take it for all rows; without it,
            the engines for one row and for many are those that the database measures to be the fastest.
        max_seconds: how long replaying the golden rows may take, in all engines together.
        despite_dependents: whether to promote although indexes, materialized views and the like hold scores of the
            version before, and are wrong then (`dependents`).

    Raises:
        NotFoundError: there is no such version.
        DependentsError: something holds scores of the version that answers.
        PgscoreError: the version has no such engine, the database does not give what the fitted estimator gave, or it
            takes too long to say.
    """
    with transaction(database) as connection:
        done = promote_within(connection, model, version, engine, max_seconds, despite_dependents=despite_dependents)
    return _with_outdated(database, done)


def promote_proved(database: Database, model: str, version: int) -> list[Verification]:
    """Makes a version the one that answers, as `promote` does; how far its engines are from the fitted estimator.

    A promotion replays the golden rows anyway: whoever wants both need not have `verify` replay them again.
    """
    with transaction(database) as connection:
        found = row(
            connection,
            "select pgscore._promote(%s, %s, null, %s, false) as engines",
            (model, version, MAX_SECONDS),
        )
    return [Verification(**{**each, "max_abs_diff": float(each["max_abs_diff"])}) for each in found["engines"]]


def promote_within(
    connection: Connection,
    model: str,
    version: int,
    engine: str | None,
    max_seconds: float,
    *,
    despite_dependents: bool,
) -> Promoted:
    """What `promote` does, in a transaction of the caller's."""
    before = _serving(connection, model)
    row(
        connection,
        "select pgscore.promote(%s, %s, %s, %s, %s)",
        (model, version, engine, max_seconds, despite_dependents),
    )
    return _promoted(connection, model, before)


def rollback(
    database: Database, model: str, *, max_seconds: float = MAX_SECONDS, despite_dependents: bool = False
) -> Promoted:
    """Takes the latest promotion back: the version that answered before does again.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        max_seconds: how long replaying the golden rows may take, in all engines together.
        despite_dependents: as for `promote`.

    Raises:
        DependentsError: something holds scores of the version that answers.
        PgscoreError: there is nothing to go back to, or the database does not give what the fitted estimator gave.
    """
    with transaction(database) as connection:
        done = rollback_within(connection, model, max_seconds, despite_dependents=despite_dependents)
    return _with_outdated(database, done)


def rollback_within(connection: Connection, model: str, max_seconds: float, *, despite_dependents: bool) -> Promoted:
    """What `rollback` does, in a transaction of the caller's."""
    before = _serving(connection, model)
    row(connection, "select pgscore.rollback(%s, %s, %s)", (model, max_seconds, despite_dependents))
    return _promoted(connection, model, before)


def _serving(connection: Connection, model: str) -> int | None:
    found = rows(connection, "select serving from pgscore.model where name = %s", (model,))
    return found[0]["serving"] if found else None


def _promoted(connection: Connection, model: str, before: int | None) -> Promoted:
    now = row(
        connection,
        "select serving as version, engine, one_engine, many_engine from pgscore.model where name = %s",
        (model,),
    )
    late = rows(connection, 'select name as "table", cause, remedy from pgscore._late_tables(%s)', (model,))
    return Promoted(model=model, before=before, late=[LateTable(**each) for each in late], outdated=[], **now)


def _with_outdated(database: Database, done: Promoted) -> Promoted:
    # When the promotion stands: counting holds up nobody, and what goes wrong there takes nothing back.
    try:
        return replace(done, outdated=outdated_rows(database, done.model))
    except PgscoreError:
        return done


def dependents(database: Database, model: str | None = None) -> list[Dependent]:
    """What holds scores of a model, or of any, and refuses its promotions, because they would make it wrong."""
    with transaction(database) as connection:
        found = rows(
            connection,
            "select model, kind, object, on_table, remedy from pgscore._score_dependents(%s) where is_wrong",
            (model,),
        )
    return [Dependent(**each) for each in found]


def forget_profile(database: Database, model: str, table: str) -> str:
    """Has a model forget a profile table: no functions are generated for its rows any more.

    They are scored like those of any other table from then on.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        table: the table's name, as in SQL; that of one that was dropped, too.

    Returns:
        The table's name, with its schema.

    Raises:
        NotFoundError: the model does not score the table.
        DeniedError: the caller may not read it and is no operator.
        PgscoreError: the table is attached, or there are several of that name.
    """
    with transaction(database) as connection:
        return str(row(connection, "select pgscore._forget_profile(%s, %s) as name", (model, table))["name"])


def retire(database: Database, model: str, version: int, *, undo: bool = False) -> None:
    """Marks a version as not to be promoted any more, or takes the mark back.

    Raises:
        PgscoreError: there is no such version, it serves, or its artifact is gone where the mark is to be taken back.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.retire(%s, %s, %s)", (model, version, undo))


def prune(
    database: Database, model: str, *, older_than: timedelta = timedelta(), keep: int = 0, dry_run: bool = False
) -> list[Pruned]:
    """Removes the artifacts of retired versions; never that of the version to roll back to.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        older_than: how long ago they were retired, at least.
        keep: how many of those that were retired last keep theirs.
        dry_run: whether only to say what would be removed.

    Raises:
        PgscoreError: there is no such model, or the count is negative.
    """
    with transaction(database) as connection:
        removed = rows(
            connection,
            "select version, bytes from pgscore.prune(%s, %s, %s, %s)",
            (model, older_than, keep, dry_run),
        )
    return [Pruned(**each) for each in removed]


def confirm(database: Database, model: str, version: int, types: Sequence[str] | None = None) -> list[str]:
    """Confirms types that a skops artifact asks for, all of them where none is named; returns those still missing.

    Raises:
        PgscoreError: there is no such version, or it does not ask for one of these types.
    """
    with transaction(database) as connection:
        wanted = list(types) if types is not None else None
        return list(row(connection, "select pgscore.confirm(%s, %s, %s) as left", (model, version, wanted))["left"])


def list_models(database: Database) -> list[ModelSummary]:
    """All models, by name."""
    with transaction(database) as connection:
        found = rows(
            connection,
            """
            select m.name as model, m.serving, max(v.version) as latest, count(v.version) as versions,
                max(v.published_at) as published_at,
                (array_agg(v.published_by order by v.version desc))[1] as published_by
            from pgscore.model m left join pgscore.model_version v on v.model = m.name
            group by m.name order by m.name
            """,
        )
    return [ModelSummary(**each) for each in found]


def show_model(database: Database, model: str) -> ModelDetails:
    """A model with its versions and promotions, and the profile tables that it scores.

    Raises:
        NotFoundError: there is no such model.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "select name as model, serving, engine, one_engine, many_engine from pgscore.model where name = %s",
            (model,),
        )
        if not found:
            raise NotFoundError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
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
        profiles = rows(connection, "select name, is_gone from pgscore._model_profiles(%s) order by name", (model,))
    return ModelDetails(
        **found[0],
        profiles=[each["name"] for each in profiles if not each["is_gone"]],
        dropped=[each["name"] for each in profiles if each["is_gone"]],
        versions=[_version(each) for each in versions],
        promotions=[Promotion(**each) for each in promotions],
        outdated=outdated_rows(database, model),
    )


def _version(found: dict[str, Any]) -> ModelVersion:
    engines = {name: EngineTimes(**times) for name, times in sorted((found.pop("engines") or {}).items())}
    return ModelVersion(**found, engines=engines)
