"""Fetching the versions that answer, as a login that may read the registry and nothing else.

Golden rows may be rows of real people, and readers of the registry may not see them. So what is fetched is not proved
by them here; the database did so before the version was promoted. What may be somebody else's work is checked all the
same: the program and the bindings are read as those of a bundle are.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2
from pgscore_runtime.errors import Refusal

from pgscore.bundle.evaluate import Bundle
from pgscore.bundle.make import binding_document, pin
from pgscore.bundle.opened import as_malformed, opened_of_registry
from pgscore.bundle.reducing.binding import Binding
from pgscore.database import rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812


class Mark(NamedTuple):
    """What tells two states of a model apart: as long as it is equal, nothing need be fetched.

    Attributes:
        version: the version that answers; None: none does.
        digest: of its artifact and contract, so that another database at the same address shows.
        bindings: those of the model, and which state of each.
    """

    version: int | None
    digest: str | None
    bindings: str | None


@dataclass(frozen=True)
class Served:
    """A model as it answers now.

    Attributes:
        model: its name.
        mark: the state that was fetched.
        version: the version that answers; None where none does.
        contract: its contract, as the database has it; None where no version answers.
        bundle: what evaluates it, with all bindings of the model that can be read. It has no golden rows. None where no
            version answers, or it is no program, or cannot be evaluated here.
        problem: why there is no bundle, in one sentence; None where there is one.
        bindings: those that can be read, as a bundle has them.
        refused: what is wrong with bindings that cannot be read, by their names.
    """

    model: str
    mark: Mark
    version: int | None
    contract: dict[str, Any] | None
    bundle: Bundle | None
    problem: str | None
    bindings: tuple[dict[str, Any], ...]
    refused: dict[str, str]


_MARKS = """
    select m.name, m.serving, v.digest,
        (
            select string_agg(format('%%s:%%s', b.number, b.xmin), ' ' order by b.number)
            from pgscore.binding b where b.model = m.name
        ) as bindings
    from pgscore.model m
    left join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where %(models)s::text[] is null or m.name = any (%(models)s::text[])
"""
_VERSION = """
    select v.contract, p.program,
        array(select c from jsonb_array_elements_text(v.contract #> '{output,classes}') c) as labels
    from pgscore.model_version v
    left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = %s and v.version = %s
"""
_BINDINGS = "select number, name from pgscore.binding where model = %s order by number"


def marks(connection: Connection, models: Sequence[str] | None = None) -> dict[str, Mark]:
    """The state of models by their names: one query, cheap enough for every few seconds, or for each transaction.

    Args:
        connection: of psycopg2, in a transaction or in autocommit mode.
        models: their names; one that does not exist is not in what comes back. None: all.
    """
    found = rows(connection, _MARKS, {"models": None if models is None else list(models)})
    return {each["name"]: Mark(each["serving"], each["digest"], each["bindings"]) for each in found}


def fetch(connection: Connection, model: str, mark: Mark) -> Served:
    """Fetches a model in a state that `marks` has told, in the same transaction, which should be repeatable read.

    What is wrong with the version, or with a binding, is said in what comes back.

    Raises:
        psycopg2.Error: the connection was lost, or the login may not read the registry.
    """
    if mark.version is None:
        return Served(
            model, mark, None, None, None, f'model "{model}" has no promoted version', bindings=(), refused={}
        )
    pin(connection)
    described = rows(connection, _VERSION, (model, mark.version))[0]
    bindings, refused = _bindings(connection, model)
    bundle, problem = None, None
    if described["program"] is None:
        problem = f'model "{model}" version {mark.version} is no program: the database alone gives its scores'
    else:
        document = {"model": model, "version": mark.version, "sha256": mark.digest, "bindings": bindings, **described}
        try:
            bundle = Bundle(opened_of_registry(document))
            bundle.prepare()
        except PgscoreError as error:
            problem = f'model "{model}" version {mark.version} cannot be evaluated here: {error}'
    return Served(
        model,
        mark,
        mark.version,
        described["contract"],
        bundle,
        problem,
        bindings=tuple(bindings),
        refused=refused,
    )


def _bindings(connection: Connection, model: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    found: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    for each in rows(connection, _BINDINGS, (model,)):
        name = each["name"]
        if name in {one["name"] for one in found}:
            # Names are unique for each owner of tables.
            refused[name] = f"two bindings of model {model!r} are called {name}"
            continue
        try:
            with _savepoint(connection):
                found.append(_read(connection, each["number"]))
        except (PgscoreError, psycopg2.DataError, psycopg2.ProgrammingError) as error:
            refused[name] = " ".join(str(error).split())
    return found, refused


def _read(connection: Connection, number: int) -> dict[str, Any]:
    document = binding_document(connection, number)
    try:
        Binding(document, "bindings[0]")
    except Refusal as refusal:
        raise as_malformed(refusal) from None
    return document


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("savepoint binding")
        try:
            yield
        except psycopg2.Error:
            cursor.execute("rollback to savepoint binding")
            raise
        finally:
            if not connection.closed:
                cursor.execute("release savepoint binding")
