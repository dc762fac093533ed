"""What a database says of a version that is to be written to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore_runtime.contract import Contract, parse_contract
from pgscore_runtime.errors import Refusal
from pgscore_runtime.program import Program, parse_program

from pgscore.database import Database, row, rows, transaction
from pgscore.errors import DeniedError, NotFoundError, PgscoreError, refusal

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

_VERSION = """
    select v.version, v.digest, v.format, v.contract::text as contract, p.document as program, v.published_at
    from pgscore.model m
    left join pgscore.model_version v on v.model = m.name and v.version = coalesce(%(version)s, m.serving)
    left join pgscore.program p on p.model = v.model and p.version = v.version
    where m.name = %(model)s
"""
_GOLDEN = """
    select inputs, expected, outputs, scale from pgscore.golden_row
    where model = %s and version = %s order by ordinal
"""


@dataclass(frozen=True)
class GoldenRow:
    """An example, and what the fitted estimator gave for it.

    Attributes:
        inputs: values by the inputs' names; numbers that JSON lacks are texts.
        expected: the score; None where there is none.
        outputs: probabilities and the position of the label, or the value; None like the score.
        scale: by what a difference is measured.
    """

    inputs: dict[str, Any]
    expected: float | None
    outputs: list[float | None] | None
    scale: float


@dataclass(frozen=True)
class SourceVersion:
    """A version that is a program.

    Attributes:
        model: the model's name.
        version: its number.
        digest: what names its artifact and contract.
        format: that of its artifact.
        contract: the contract.
        contract_text: its JSON.
        program: the program.
        text: its JSON.
        golden: its golden rows; None where they were not asked for.
    """

    model: str
    version: int
    digest: str
    format: str
    contract: Contract
    contract_text: str
    program: Program
    text: str
    golden: list[GoldenRow] | None

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return f"version {self.version} of model {self.model}"


def read_source(database: Database, model: str, version: int | None, *, golden: bool) -> SourceVersion:
    """Reads a version's program, contract and golden rows.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.
        model: the model's name.
        version: the version's number; None: the one that answers.
        golden: whether golden rows are read too.

    Raises:
        NotFoundError: there is no such model or version.
        DeniedError: the caller may not read golden rows.
        PgscoreError: no version is promoted, or it is no program.
    """
    with transaction(database) as connection:
        found = rows(connection, _VERSION, {"model": model, "version": version})
        if not found:
            raise NotFoundError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
        if found[0]["version"] is None and version is not None:
            raise NotFoundError(
                f"model {model!r} has no version {version}", f"`pgscore show {model}` lists its versions."
            )
        if found[0]["version"] is None:
            raise PgscoreError(
                f"model {model!r} has no promoted version", f"Name one, or run `pgscore promote {model} VERSION`."
            )
        if found[0]["program"] is None:
            raise PgscoreError(
                f"version {found[0]['version']} of model {model} is no program, and files are written of programs",
                "Publish a model that becomes one: docs/guide/models.md lists what does.",
            )
        examples = _golden(connection, model, found[0]["version"]) if golden else None
    return _source(model, found[0], examples)


def _golden(connection: Connection, model: str, version: int) -> list[GoldenRow]:
    rights = row(
        connection,
        "select has_table_privilege('pgscore.golden_row', 'select') as may, quote_ident(current_user) as caller",
    )
    if not rights["may"]:
        raise DeniedError(
            f"{rights['caller']} may not read golden rows, on which a file is checked before it is written",
            f"pgscore_publisher and pgscore_operator may: grant pgscore_operator to {rights['caller']}; or write JSON"
            " without --golden.",
        )
    return [GoldenRow(**each) for each in rows(connection, _GOLDEN, (model, version))]


def _source(model: str, found: dict[str, Any], golden: list[GoldenRow] | None) -> SourceVersion:
    try:
        contract, program = parse_contract(found["contract"]), parse_program(found["program"])
    except Refusal as error:
        raise refusal(error.message, error.hint, error.sqlstate) from None
    return SourceVersion(
        model,
        found["version"],
        found["digest"],
        found["format"],
        contract,
        found["contract"],
        program,
        found["program"],
        golden,
    )
