"""Requests for scores as they are sent over HTTP: bodies that nobody vouches for, the rows in them, what they score.

The web service and functions of a cloud take the same ones, and refuse the same.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pgscore.errors import PgscoreError

from .payload import arrays
from .problems import Problem, malformed, segment, wrong_body

if TYPE_CHECKING:
    from .evaluate import Bundle

    Row = dict[str, Any]

# What a request has at most, where nobody says otherwise.
MOST_ROWS, MOST_EVENTS = 1000, 10_000
_FIELDS = frozenset(("row", "rows", "events", "binding"))
# Past so many digits no double holds a number, and reading it takes long.
_DIGITS = 400


class Given(NamedTuple):
    """What a body says.

    Attributes:
        rows: the rows.
        places: of each row where it stands in the body.
        single: whether there is one, and one answer.
        events: of each row those that have come since; None: there are none, and nothing is to be reduced.
        binding: the name of the binding that says what they do; None: the only one.
    """

    rows: list[Row]
    places: list[str]
    single: bool
    events: list[list[Row]] | None = None
    binding: str | None = None


def parsed(body: bytes | str) -> Row:
    """The object that a body is.

    Raises:
        Problem: it is no JSON, or none that says one thing: a name that stands twice is refused.
    """
    try:
        # A text is not always one in UTF-8: a JSON string that a platform has read may hold half a character.
        text = (body if isinstance(body, bytes) else body.encode()).decode()
        document = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            # Half a pair of surrogates is no character.
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise malformed("it is nested too deeply") from None
    except UnicodeError:
        raise malformed("it is not text in UTF-8") from None
    except ValueError as error:
        raise malformed(str(error)) from None
    if type(document) is not dict:
        errors = [{"pointer": "", "detail": "it is no object"}]
        detail = "the body is to be a JSON object"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-body", detail, errors=errors)
    return document


def given_rows(document: Row, most_rows: int = MOST_ROWS, most_events: int = MOST_EVENTS) -> Given:
    """The rows of a body, and what has come since.

    Raises:
        Problem: they are none, or too many.
    """
    if len(document) == 1 and type(row := document.get("row")) is dict:
        return Given([row], ["/row"], single=True)
    for name in document.keys() - _FIELDS:
        raise wrong_body(f"/{segment(name)}", "there is no such member: a body has row or rows, events and binding")
    if ("row" in document) == ("rows" in document):
        raise wrong_body("", "a body has either row or rows")
    single = "row" in document
    rows = [document["row"]] if single else document["rows"]
    if type(rows) is not list or not 0 < len(rows) <= most_rows:
        raise wrong_body("/rows", f"it is to be an array of 1 to {most_rows:,} objects")
    places = ["/row"] if single else [f"/rows/{n}" for n in range(len(rows))]
    for row, place in zip(rows, places, strict=True):
        if type(row) is not dict:
            raise wrong_body(place, "it is to be an object of the inputs by their names")
    found = Given(rows, places, single)
    if "events" in document:
        return _with_events(found, document, most_events)
    if "binding" in document:
        raise wrong_body("/binding", "it goes with events")
    return found


def _with_events(found: Given, document: Row, most: int) -> Given:
    events = [document["events"]] if found.single else document["events"]
    if type(events) is not list or len(events) != len(found.rows):
        raise wrong_body("/events", "it is to be an array, for rows of one array for each of them")
    if any(type(each) is not list or any(type(event) is not dict for event in each) for each in events):
        raise wrong_body("/events", "it is to be an array of objects, which are events")
    if sum(map(len, events)) > most:
        raise wrong_body("/events", f"it is to have at most {most:,} events")
    name = document.get("binding")
    if name is not None and type(name) is not str:
        raise wrong_body("/binding", "it is to be a binding's name")
    return found._replace(events=events, binding=name)


def reduced(bundle: Bundle, found: Given) -> Given:
    """The rows as their events leave them, by one of the bundle's bindings.

    Raises:
        Problem: the events cannot be reduced.
    """
    if found.events is None:
        return found
    columns = _moved(bundle, found.binding)
    rows = []
    for n, (row, events) in enumerate(zip(found.rows, found.events, strict=True)):
        try:
            rows.append(bundle.reduce(row, events, binding=found.binding, columns=columns))
        except PgscoreError as error:
            # Whether events can be reduced is a matter of the profile, too.
            raise Problem(
                HTTPStatus.CONFLICT,
                "not-reduced",
                f"{error} {error.hint}".strip(),
                errors=[{"pointer": "/events" if found.single else f"/events/{n}", "detail": str(error)}],
            ) from None
    return found._replace(rows=rows, events=None)


def _moved(bundle: Bundle, name: str | None) -> list[str] | None:
    """The columns that the model reads: what cannot be known of others does not stand in the way."""
    for each in bundle.opened.bindings:
        if name in (None, each["name"]):
            return [one["column"] for one in each["reducers"] if one["column"] in bundle.inputs]
    return None


def scored(bundle: Bundle, row: Row) -> Row:
    """A row's score; where there is none, why, as far as that is known.

    Raises:
        PgscoreError: an input is not there, or of another type.
    """
    score = bundle.score(row)
    return {"score": score} if score is not None else {"score": None, "reason": bundle.reason(row)}


def wrong_row(bundle: Bundle, row: Row, place: str, error: Exception) -> Problem:
    """Where a row that stands at a place of the body is wrong: each input that is."""
    errors = []
    for each in bundle.opened.program.inputs:
        try:
            arrays((each,), row)
        except PgscoreError as problem:
            errors.append({"pointer": f"{place}/{segment(each.name)}", "detail": str(problem)})
        except RecursionError:
            errors.append({"pointer": f"{place}/{segment(each.name)}", "detail": "it is nested too deeply"})
    if not errors:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", str(error))
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-row", errors[0]["detail"], errors=errors)


def encoded(document: Any) -> str:  # noqa: ANN401
    """A document as JSON; numbers that it has not are the texts Infinity, -Infinity and NaN."""
    try:
        return _encode(document)
    except ValueError:
        return _encode(_finite(document))


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write it as a text")


def _integer(digits: str) -> int | float:
    if len(digits) > _DIGITS:
        return -inf if digits[0] == "-" else inf
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)
_encode = json.JSONEncoder(allow_nan=False).encode
