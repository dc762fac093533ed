"""What stands in the registry: listing, showing, verifying and promoting versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .database import Database, rows, transaction
from .errors import PgscoreError


@dataclass(frozen=True)
class Verification:
    """How an engine's scores compare with the fitted estimator's, over the golden rows.

    Attributes:
        engine: ``estimator``.
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


def promote(database: Database, model: str, version: int) -> None:
    """Makes a version the one that answers.

    Raises:
        PgscoreError: there is no such version, or the database does not give what the fitted estimator gave.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.promote(%s, %s)", (model, version))


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
    """A model with its versions, the latest first, and the profile tables that it scores.

    Raises:
        PgscoreError: there is no such model.
    """
    with transaction(database) as connection:
        found = rows(connection, "select name as model, serving from pgscore.model where name = %s", (model,))
        if not found:
            raise PgscoreError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
        versions = rows(
            connection,
            "select version, digest, sha256, format, contract, key_id, metrics, published_at, published_by"
            " from pgscore.model_version where model = %s order by version desc",
            (model,),
        )
        profiles = rows(
            connection,
            "select profile::text from pgscore.model_profile where model = %s order by 1",
            (model,),
        )
    return {**found[0], "profiles": [each["profile"] for each in profiles], "versions": versions}
