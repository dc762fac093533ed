"""What a tool gives for rows, as it stands in columns, or as the tool itself says."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Label, Output

    from .golden import Given

# A row's score, and all outputs, or None in their place where they are not known of all classes; None without a score.
Found = tuple[float, "list[float] | None"] | None


def expected_outputs(given: Given, expect: Sequence[str], output: Output) -> list[Found]:
    """What columns say of each row.

    Args:
        given: rows with the columns that are named.
        expect: a value's column, or the positive class's probability; or the probabilities of all classes in the file's
            order, and before them, if it is there, the predicted label's.
        output: what the score is.

    Raises:
        PgscoreError: columns are missing, too few or too many, empty, or hold what the model cannot give.
    """
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
    found = [_found(row, output, labelled=labelled) for row in zip(*columns, strict=True)]
    if not any(found):
        raise PgscoreError(
            f"column {expect[0]} of {given.source} is empty in every row", "Name the column that the tool wrote."
        )
    return found


def told_outputs(told: Sequence[Sequence[Any] | None], output: Output) -> list[Found]:
    """What a tool says of each row.

    Args:
        told: for each row the label, or the value, and the classes' probabilities; None where there is none.
        output: what the score is.
    """
    places = {_word(label): float(place) for place, label in enumerate(output.classes)}
    found: list[Found] = []
    for each in told:
        if each is None or any(value is None for value in each):
            found.append(None)
            continue
        first = float(each[0]) if output.kind == "value" else places[_word(each[0])]
        found.append(_found([first, *map(float, each[1:])], output, labelled=output.kind != "value"))
    return found


def _found(row: Sequence[float | None], output: Output, *, labelled: bool) -> Found:
    numbers = [value for value in row if value is not None]
    if len(numbers) < len(row):
        return None
    first = numbers[0]
    if output.kind == "indicator":
        return float(first == output.positive), [first]
    if output.kind == "value":
        return first, [first]
    if len(numbers) == 1:
        return first, None
    probabilities = numbers[1:] if labelled else numbers
    # Without a label the last is filled in by whoever knows how the model decides.
    return probabilities[output.positive or 0], [*probabilities, first if labelled else nan]


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
