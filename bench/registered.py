"""Copies of a version in the registry: what publishing it under another name would leave there, without its seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .setting import Session

_TABLES = ("model_version", "artifact_chunk", "golden_row", "program")


def copy_model(session: Session, source: str, name: str) -> None:
    """Makes a model of the first version of another one, and has it serve."""
    session.run("insert into pgscore.model (name) values (%s)", (name,))
    _copy(session, source, 1, name, 1)
    session.run("select pgscore.promote(%s, 1)", (name,))


def copy_versions(session: Session, model: str, count: int) -> None:
    """Gives a model copies of its first version until it has so many versions."""
    have = session.value("select count(*) from pgscore.model_version where model = %s", (model,))
    for version in range(have + 1, count + 1):
        _copy(session, model, 1, model, version)


def _copy(session: Session, source: str, version: int, name: str, number: int) -> None:
    session.run("begin; set local session_replication_role = 'replica'")
    for table in _TABLES:
        columns = session.value(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
            " and attname not in ('model', 'version', 'signature', 'key_id')",
            (f"pgscore.{table}",),
        )
        # A version's digest is its own. It is not signed, and so is served by its program alone.
        own = f"encode(sha256('{name} {number}'), 'hex')"
        values = columns.replace("digest", own) if table == "model_version" else columns
        session.run(
            f"insert into pgscore.{table} (model, version, {columns})"  # noqa: S608  names of the catalog
            f" select %s, %s, {values} from pgscore.{table} where model = %s and version = %s",
            (name, number, source, version),
        )
    session.run("set local role pgscore_owner")
    session.run("select pgscore._compile_program(%s, %s)", (name, number))
    session.run("commit")
