"""Golden rows of files whose library is not here: what it gave stands beside the inputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from pgscore.errors import PgscoreError
from pgscore.readers.writing.terms import given as given_rows

from .describe import GoldenRow, plain_values
from .fitted import Categories
from .handover import hand_over
from .oracle import positive_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import InputType, Label

    from pgscore.readers.documents import Document

    from .golden import Given
    from .profile import Profile

# What is tolerated of sums of doubles.
_ROUNDINGS = 1e-12
_WORDS = {"text": "texts", "double precision": "numbers", "boolean": "booleans"}


def known_categories(document: Document) -> dict[str, Categories]:
    """What a file lists of its inputs' values, as encoders' categories."""
    kinds = {each.name: each.type for each in document.inputs}
    return {name: Categories(kinds[name], tuple(values)) for name, values in document.categories.items() if values}


def describe_expected(
    document: Document,
    given: Given,
    expect: Sequence[str],
    positive: object | None,
    kind: str,
    *,
    profile: Profile | None,
) -> tuple[Contract, list[GoldenRow]]:
    """The contract of a document, and golden rows whose outputs are columns of what was given.

    Args:
        document: the file.
        given: rows with the inputs and the columns that are named.
        expect: the columns: a value's, or the positive class's probability; or the probabilities of all classes in the
            file's order, and before them, if it is there, the predicted label's.
        positive: the label of the positive class; without it, the file's.
        kind: the format.
        profile: the table that holds the inputs, if there is one.

    Raises:
        PgscoreError: columns are missing, too few or too many, or hold what the model cannot give; or the table's
            columns are of other types than the file's.
    """
    output = _output(document.output, positive)
    types = _types(document, profile)
    outputs = _outputs(given, expect, output)
    names = [each.name for each in document.inputs]
    # No number column stays a text: what the file reads is known.
    rows = hand_over(given.typed(dict(types)).select(names), types, None, profile.padded if profile else None)
    columns = [plain_values(rows[name]) for name in names]
    golden = []
    for found, *values in zip(outputs, *columns, strict=True):
        inputs = dict(zip(names, values, strict=True))
        if found is None:
            golden.append(GoldenRow(inputs, None, None))
        else:
            score, every = found
            golden.append(GoldenRow(inputs, score, every))
    if all(row.expected is None for row in golden):
        raise PgscoreError(
            f"column {expect[0]} of {given.source} is empty in every row", "Name the column that the tool wrote."
        )
    return Contract(
        format=kind,
        inputs=tuple(Input(each.name, types[each.name], each.nullable) for each in document.inputs),
        frame=False,
        missing_text="none",
        output=output,
        libraries=dict(document.libraries),
    ), golden


def check_expected(
    rows: Sequence[GoldenRow], contract: Contract, program: Mapping[str, Any], source: str, expect: Sequence[str]
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
                f"row {number} of {source} has {_said(row.expected)} in {', '.join(expect)}, and the model as it was"
                f" read gives {_said(found)}",
                "If these are the columns that its tool wrote for these rows, this file is read wrongly: please report"
                " it, with the file.",
            )


def _is_near(found: float, expected: float, tolerance: float, scale: float) -> bool:
    return found == expected or abs(found - expected) <= tolerance * max(1.0, abs(expected), scale)


def _said(score: float | None) -> str:
    return "no score" if score is None else f"the score {score:.9g}"


def _output(output: Output, positive: object | None) -> Output:
    if output.kind == "value":
        if positive is not None:
            raise PgscoreError("a positive class is named, and the model has no classes")
        return output
    return Output(output.kind, output.classes, positive_class(output.classes, positive))


def _types(document: Document, profile: Profile | None) -> dict[str, InputType]:
    """What each input travels as: what the file says, but that a boolean column serves as a number."""
    types: dict[str, InputType] = {}
    for each in document.inputs:
        column = each.type if profile is None else profile.columns[each.name]
        if column != each.type and (each.type, column) != ("double precision", "boolean"):
            assert profile is not None  # noqa: S101  told the type checker
            raise PgscoreError(
                f"column {each.name} of {profile.name} is {profile.declared[each.name]}, and the model reads"
                f" {_WORDS[each.type]} there",
                "Name a view in --profile that casts it.",
            )
        types[each.name] = column or each.type
    return types


def _outputs(given: Given, expect: Sequence[str], output: Output) -> list[tuple[float, list[float] | None] | None]:
    """The score and all outputs of each row; None in the place of outputs that are not known of all classes."""
    missing = [name for name in expect if name not in (given.names or [])]
    if missing:
        raise PgscoreError(
            f"{given.source} lack the column {missing[0]}, which --expect names",
            f"They have {', '.join(given.names or [])}.",
        )
    classes = output.classes
    widths = {"value": (1,), "indicator": (1,), "probability": (1, len(classes), len(classes) + 1)}[output.kind]
    if len(expect) not in widths:
        raise PgscoreError(
            f"--expect names {len(expect)} columns, and {_wanted(output)}",
            "Name them in that order: --expect label,p0,p1.",
        )
    labelled = output.kind == "indicator" or len(expect) > len(classes) > 0
    columns = [
        _labels(given, name, classes) if labelled and place == 0 else _numbers(given, name)
        for place, name in enumerate(expect)
    ]
    found: list[tuple[float, list[float] | None] | None] = []
    for row in zip(*columns, strict=True):
        if any(value is None for value in row):
            found.append(None)
        elif output.kind == "indicator":
            found.append((float(row[0] == output.positive), [float(row[0])]))
        elif output.kind == "value":
            found.append((row[0], [row[0]]))
        elif len(row) == 1:
            found.append((row[0], None))
        else:
            numbers = list(row[1:] if labelled else row)
            # Without a label the last is filled in by whoever knows how the model decides.
            found.append((numbers[output.positive or 0], [*numbers, row[0] if labelled else np.nan]))
    return found


def _wanted(output: Output) -> str:
    if output.kind == "value":
        return "the model gives one value"
    if output.kind == "indicator":
        return "the model gives a label"
    return (
        f"the model has the classes {', '.join(map(str, output.classes))}: the positive one's probability is wanted, or"
        " all of theirs, or the label and all of theirs"
    )


def _texts(given: Given, name: str) -> list[Any]:
    return [None if pd.isna(value) else value for value in given.frame.rename(columns=str)[name].tolist()]


def _numbers(given: Given, name: str) -> list[float | None]:
    found: list[float | None] = []
    for number, value in enumerate(_texts(given, name), start=1):
        try:
            found.append(None if value is None else float(value))
        except (TypeError, ValueError):
            raise PgscoreError(
                f"column {name} of {given.source} is a number, as --expect says, and row {number} holds {value!r}"
            ) from None
    return [None if value is None or np.isnan(value) else value for value in found]


def _labels(given: Given, name: str, classes: Sequence[Label]) -> list[float | None]:
    places: Mapping[str, int] = {_word(label): place for place, label in enumerate(classes)}
    found: list[float | None] = []
    for number, value in enumerate(_texts(given, name), start=1):
        if value is not None and _word(value) not in places:
            raise PgscoreError(
                f"column {name} of {given.source} is the predicted label, as --expect says, and row {number} holds"
                f" {value!r}, which is no class of the model",
                f"It has the classes {', '.join(map(str, classes))}.",
            )
        found.append(None if value is None else float(places[_word(value)]))
    return found


def _word(label: Any) -> str:  # noqa: ANN401
    """A label as texts of it are compared: 1, 1.0 and '1' are one."""
    try:
        return repr(float(label))
    except ValueError:
        return str(label)
