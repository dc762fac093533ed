"""Golden rows of another tool's file: the rows as its model reads them, and whether its program gives the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from pgscore.errors import PgscoreError
from pgscore.readers.writing.terms import given as given_rows

from .describe import GoldenRow, edge_values, plain_values
from .fitted import Categories
from .handover import column, hand_over
from .oracle import positive_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import InputType

    from pgscore.readers.documents import Document

    from .expected import Found
    from .golden import Given
    from .profile import Profile

# What is tolerated of sums of doubles.
_ROUNDINGS = 1e-12
_WORDS = {"text": "texts", "double precision": "numbers", "boolean": "booleans"}
_MOST_EDGES = 300


def known_categories(document: Document) -> dict[str, Categories]:
    """What a file lists of its inputs' values, as encoders' categories."""
    kinds = {each.name: each.type for each in document.inputs}
    return {name: Categories(kinds[name], tuple(values)) for name, values in document.categories.items() if values}


def output_of_file(document: Document, positive: object | None) -> Output:
    """What the score of a file's model is; with the class that is named as the positive one.

    Raises:
        PgscoreError: a class is named, and there is no such, or none at all; or there are more than two, and none is.
    """
    output = document.output
    if output.kind == "value":
        if positive is not None:
            raise PgscoreError("a positive class is named, and the model has no classes")
        return output
    return Output(output.kind, output.classes, positive_class(output.classes, positive))


def types_of_file(document: Document, profile: Profile | None) -> dict[str, InputType]:
    """What each input travels as: what the file says, but that a boolean column serves as a number.

    Raises:
        PgscoreError: a column of the table is of another type.
    """
    types: dict[str, InputType] = {}
    for each in document.inputs:
        found = each.type if profile is None else profile.columns[each.name]
        if found != each.type and (each.type, found) != ("double precision", "boolean"):
            assert profile is not None  # noqa: S101  told the type checker
            raise PgscoreError(
                f"column {each.name} of {profile.name} is {profile.declared[each.name]}, and the model reads"
                f" {_WORDS[each.type]} there",
                "Name a view in --profile that casts it.",
            )
        types[each.name] = found or each.type
    return types


def rows_of_file(given: Given, types: Mapping[str, InputType], profile: Profile | None) -> pd.DataFrame:
    """The rows that were given, as the database hands them over.

    Raises:
        PgscoreError: a column is missing, or holds what is no value of its type.
    """
    rows = given.typed(dict(types)).select(list(types))
    return hand_over(rows, types, None, profile.padded if profile else None)


def with_edges(rows: pd.DataFrame, inputs: Sequence[Input]) -> pd.DataFrame:
    """The rows, and behind them the most complete one again and again, each time with another value of one input."""
    place = int(rows.isna().sum(axis=1).to_numpy().argmin())
    base = {name: rows[name].iloc[place] for name in rows.columns}
    changed = [{**base, each.name: value} for each in inputs for value in (None, *edge_values(each, rows))]
    # Nothing but what edges are made of: a frame has one type for a column.
    made = pd.DataFrame(
        {
            each.name: column([_plain(line[each.name]) for line in changed[:_MOST_EDGES]], each.type, None)
            for each in inputs
        }
    )
    return pd.concat([rows.astype(object), made.astype(object)], ignore_index=True)


def _plain(value: Any) -> Any:  # noqa: ANN401
    return None if value is None or value != value else value  # noqa: PLR0124  NaN


def describe_file(
    document: Document, kind: str, output: Output, types: Mapping[str, InputType], rows: pd.DataFrame,
    found: Sequence[Found],
) -> tuple[Contract, list[GoldenRow]]:  # fmt: skip
    """The contract of a file, and golden rows.

    Args:
        document: the file.
        kind: its format.
        output: what the score is.
        types: what each input travels as.
        rows: rows x inputs, as `rows_of_file` makes them.
        found: what its tool gives for each row.
    """
    columns = [plain_values(rows[name]) for name in types]
    golden = []
    for answer, *values in zip(found, *columns, strict=True):
        score, outputs = answer or (None, None)
        golden.append(GoldenRow(dict(zip(types, values, strict=True)), score, outputs))
    return Contract(
        format=kind,
        inputs=tuple(Input(each.name, types[each.name], each.nullable) for each in document.inputs),
        frame=False,
        missing_text="none",
        output=output,
        libraries=dict(document.libraries),
    ), golden


def check_expected(
    rows: Sequence[GoldenRow], contract: Contract, program: Mapping[str, Any], given: int, source: str
) -> None:
    """Returns where the program gives what is expected of the rows; the database replays them in each engine.

    Before anything is stored: columns are easily mistaken for others, and a version that is there already is not proved
    again by what comes with the same file.

    Raises:
        PgscoreError: it gives another score for a row.
    """
    interpreter = Interpreter(parse_program(json.dumps(program)))
    tolerance = contract.tolerance or _ROUNDINGS
    handed = given_rows(program, [row.inputs for row in rows])
    for number, (row, (numbers, texts)) in enumerate(zip(rows, handed, strict=True), start=1):
        found = interpreter.score(numbers, texts, contract.output.positive or 0)
        if found is None and row.expected is None:
            continue
        if found is None or row.expected is None or not _is_near(found, row.expected, tolerance, row.scale):
            raise PgscoreError(
                f"{_called(number, row, given, source)} has {_said(row.expected)} by its tool, and the model as it was"
                f" read gives {_said(found)}",
                "If that is what its tool gives for these inputs, the file is read wrongly: please report it, with it.",
            )


def _is_near(found: float, expected: float, tolerance: float, scale: float) -> bool:
    return found == expected or abs(found - expected) <= tolerance * max(1.0, abs(expected), scale)


def _said(score: float | None) -> str:
    return "no score" if score is None else f"the score {score:.9g}"


def _called(number: int, row: GoldenRow, given: int, source: str) -> str:
    if number <= given:
        return f"row {number} of {source}"
    return f"a row with {', '.join(f'{name} {value!r}' for name, value in row.inputs.items())}"
