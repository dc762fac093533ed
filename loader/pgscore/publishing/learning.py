"""What is learnt of a model before anything is stored: its contract, golden rows, and its program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from .compile import compile_program, completed, labelled, scaled
from .covers import covered
from .describe import describe
from .documents import FORMATS as DOCUMENTS
from .documents import printable
from .expected import expected_outputs, told_outputs
from .file_rows import (
    check_expected,
    describe_file,
    known_categories,
    output_of_file,
    rows_of_file,
    types_of_file,
    with_edges,
)
from .fitted import categories_of_a_booster, fitted_categories, input_names
from .golden import read_golden, sample
from .handover import casts
from .profile import read_profile
from .tools import TOOLS, askable, tool_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Contract
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.progress import Step
    from pgscore.readers import Reading

    from .artifact import Artifact
    from .describe import GoldenRow
    from .fitted import Categories
    from .golden import Given, Golden
    from .handover import Cast
    from .profile import Profile
    from .tools import Tool


# How far a graph's scores may be apart, as a part of the larger of 1 and the score: its runtime adds float32 in orders
# that depend on the processor, and on how many rows it is asked for.
_NETS = 1e-5


@dataclass(frozen=True)
class Asked:
    """What a publisher names beside the model; `publish` says what each is."""

    golden: Golden | None
    profile: str | None
    inputs: Sequence[str] | None
    positive: object | None
    expect: Sequence[str] | None


@dataclass(frozen=True)
class Described:
    """What is learnt of a model before anything is stored.

    Attributes:
        contract: its contract.
        golden_rows: its golden rows.
        program: its program, if it has one.
        obstacle: which part of it cannot become a program, if it has none.
        named_by: who named its inputs.
        profile: the table that it scores, if one is named.
        casts: the columns of that table that are read as another type.
    """

    contract: Contract
    golden_rows: list[GoldenRow]
    program: dict[str, Any] | None
    obstacle: str | None
    named_by: str
    profile: Profile | None
    casts: list[Cast]


def learn(connection: Connection, artifact: Artifact, asked: Asked, step: Step) -> Described:
    """Learns what there is to know of an artifact.

    Raises:
        PgscoreError: the model, the golden rows or the profile table refuse.
    """
    table = read_profile(connection, asked.profile) if asked.profile is not None else None
    given = None if asked.golden is None else read_golden(asked.golden)
    # What has a predict method is asked.
    if artifact.format in DOCUMENTS and not hasattr(artifact.estimator, "predict"):
        return _of_file(connection, artifact, asked, table, given, step)
    if asked.expect is not None:
        raise PgscoreError(
            "--expect names what a tool gave that is not here, and this model is asked itself", "Leave --expect out."
        )
    return _of_estimator(connection, artifact, asked, table, given, step)


def _of_estimator(
    connection: Connection,
    artifact: Artifact,
    asked: Asked,
    table: Profile | None,
    given: Given | None,
    step: Step,
) -> Described:
    estimator = artifact.estimator
    names, named_by = input_names(estimator, asked.inputs, given.names if given else None)
    learnt = fitted_categories(estimator, names)
    if table is not None:
        table.check(names, {name: each.words() for name, each in learnt.items()})
    if given is None and table is not None:
        given = sample(connection, table, names, categories_of_a_booster(estimator, names))
    if given is None:
        raise _no_rows()
    # A CSV file's texts are what the table's columns are, or what the estimator was fitted on.
    kinds = {name: each.kind for name, each in learnt.items()} | ({} if table is None else table.columns)
    rows = given.typed(kinds, categories_of_a_booster(estimator, names)).select(names)
    step("asking the estimator for its scores")
    contract, golden_rows = describe(
        estimator, rows, asked.positive, artifact.format, artifact.types,
        profile=table, source=given.source, framed=given.named and not given.sampled, sampled=given.sampled,
    )  # fmt: skip
    reading, obstacle = compile_program(estimator, contract, golden_rows)
    if artifact.format == "onnx" and reading is None:
        contract = replace(contract, tolerance=_NETS)
    return _described(contract, golden_rows, reading, obstacle, named_by, table, learnt, len(rows))


def _of_file(
    connection: Connection,
    artifact: Artifact,
    asked: Asked,
    table: Profile | None,
    given: Given | None,
    step: Step,
) -> Described:
    document = artifact.estimator
    names = [each.name for each in document.inputs]
    if asked.inputs is not None and list(asked.inputs) != names:
        raise PgscoreError(
            f"the file names its inputs itself, {', '.join(names)}, and others are named",
            "Leave --inputs out: they are matched to columns by their names.",
        )
    learnt = known_categories(document)
    if table is not None:
        table.check(names, {name: each.words() for name, each in learnt.items()})
    output, types = output_of_file(document, asked.positive), types_of_file(document, table)
    if asked.expect is None:
        tool = _tool(artifact.format)
        given = given or (None if table is None else sample(connection, table, names, names))
        if given is None:
            raise _no_rows()
        rows = askable(artifact.format, rows_of_file(given, types, table))
        if rows.empty:
            raise _no_rows()
        count = len(rows)
        rows = askable(artifact.format, with_edges(rows, document.inputs))
        step("asking its tool for scores")
        found = told_outputs(tool(b"".join(artifact.pieces()), output, rows), output)
    else:
        if asked.golden is None or given is None:
            raise PgscoreError("--expect names columns of golden rows, and there are none", "Give --golden FILE.csv.")
        rows = rows_of_file(given, types, table)
        count = len(rows)
        found = expected_outputs(given, asked.expect, output)
    contract, golden_rows = describe_file(document, artifact.format, output, types, rows, found)
    reading, obstacle = compile_program(document, contract, golden_rows)
    if reading is None:
        # No engine serves it otherwise.
        raise PgscoreError(f"the model cannot become a program: {printable(str(obstacle))}")
    golden_rows = labelled(golden_rows, contract, reading)
    described = _described(contract, golden_rows, reading, None, "the file", table, learnt, count)
    check_expected(described.golden_rows, described.contract, reading.program, count, given.source)
    return described


def _tool(kind: str) -> Tool:
    tool = tool_of(kind)
    if tool is None:
        raise PgscoreError(
            f"nothing here evaluates {kind.upper()}: what the model gives has to come with it, as nothing is published"
            " unproved",
            "Score some rows with the tool that made the model, and name the file and the columns of the results:"
            f" --golden FILE.csv --expect COLUMN. Or install {TOOLS[kind]}, and it is asked.",
        )
    return tool


def _no_rows() -> PgscoreError:
    return PgscoreError(
        "there are no golden rows, and nothing is published unproved",
        "Give --golden FILE.csv, or --profile TABLE to take a sample of it.",
    )


def _described(
    contract: Contract,
    golden_rows: list[GoldenRow],
    reading: Reading | None,
    obstacle: str | None,
    named_by: str,
    table: Profile | None,
    learnt: Mapping[str, Categories],
    given: int,
) -> Described:
    contract = completed(contract, reading)
    types = {each.name: each.type for each in contract.inputs}
    program = None
    if reading is not None:
        # Edge cases stand behind the rows that were given, and are no rows of anybody's.
        program = covered(reading.program, [row.inputs for row in golden_rows[:given]])
    return Described(
        contract, scaled(golden_rows, contract, reading), program, obstacle, named_by, table,
        [] if table is None else casts(types, learnt, table),
    )  # fmt: skip
