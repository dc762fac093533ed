"""Checks of JSON values that nobody vouches for: each returns what it was given, or refuses it and names its place."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import INVALID_PARAMETER, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_TEXT = 1000
_SHOWN = 60


def refuse(place: str, what: str) -> NoReturn:
    """Refuses a program.

    Raises:
        Refusal: always; the message names the place and says what is wrong there.
    """
    raise Refusal(INVALID_PARAMETER, f"the program is refused: {place} {what}")


def shown(value: object) -> str:
    """A value as a message shows it: short, and never the inside of a list."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or value in (True, False) else None
    if text is None or type(value) in (int, float):
        text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def fields(found: Any, place: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:  # noqa: ANN401
    """An object with all of the required fields, and beside them optional ones only."""
    if type(found) is not dict:
        refuse(place, f"is {shown(found)}, not an object")
    for name in required:
        if name not in found:
            refuse(place, f"has no {name}")
    for name in found:
        if name not in required and name not in optional:
            refuse(place, f"has a field {shown(name)}, which means nothing there")
    return found


def items(found: Any, place: str, most: int | None = None) -> list[Any]:  # noqa: ANN401
    """A list, of at most so many."""
    if type(found) is not list:
        refuse(place, f"is {shown(found)}, not a list")
    if most is not None and len(found) > most:
        refuse(place, f"has {len(found):,} entries, and at most {most:,} are allowed")
    return found


def number(found: Any, place: str) -> float:  # noqa: ANN401
    """A finite number as a double; true and false are none."""
    if type(found) not in (int, float):
        refuse(place, f"is {shown(found)}, not a number")
    try:
        value = float(found)
    except OverflowError:
        value = float("inf")
    if not isfinite(value):
        refuse(place, f"is {shown(found)}, not a finite double")
    return value


def numbers(found: Any, place: str) -> list[float]:  # noqa: ANN401
    """A list of finite numbers as doubles."""
    values = items(found, place)
    if set(map(type, values)) <= {int, float}:
        try:
            doubles = list(map(float, values))
        except OverflowError:
            pass
        else:
            if all(map(isfinite, doubles)):
                return doubles
    # Slower, to find the place.
    return [number(value, f"{place}[{position}]") for position, value in enumerate(values)]


def integer(found: Any, place: str, least: int, most: int) -> int:  # noqa: ANN401
    """An integer within bounds, both included."""
    if type(found) is not int:
        refuse(place, f"is {shown(found)}, not an integer")
    if not least <= found <= most:
        refuse(place, f"is {shown(found)}, not within {least} to {most}")
    return found


def integers(found: Any, place: str, least: int, most: int) -> list[int]:  # noqa: ANN401
    """A list of integers within bounds, both included."""
    values = items(found, place)
    if set(map(type, values)) <= {int} and (not values or (least <= min(values) and max(values) <= most)):
        return values
    return [integer(value, f"{place}[{position}]", least, most) for position, value in enumerate(values)]


def text(found: Any, place: str) -> str:  # noqa: ANN401
    """A text that PostgreSQL can hold, of at most 1,000 bytes in UTF-8."""
    if type(found) is not str:
        refuse(place, f"is {shown(found)}, not a text")
    if "\0" in found:
        refuse(place, "holds U+0000")
    try:
        size = len(found.encode())
    except UnicodeEncodeError:
        refuse(place, "holds half of a surrogate pair")
    if size > MOST_TEXT:
        refuse(place, f"has {size:,} bytes, and at most {MOST_TEXT:,} are allowed")
    return found


def choice(found: Any, place: str, choices: Collection[str]) -> str:  # noqa: ANN401
    """One of the words."""
    if type(found) is not str or found not in choices:
        refuse(place, f"is {shown(found)}, not one of {', '.join(choices)}")
    return found


def flag(found: Any, place: str) -> bool:  # noqa: ANN401
    """True or false."""
    if type(found) is not bool:
        refuse(place, f"is {shown(found)}, not true or false")
    return found


def members(found: Any, place: str, *, texts: bool) -> list[Any]:  # noqa: ANN401
    """A sorted list of texts, or of numbers, without repetitions."""
    values = items(found, place)
    if texts:
        kept: list[Any] = [text(value, f"{place}[{position}]") for position, value in enumerate(values)]
    else:
        kept = numbers(values, place)
    for position in range(1, len(kept)):
        if not kept[position - 1] < kept[position]:
            refuse(f"{place}[{position}]", f"is {shown(values[position])}, and does not come after the one before it")
    return kept


class Budget:
    """What is left of a limit that several parts of a program share.

    Attributes:
        most: the limit.
    """

    def __init__(self, most: int, what: str) -> None:
        self.most = self._left = most
        self._what = what

    def spend(self, count: int, place: str) -> None:
        """Takes so many from it.

        Raises:
            Refusal: there are not so many left.
        """
        self._left -= count
        if self._left < 0:
            refuse(place, f"brings the program past {self.most:,} {self._what}")
