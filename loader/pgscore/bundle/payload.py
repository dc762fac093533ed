"""Rows as `pgscore.score` takes them as JSON: an object with each input by its name, and of its type."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Input
    from pgscore_runtime.program import ProgramInput

_INFINITE = ("NaN", "Infinity", "-Infinity")
_KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    dict: "object",
    list: "array",
}


def arrays(
    inputs: Sequence[ProgramInput] | Sequence[Input], row: Mapping[str, Any]
) -> tuple[list[float | None], list[str | None]]:
    """The numbers of a row, booleans as 0 and 1, and its texts, each in the order of the inputs; None where missing.

    Raises:
        PgscoreError: an input is not there, or of another type.
    """
    numbers: list[float | None] = []
    texts: list[str | None] = []
    for each in inputs:
        try:
            value = row[each.name]
        except KeyError:
            raise PgscoreError(
                f'the row has no input "{each.name}"', "Give it as null where it is not known."
            ) from None
        if each.type == "text":
            texts.append(_text(value, each.name))
        elif type(value) is float:
            # JSON has no -0.
            numbers.append(value + 0.0 if each.type == "double precision" else _refuse(value, each))
        else:
            numbers.append(_number(value, each))
    return numbers, texts


def shown_value(row: Mapping[str, Any], name: str) -> str | None:
    """A value of a row as text, as SQL's ->> gives it of JSON."""
    value = _plain(row[name])
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _digits(value)


def _text(value: Any, name: str) -> str | None:  # noqa: ANN401
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise PgscoreError(f'input "{name}" holds U+0000, which no text of a database holds')
        return value
    return _mismatch(_plain(value), name, "text")


def _number(value: Any, described: ProgramInput | Input) -> float | None:  # noqa: ANN401
    value = _plain(value)
    if value is None:
        return None
    if described.type == "boolean":
        return float(value) if isinstance(value, bool) else _refuse(value, described)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            return float(value) + 0.0
        except OverflowError:
            return float("inf") if value > 0 else -float("inf")
        except ValueError:  # a signalling NaN
            return float("nan")
    return float(value) if isinstance(value, str) and value in _INFINITE else _refuse(value, described)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value of numpy's as Python's."""
    return value.item() if hasattr(value, "dtype") and hasattr(value, "item") and not value.shape else value


def _refuse(value: Any, described: ProgramInput | Input) -> Any:  # noqa: ANN401
    if type(value) is float and value != value:  # noqa: PLR0124  NaN: a missing boolean, as frames have it
        return None
    return _mismatch(value, described.name, described.type)


def _mismatch(value: Any, name: str, wanted: str) -> NoReturn:  # noqa: ANN401
    kind = next((_KINDS[each] for each in type(value).__mro__ if each in _KINDS), type(value).__name__)
    if isinstance(value, Decimal):
        kind = "number"
    written = _digits(value) if kind == "number" else json.dumps(value, ensure_ascii=False, default=str)
    raise PgscoreError(f'input "{name}" is the {kind} {written}, and the model wants {wanted}')


def _digits(value: Any) -> str:  # noqa: ANN401
    """A number as jsonb writes it: all of its digits, and no exponent."""
    # Python itself writes no integer of more than 4,300 digits.
    exact = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    if not exact.is_finite():
        return "NaN" if exact.is_nan() else "Infinity" if exact > 0 else "-Infinity"
    return f"{abs(exact) if exact == 0 else exact:f}"
